"""The packets that make and keep a session of AppleMIDI. Pure.

They begin with ``ff ff`` and two letters. Apple: "MIDI Network Driver Protocol"; the invitations,
their answers and the end (IN, OK, NO, BY), the synchronisation of clocks (CK) and the feedback of
the receiver (RS).
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple, TypeAlias

import oscbridge

__all__ = [
    "MAX_NAME",
    "ClockSync",
    "Feedback",
    "Invitation",
    "SessionCommand",
    "decode_command",
    "is_command",
]

VERSION: Final = 2

MAX_NAME: Final = 128
"""Bytes of a session's name that are read and sent."""

_HEAD: Final = struct.Struct(">H2s")
_INVITATION: Final = struct.Struct(">III")
_SYNC: Final = struct.Struct(">IB3xQQQ")
_FEEDBACK: Final = struct.Struct(">IHH")
_LETTERS: Final = (b"IN", b"OK", b"NO", b"BY")


class Invitation(NamedTuple):
    """An invitation (IN), its acceptance (OK) or refusal (NO), or the end of a session (BY)."""

    letters: bytes
    token: int
    """A random number of the initiator."""
    ssrc: int
    """The number of the sender."""
    name: str = ""

    def encode(self) -> bytes:
        """The packet."""
        data = _HEAD.pack(0xFFFF, self.letters) + _INVITATION.pack(VERSION, self.token, self.ssrc)
        if self.letters not in (b"IN", b"OK"):
            return data
        return data + self.name.encode()[:MAX_NAME] + b"\0"


class ClockSync(NamedTuple):
    """One of three packets (CK 0, 1, 2), with the clocks of both sides in turn."""

    ssrc: int
    step: int
    first: int
    second: int = 0
    third: int = 0

    def encode(self) -> bytes:
        """The packet."""
        return _HEAD.pack(0xFFFF, b"CK") + _SYNC.pack(*self)


class Feedback(NamedTuple):
    """Says what the receiver has got (RS): the sender's journal can forget it."""

    ssrc: int
    sequence: int

    def encode(self) -> bytes:
        """The packet."""
        return _HEAD.pack(0xFFFF, b"RS") + _FEEDBACK.pack(*self, 0)


SessionCommand: TypeAlias = Invitation | ClockSync | Feedback


def is_command(data: bytes) -> bool:
    """Whether a packet is one of these, and not MIDI."""
    return data[:2] == b"\xff\xff"


def decode_command(data: bytes) -> SessionCommand | None:
    """The command in a packet; None for an unknown one. Raises :class:`oscbridge.DecodeError`."""
    letters, rest = data[2:4], data[4:]
    if letters in _LETTERS:
        _require(rest, _INVITATION)
        version, token, ssrc = _INVITATION.unpack_from(rest)
        if version != VERSION:
            raise oscbridge.DecodeError("version", f"version {version} of AppleMIDI, expected 2")
        name = rest[_INVITATION.size :].split(b"\0", 1)[0][:MAX_NAME]
        return Invitation(letters, token, ssrc, name.decode(errors="replace"))
    if letters == b"CK":
        _require(rest, _SYNC)
        sync = ClockSync(*_SYNC.unpack_from(rest))
        if sync.step > 2:
            raise oscbridge.DecodeError("sync", f"clock synchronisation {sync.step}, expected 0-2")
        return sync
    if letters == b"RS":
        _require(rest, _FEEDBACK)
        ssrc, sequence, _ = _FEEDBACK.unpack_from(rest)
        return Feedback(ssrc, sequence)
    return None  # e.g. RL, a limit of the bit rate


def _require(data: bytes, layout: struct.Struct) -> None:
    if len(data) < layout.size:
        raise oscbridge.DecodeError("truncated", f"{len(data)} bytes, expected {layout.size}")
