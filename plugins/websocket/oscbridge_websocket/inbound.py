"""What a client sends: read, and held against what it may send."""

from __future__ import annotations

from typing import Final

import oscbridge
from oscbridge import decode_json
from oscbridge_websocket.rights import Rights
from oscbridge_websocket.tokens import TOKEN_ADDRESS, from_message

__all__ = ["RIGHTS", "check", "count", "is_special", "read", "read_token"]

RIGHTS: Final = "rights"
"""The reason of a ``DecodeError`` about a message that may not be sent."""

_BEGINNINGS: Final = (b"#", TOKEN_ADDRESS.encode() + b"\0")


def is_special(data: bytes) -> bool:
    """Whether a packet must be looked into even if its sender may send all: a bundle, a token."""
    return data.startswith(_BEGINNINGS)


def read(frame: str | bytes, *, json: bool) -> oscbridge.Packet:
    """The packet in a frame. Raises :class:`oscbridge.DecodeError`."""
    if isinstance(frame, bytes):
        return oscbridge.decode_packet(frame)
    if not json:
        raise oscbridge.DecodeError("text", "a text frame, without the subprotocol osc.json")
    return decode_json(frame)


def read_token(frame: str | bytes, *, json: bool) -> str | None:
    """The token in a first frame, or None if it is something else."""
    try:
        return from_message(read(frame, json=json))
    except oscbridge.DecodeError:
        return None


def count(packet: oscbridge.Packet) -> int:
    """How many messages it holds."""
    return (
        1 if isinstance(packet, oscbridge.Message) else sum(1 for _ in oscbridge.messages(packet))
    )


def check(packet: oscbridge.Packet, rights: Rights) -> None:
    """Raise :class:`oscbridge.DecodeError` for what may not be sent on.

    A bundle belongs together: one message in it that may not be sent stops all of it. No
    token is passed on, as it would go to everybody.
    """
    for message in oscbridge.messages(packet):
        address = message.address
        if address == TOKEN_ADDRESS:
            raise oscbridge.DecodeError(
                "token", f"{TOKEN_ADDRESS} is for the first message, where a token is needed"
            )
        if not rights.may_send(address):
            what = (
                "a pattern may not be sent" if oscbridge.is_pattern(address) else "may not be sent"
            )
            why = "with this token" if rights.sends else "as this token only listens"
            raise oscbridge.DecodeError(RIGHTS, f"{address[:80]}: {what} {why}")
