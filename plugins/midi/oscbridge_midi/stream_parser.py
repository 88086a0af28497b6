"""Splits a stream of MIDI bytes into messages. Pure.

mido's parser does not support running status, drops a message that is interrupted by a clock
tick, buffers a sysex of any length, and does not report what it drops. Real gear uses the first
two, and oscbridge counts everything that it drops.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import oscbridge
from oscbridge_midi.codec import MAX_SYSEX, size

__all__ = ["MidiStreamParser"]

_START: Final = 0xF0
_END: Final = 0xF7
_REAL_TIME: Final = 0xF8


class MidiStreamParser:
    """Takes bytes in pieces of any size and returns complete messages.

    Bytes that are not a message yield a :class:`oscbridge.DecodeError`. It buffers at most one
    message, of at most ``MAX_SYSEX`` bytes.
    """

    def __init__(self) -> None:
        self._message = bytearray()
        """The incomplete message. After a complete channel message its status byte stays, because
        data that follows starts another message with it (running status)."""
        self._fresh = False
        """Whether the status byte was received with this message."""
        self._size = 0
        """The message's final size; 0 for a sysex and before the first status byte."""
        self._skipping = False
        """Whether data bytes belong to something that was already reported."""

    def feed(self, data: Iterable[int]) -> Iterator[bytes | oscbridge.DecodeError]:
        """The messages completed by these bytes, in order."""
        message = self._message
        for byte in data:
            if byte < 0x80:
                if message:
                    message.append(byte)
                    if len(message) == self._size:
                        yield bytes(message)
                        self._next()
                    elif len(message) >= MAX_SYSEX:
                        yield oscbridge.DecodeError(
                            "size", f"a sysex of more than {MAX_SYSEX} bytes"
                        )
                        self._forget(skipping=True)
                elif not self._skipping:
                    self._skipping = True
                    yield oscbridge.DecodeError("stray", f"data {byte:#04x} without a status byte")
            elif byte >= _REAL_TIME:
                if size(byte):
                    yield bytes((byte,))  # allowed within another message
                else:
                    yield _undefined(byte)
            elif byte == _END and message and message[0] == _START:
                message.append(byte)
                yield bytes(message)
                self._forget()
            else:
                yield from self._begin(byte)

    def _begin(self, status: int) -> Iterator[bytes | oscbridge.DecodeError]:
        yield from self.end()
        self._size = size(status)
        if self._size == 1:
            yield bytes((status,))
        elif self._size or status == _START:
            self._message.append(status)
            self._fresh = True
        elif status == _END:
            yield oscbridge.DecodeError("stray", "end of a sysex without a start")
        else:
            yield _undefined(status)
            self._skipping = True

    def end(self) -> Iterator[oscbridge.DecodeError]:
        """Report an incomplete message: the stream has ended."""
        message = bytes(self._message)
        if message[:1] == b"\xf0":
            yield oscbridge.DecodeError("truncated", f"incomplete sysex: {_show(message)}")
        elif len(message) > 1 or self._fresh:
            yield oscbridge.DecodeError("truncated", f"incomplete message: {_show(message)}")
        self._forget()

    def _next(self) -> None:
        """A message is complete; after a channel message, running status applies."""
        if self._message[0] < _START:
            del self._message[1:]
            self._fresh = False
        else:
            self._forget()

    def _forget(self, *, skipping: bool = False) -> None:
        self._message.clear()
        self._size = 0
        self._fresh = False
        self._skipping = skipping


def _undefined(status: int) -> oscbridge.DecodeError:
    return oscbridge.DecodeError("status", f"{status:#04x} is not a defined status byte")


def _show(message: bytes) -> str:
    return message.hex(" ") if len(message) <= 8 else f"{message[:8].hex(' ')} …"
