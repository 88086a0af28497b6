"""OSC packets in a byte stream: where each begins and ends.

Two framings are in use. OSC 1.0 (section "OSC Packets") writes an int32 size before each
packet. OSC 1.1 wants SLIP (RFC 1055) with an END at both ends. :class:`AutoDecoder` tells
them apart by the first byte.

A decoder belongs to one connection. When its stream goes wrong, ``feed`` still returns the
frames that came before the fault and sets ``error``; the next ``feed`` raises it. So a
receive loop needs no ``try``, and no good frame is lost to a bad one behind it::

    framing = decoder_for("auto")
    while framing.error is None and (data := connection.recv(65536)):
        for packet in framing.feed(data):
            connection.sendall(framing.encode(answer(packet)))

The reasons that an ``error`` can have:

=================== ============ =====================================================
``max_packet_size`` LimitError   a packet has, or claims to have, more bytes than that
``negative_length`` DecodeError  OSC 1.0: a size is below zero
``bad_escape``      DecodeError  SLIP: ESC before something else than ESC_END, ESC_ESC
``unknown_framing`` DecodeError  auto: the first byte begins neither framing
``truncated``       DecodeError  the stream ended within a frame (:meth:`Framing.cut`)
=================== ============ =====================================================
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from itertools import takewhile
from struct import Struct
from typing import Final, Literal

from oscbridge.errors import DecodeError, LimitError
from oscbridge.osc.limits import MAX_PACKET_SIZE

__all__ = [
    "AutoDecoder",
    "Framing",
    "LengthPrefixDecoder",
    "SLIPDecoder",
    "decoder_for",
    "encode_length_prefix",
    "encode_slip",
    "encoder_for",
]

_INT32: Final = Struct(">i")

# RFC 1055, "PROTOCOL".
_END: Final = b"\xc0"
_ESC: Final = b"\xdb"
_ESC_END: Final = b"\xdb\xdc"
_ESC_ESC: Final = b"\xdb\xdd"
_BAD_ESCAPE: Final = re.compile(rb"\xdb(?![\xdc\xdd])")

# SLIP begins with END or, from a peer that writes END only after a frame, with an address
# or "#bundle". No limit is as large as a size whose first byte is one of these.
_SLIP_STARTS: Final = b"\xc0/#"
_HIGHEST_LIMIT: Final = 0x22FF_FFFF


def encode_length_prefix(packet: bytes) -> bytes:
    """Frame one packet for OSC 1.0: its size as a big-endian int32, then the packet."""
    return _INT32.pack(len(packet)) + packet


def encode_slip(packet: bytes) -> bytes:
    """Frame one packet for OSC 1.1: SLIP, with an END before it as well as after it."""
    # ESC goes first: the escape of END brings in ESCs of its own.
    return _END + packet.replace(_ESC, _ESC_ESC).replace(_END, _ESC_END) + _END


class Framing(ABC):
    """One connection's framing: an incremental decoder, and the encoder for its replies.

    ``limit`` is the most bytes in a frame, its framing not counted; ``ValueError`` if it is
    out of range. Between calls a decoder holds less than ``limit`` + 4 bytes (and takes up
    to an eighth more for them).
    """

    mode: Literal["1.0", "1.1"] | None = None  # None while unknown
    error: DecodeError | None = None  # what ended the stream

    def __init__(self, max_packet_size: int = MAX_PACKET_SIZE) -> None:
        if not 0 < max_packet_size <= _HIGHEST_LIMIT:
            text = f"max_packet_size must be 1 to {_HIGHEST_LIMIT} bytes, got {max_packet_size}"
            raise ValueError(text)
        self.max_packet_size = max_packet_size
        self._held = bytearray()  # the beginning of a frame
        self._offset = 0  # in the stream, of the first byte not dealt with yet

    @property
    def pending(self) -> int:
        """Bytes held of an unfinished frame. Above 0 when the stream ends, it was cut."""
        return len(self._held)

    def encode(self, packet: bytes) -> bytes:
        """Frame one packet as this peer does; as OSC 1.1 while that is unknown."""
        return encoder_for(self.mode or "auto")(packet)

    def cut(self) -> DecodeError | None:
        """What is wrong if the stream ends here: it cuts a frame off, or nothing."""
        if not self.pending:
            return None
        text = f"the stream ended within a frame, after {self.pending} bytes of it"
        return DecodeError("truncated", text)

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next bytes; return the frames that they complete, in order, none empty.

        A fault in ``data`` sets ``error``: look at it after each call. Every call after
        that raises it (``DecodeError``, which ``LimitError`` is too).
        """
        if self.error is not None:
            raise self.error.with_traceback(None)  # or its traceback grows with each raise
        return self._split(data)

    @abstractmethod
    def _split(self, data: bytes) -> list[bytes]: ...

    def _fail(self, error: DecodeError) -> None:
        self.error = error
        self._held.clear()


