"""Packets from clients: decoding, and checking them against the sender's rights."""

from __future__ import annotations

from typing import Final

import oscbridge
from oscbridge_websocket.tokens import TOKEN_ADDRESS, from_message

__all__ = [
    "MAX_FORBIDDEN",
    "RIGHTS",
    "TEXT",
    "WHY_NO_TEXT",
    "check",
    "count",
    "decode",
    "decode_token",
    "needs_check",
]

RIGHTS: Final = "rights"
"""The reason of a ``DecodeError`` for a message that the client has no right to send."""

MAX_FORBIDDEN: Final = 100
"""Messages without the right to send them, after which a client is disconnected."""

TEXT: Final = "text"
"""The reason of a ``DecodeError`` for a text frame of a client that did not ask for JSON."""

WHY_NO_TEXT: Final = "text needs the subprotocol osc.json, or ?format=json in the URL"
"""The reason that such a client is given."""

_CHECKED_PREFIXES: Final = (
    b"#",
    TOKEN_ADDRESS.encode() + b"\0",
    TOKEN_ADDRESS.encode()[1:] + b"\0",  # the bridge adds a missing slash
)


def needs_check(data: bytes) -> bool:
    """Whether a packet must be decoded even if its sender has all rights: a bundle, a token."""
    return data.startswith(_CHECKED_PREFIXES)


def decode(frame: str | bytes, *, json: bool) -> oscbridge.Packet:
    """The packet in a frame. Raises :class:`oscbridge.DecodeError`."""
    if isinstance(frame, bytes):
        return oscbridge.decode_packet(frame)
    if not json:
        raise oscbridge.DecodeError(TEXT, f"a text frame: {WHY_NO_TEXT}")
    return oscbridge.decode_json(frame)


def decode_token(frame: str | bytes, *, json: bool) -> str | None:
    """The token in a first frame, or None if it is anything else."""
    try:
        return from_message(decode(frame, json=json))
    except oscbridge.DecodeError:
        return None


def count(packet: oscbridge.Packet) -> int:
    """The number of messages in a packet."""
    return (
        1 if isinstance(packet, oscbridge.Message) else sum(1 for _ in oscbridge.messages(packet))
    )


def check(packet: oscbridge.Packet, rights: oscbridge.AccessRights) -> None:
    """Raise :class:`oscbridge.DecodeError` for a packet that must not be routed.

    A bundle is atomic: one forbidden message rejects all of it. A token is never routed, because
    every other client would receive it.
    """
    for message in oscbridge.messages(packet):
        address = message.address
        if not address.startswith("/"):  # the bridge adds it
            address = f"/{address}"
        if address == TOKEN_ADDRESS:
            raise oscbridge.DecodeError(
                "token",
                f"{TOKEN_ADDRESS} is reserved for the first message, where a token is required",
            )
        if not rights.may_send(address):
            if not rights.sends:
                why = "this token may only listen"
            elif oscbridge.is_pattern(address):
                why = "this token may not send to this pattern"
            else:
                why = "this token may not send to this address"
            raise oscbridge.DecodeError(RIGHTS, f"{address[:80]}: {why}")
