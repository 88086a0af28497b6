"""Tokens: which there are, and where a client says its own.

In the list of subprotocols, as ``osc.token.`` and the token, percent-encoded: all that a
browser lets a page set. In the header ``Authorization: Bearer``. Or in the first message,
to the address ``/token``. Not in the URL: that is written into logs and histories.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple
from urllib.parse import unquote

import oscbridge
from oscbridge_websocket.options import WebSocketOptions
from oscbridge_websocket.rights import EVERYTHING, Rights

__all__ = [
    "IN_QUERY",
    "SUBPROTOCOL",
    "TOKEN_ADDRESS",
    "Grant",
    "Tokens",
    "from_authorization",
    "from_message",
    "from_subprotocols",
]

SUBPROTOCOL: Final = "osc.token."
"""What the entry in the list of subprotocols begins with; the token follows."""

TOKEN_ADDRESS: Final = "/token"
"""The address of a first message that says the token."""

IN_QUERY: Final = frozenset({"token", "access_token"})
"""Keys of a URL's query that are refused, as people put tokens there."""


class Grant(NamedTuple):
    """What lets a client in."""

    secret: oscbridge.Secret | None
    """The token; None where none is asked for."""
    rights: Rights


class Tokens:
    """All tokens of an endpoint. Without any, everybody may do everything."""

    def __init__(self, options: WebSocketOptions) -> None:
        self._grants = [
            Grant(each.token, Rights.of(each.rights, each.addresses)) for each in options.tokens
        ]
        if options.token is not None:
            self._grants.append(Grant(options.token, EVERYTHING))

    @property
    def needed(self) -> bool:
        """Whether a client must have one."""
        return bool(self._grants)

    def find(self, text: str) -> Grant | None:
        """What a token grants, or None if it is wrong.

        It is held against all of them, whichever it is, so that the time tells nothing.
        """
        found = None
        for grant in self._grants:
            if grant.secret is not None and grant.secret.matches(text):
                found = grant
        return found

    def renew(self, old: Grant) -> Grant | None:
        """What a client that was let in before has now, or None if it may not stay."""
        if not self.needed:
            return Grant(None, EVERYTHING)
        return None if old.secret is None else self.find(old.secret.value)


def from_subprotocols(offered: Iterable[str]) -> str | None:
    """The token in a list of subprotocols."""
    for name in offered:
        if name.startswith(SUBPROTOCOL):
            return unquote(name.removeprefix(SUBPROTOCOL))
    return None


def from_authorization(values: Sequence[str]) -> str | None:
    """The token in the headers ``Authorization``."""
    for value in values:
        scheme, _, text = value.partition(" ")
        if scheme.lower() == "bearer":
            # HTTP's headers come as Latin-1, whatever they are.
            return text.strip().encode("latin-1", "replace").decode("utf-8", "replace")
    return None


def from_message(packet: oscbridge.Packet) -> str | None:
    """The token in a first message, or None if the packet is something else."""
    match packet:
        case oscbridge.Message(address=address, args=[str(text)]) if address == TOKEN_ADDRESS:
            return text
    return None