class LengthPrefixDecoder(Framing):
    """OSC 1.0, section "OSC Packets": int32 size, packet, int32 size, packet, …

    A size of 0 is an empty frame. Memory is taken for bytes that came, not for a size.
    """

    mode = "1.0"
    _needed = 4  # bytes to hold before another look at them can find more

    def _split(self, data: bytes) -> list[bytes]:
        held = self._held
        if held:
            held += data
            if len(held) < self._needed:  # or a frame in small pieces costs its square
                return []
            data = bytes(held)
            held.clear()
        frames: list[bytes] = []
        start, end = 0, len(data)
        self._needed = 4
        while start + 4 <= end:
            (size,) = _INT32.unpack_from(data, start)
            if not 0 <= size <= self.max_packet_size:
                self._fail(self._bad_size(size, self._offset + start))
                return frames
            after = start + 4 + size
            if after > end:
                self._needed += size
                break
            if size:
                frames.append(data[start + 4 : after])
            start = after
        self._offset += start
        held += data[start:]
        return frames

    def _bad_size(self, size: int, offset: int) -> DecodeError:
        text = f"frame size {size} at stream offset {offset}"
        if offset == 0 and _INT32.pack(size)[0] in _SLIP_STARTS:
            text += " (does the peer speak OSC 1.1, SLIP?)"
        if size < 0:
            return DecodeError("negative_length", f"{text} is negative")
        return _too_long(text, self.max_packet_size)


class SLIPDecoder(Framing):
    """OSC 1.1: SLIP (RFC 1055).

    END may stand at both ends of a frame, only after it, or once between two: whatever
    lies before an END is a frame, unless it is nothing.
    """

    mode = "1.1"
    _half = b""  # the ESC that came last, while it is not known of what

    @property
    def pending(self) -> int:
        return len(self._held) + len(self._half)

    def _split(self, data: bytes) -> list[bytes]:
        fault: DecodeError | None = None
        if self._half:
            data, self._half = self._half + data, b""
        if _ESC not in data:
            pieces = data.split(_END)
        else:
            if data.endswith(_ESC):
                data, self._half = data[:-1], _ESC
            if bad := _BAD_ESCAPE.search(data):
                text = f"SLIP ESC at stream offset {self._offset + bad.start()} escapes nothing"
                fault = DecodeError("bad_escape", text)
                data = data[: bad.start()]
            # Every ESC left begins a valid pair, so neither replacement makes a new one.
            pieces = [
                piece.replace(_ESC_END, _END).replace(_ESC_ESC, _ESC) for piece in data.split(_END)
            ]
        self._offset += len(data)
        held, limit = self._held, self.max_packet_size
        longest = len(held) + len(data)  # at the most, which mostly settles it
        rest = pieces.pop()
        if pieces and held:
            pieces[0] = b"".join((held, pieces[0]))
            held.clear()
        held += rest
        frames = list(filter(None, pieces))
        if longest > limit and max(map(len, (*frames, held))) > limit:
            frames = list(takewhile(lambda frame: len(frame) <= limit, frames))
            fault = _too_long("SLIP frame", limit)  # it lies before any bad escape
        if fault is not None:
            self._half = b""
            self._fail(fault)
        return frames


class AutoDecoder(Framing):
    """Tell the peer's framing by how it begins, as liblo does; then be that one.

    One byte is enough where liblo waits for four, because no size within a limit begins
    like SLIP.
    """

    _found: Framing | None = None

    @property
    def pending(self) -> int:
        return self._found.pending if self._found else 0

    def _split(self, data: bytes) -> list[bytes]:
        if self._found is None:
            if not data:
                return []
            if data[0] in _SLIP_STARTS:
                self._found = SLIPDecoder(self.max_packet_size)
            elif (
                data[0] <= self.max_packet_size >> 24
            ):  # the highest byte of a size within the limit
                self._found = LengthPrefixDecoder(self.max_packet_size)
            else:
                text = f"a stream that begins with 0x{data[0]:02X} is no OSC 1.0 and no SLIP"
                self._fail(DecodeError("unknown_framing", text))
                return []
            self.mode = self._found.mode
        frames = self._found._split(data)
        self.error = self._found.error
        return frames


_MODES: Final[dict[str, tuple[type[Framing], Callable[[bytes], bytes]]]] = {
    "1.0": (LengthPrefixDecoder, encode_length_prefix),
    "1.1": (SLIPDecoder, encode_slip),
    "auto": (AutoDecoder, encode_slip),
}


def decoder_for(mode: str, max_packet_size: int = MAX_PACKET_SIZE) -> Framing:
    """Make the decoder of one connection. Raises ``ValueError`` for an unknown ``mode``."""
    return _known(mode)[0](max_packet_size)


def encoder_for(mode: str) -> Callable[[bytes], bytes]:
    """Return the encoder for ``mode``. Raises ``ValueError`` for an unknown one.

    For "auto" it is OSC 1.1's: who speaks first must choose. Who answers does so in the
    peer's framing, with :meth:`Framing.encode`.
    """
    return _known(mode)[1]


def _too_long(what: str, limit: int) -> LimitError:
    return LimitError("max_packet_size", f"{what} exceeds max_packet_size = {limit} bytes")


def _known(mode: str) -> tuple[type[Framing], Callable[[bytes], bytes]]:
    if mode not in _MODES:
        choice = '"1.0" (length prefix), "1.1" (SLIP) or "auto" (as the peer does)'
        raise ValueError(f"unknown OSC framing {mode!r}: use {choice}")
    return _MODES[mode]
