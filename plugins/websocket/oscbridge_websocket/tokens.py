"""Where a client sends its token.

Accepted are: a subprotocol ``osc.token.TOKEN``, percent-encoded, which is all that a browser
lets a page set; the header ``Authorization: Bearer TOKEN``; and the first message, to the
address ``/token``. A token in the URL is rejected, because URLs end up in logs and histories.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from urllib.parse import unquote

import oscbridge

__all__ = ["SUBPROTOCOL", "TOKEN_ADDRESS", "from_message", "from_subprotocols"]

SUBPROTOCOL: Final = "osc.token."
"""The prefix of the subprotocol that contains the token."""

TOKEN_ADDRESS: Final = "/token"
"""The address of a first message that contains the token."""


def from_subprotocols(offered: Iterable[str]) -> str | None:
    """The token in a list of subprotocols."""
    for name in offered:
        if name.startswith(SUBPROTOCOL):
            return unquote(name.removeprefix(SUBPROTOCOL))
    return None


def from_message(packet: oscbridge.Packet) -> str | None:
    """The token in a first message, or None if the packet is anything else."""
    match packet:
        case oscbridge.Message(address=address, args=[str(text)]) if address == TOKEN_ADDRESS:
            return text
    return None
