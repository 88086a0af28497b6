"""The tokens of an endpoint, and where a client sends its own.

Accepted are: a subprotocol ``osc.token.TOKEN``, percent-encoded, which is all that a browser
lets a page set; the header ``Authorization: Bearer TOKEN``; and the first message, to the
address ``/token``. A token in the URL is rejected, because URLs end up in logs and histories.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple
from urllib.parse import unquote

import oscbridge
from oscbridge_websocket.options import WebSocketOptions
from oscbridge_websocket.rights import ALL_RIGHTS, ClientRights

__all__ = [
    "IN_QUERY",
    "SUBPROTOCOL",
    "TOKEN_ADDRESS",
    "AccessGrant",
    "TokenStore",
    "from_authorization",
    "from_message",
    "from_subprotocols",
]

SUBPROTOCOL: Final = "osc.token."
"""The prefix of the subprotocol that contains the token."""

TOKEN_ADDRESS: Final = "/token"
"""The address of a first message that contains the token."""

IN_QUERY: Final = frozenset({"token", "access_token", "auth", "authorization"})
"""Query parameters that people put tokens into; requests with them are rejected."""


class AccessGrant(NamedTuple):
    """The access that a client has."""

    secret: oscbridge.Secret | None
    """Its token; None where none is required."""
    rights: ClientRights


class TokenStore:
    """All tokens of an endpoint. Without any, every client has all rights."""

    def __init__(self, options: WebSocketOptions) -> None:
        self._grants = [
            AccessGrant(each.token, ClientRights.of(each.rights, each.addresses))
            for each in options.tokens
        ]
        if options.token is not None:
            self._grants.append(AccessGrant(options.token, ALL_RIGHTS))

    @property
    def required(self) -> bool:
        """Whether a client needs a token."""
        return bool(self._grants)

    def find(self, text: str) -> AccessGrant | None:
        """What a token grants, or None if it is wrong.

        It is always compared with all tokens, so the time taken reveals nothing about them.
        """
        found = None
        for grant in self._grants:
            if grant.secret is not None and grant.secret.matches(text):
                found = grant
        return found

    def renew(self, old: AccessGrant) -> AccessGrant | None:
        """The current grant of a connected client, or None if it has no access any more."""
        if not self.required:
            return AccessGrant(None, ALL_RIGHTS)
        return None if old.secret is None else self.find(old.secret.value)


def from_subprotocols(offered: Iterable[str]) -> str | None:
    """The token in a list of subprotocols."""
    for name in offered:
        if name.startswith(SUBPROTOCOL):
            return unquote(name.removeprefix(SUBPROTOCOL))
    return None


def from_authorization(values: Sequence[str]) -> str | None:
    """The token in ``Authorization`` headers."""
    for value in values:
        scheme, _, text = value.partition(" ")
        if scheme.lower() == "bearer":
            # The library decodes header bytes as Latin-1, but the token may be UTF-8.
            return text.strip().encode("latin-1", "replace").decode("utf-8", "replace")
    return None


def from_message(packet: oscbridge.Packet) -> str | None:
    """The token in a first message, or None if the packet is anything else."""
    match packet:
        case oscbridge.Message(address=address, args=[str(text)]) if address == TOKEN_ADDRESS:
            return text
    return None
