"""Framing of OSC packets in a byte stream.

Two framings are in use. OSC 1.0 (section "OSC Packets") writes an int32 size before each
packet. OSC 1.1 requires SLIP (RFC 1055) with an END at both ends. :class:`AutoDecoder`
recognises them by the first byte.

A decoder belongs to one connection. At an invalid byte ``feed`` still returns the packets
before it and sets ``error``; the next ``feed`` raises it. So a receive loop needs no ``try``,
and no valid packet is lost because of an invalid one after it::

    framing = stream_decoder("auto")
    while framing.error is None and (data := connection.recv(65536)):
        for packet in framing.feed(data):
            connection.sendall(framing.encode(answer(packet)))

The possible reasons of an ``error``:

=================== ============ =====================================================
``max_packet_size`` LimitError   a packet has, or claims to have, more bytes than that
``negative_length`` DecodeError  OSC 1.0: a size is negative
``bad_escape``      DecodeError  SLIP: ESC not followed by ESC_END or ESC_ESC
``unknown_framing`` DecodeError  auto: the first byte fits neither framing
``wrong_framing``   DecodeError  SLIP: the stream begins with a length prefix of OSC 1.0
``truncated``       DecodeError  the stream ended within a packet (:meth:`Framing.cut`)
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
from oscbridge.osc.framing_mismatch import (
    RECOGNISED,
    SLIP_STARTS,
    is_length_prefix,
    length_prefix_instead,
    slip_instead,
)
from oscbridge.osc.limits import MAX_PACKET_SIZE

__all__ = [
    "AutoDecoder",
    "Framing",
    "LengthPrefixDecoder",
    "SLIPDecoder",
    "encode_length_prefix",
    "encode_slip",
    "stream_decoder",
    "stream_encoder",
]

_INT32: Final = Struct(">i")

# RFC 1055, "PROTOCOL".
_END: Final = b"\xc0"
_ESC: Final = b"\xdb"
_ESC_END: Final = b"\xdb\xdc"
_ESC_ESC: Final = b"\xdb\xdd"
_BAD_ESCAPE: Final = re.compile(rb"\xdb(?![\xdc\xdd])")

# Below the sizes whose first byte is one of SLIP_STARTS.
_HIGHEST_LIMIT: Final = 0x22FF_FFFF


def encode_length_prefix(packet: bytes) -> bytes:
    """Frame one packet for OSC 1.0: its size as a big-endian int32, then the packet."""
    return _INT32.pack(len(packet)) + packet


def encode_slip(packet: bytes) -> bytes:
    """Frame one packet for OSC 1.1: SLIP, with an END before it as well as after it."""
    # ESC first, as the escape of END contains one.
    return _END + packet.replace(_ESC, _ESC_ESC).replace(_END, _ESC_END) + _END


class Framing(ABC):
    """One connection's framing: an incremental decoder, and the encoder for its replies.

    ``max_packet_size`` is in bytes, without the framing; ``ValueError`` if it is out of range.
    Between calls a decoder buffers less than ``max_packet_size`` + 4 bytes (and may allocate an
    eighth more).
    """

    mode: Literal["1.0", "1.1"] | None = None  # None until it is known
    error: DecodeError | None = None  # why the stream ended

    def __init__(self, max_packet_size: int = MAX_PACKET_SIZE) -> None:
        if not 0 < max_packet_size <= _HIGHEST_LIMIT:
            text = f"max_packet_size must be 1 to {_HIGHEST_LIMIT} bytes, got {max_packet_size}"
            raise ValueError(text)
        self.max_packet_size = max_packet_size
        self._held = bytearray()  # the beginning of a packet
        self._offset = 0  # in the stream, of the first byte not yet processed

    @property
    def pending(self) -> int:
        """Bytes buffered of an incomplete packet. Above 0 at the end of a stream: truncated."""
        return len(self._held)

    def encode(self, packet: bytes) -> bytes:
        """Frame one packet in the peer's framing; in OSC 1.1 until that is known."""
        return stream_encoder(self.mode or "auto")(packet)

    def cut(self) -> DecodeError | None:
        """The error if the stream ends here within a packet, else None."""
        if not self.pending:
            return None
        text = f"stream ended within a packet, after {self.pending} bytes of it"
        return DecodeError("truncated", text)

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next bytes; return the packets that they complete, in order, none empty.

        Invalid ``data`` sets ``error``: check it after each call. Every later call raises it, a
        ``DecodeError`` or its subclass ``LimitError``.
        """
        if self.error is not None:
            raise self.error.with_traceback(None)  # else its traceback grows with each raise
        return self._split(data)

    @abstractmethod
    def _split(self, data: bytes) -> list[bytes]: ...

    def _fail(self, error: DecodeError) -> None:
        self.error = error
        self._held.clear()


class LengthPrefixDecoder(Framing):
    """OSC 1.0, section "OSC Packets": int32 size, packet, int32 size, packet, …

    A size of 0 is an empty packet. Memory is allocated for received bytes, not for a size.
    """

    mode = "1.0"
    _needed = 4  # bytes to buffer before a packet can be complete

    def _split(self, data: bytes) -> list[bytes]:
        held = self._held
        if not self._offset and not held and data and data[0] in SLIP_STARTS:
            # No size begins like this.
            self._fail(slip_instead(data[0]))
            return []
        if held:
            held += data
            if len(held) < self._needed:  # else a packet in small pieces costs quadratic time
                return []
            data = bytes(held)
            held.clear()
        packets: list[bytes] = []
        start, end = 0, len(data)
        self._needed = 4
        while start + 4 <= end:
            (size,) = _INT32.unpack_from(data, start)
            if not 0 <= size <= self.max_packet_size:
                self._fail(self._bad_size(size, self._offset + start))
                return packets
            after = start + 4 + size
            if after > end:
                self._needed += size
                break
            if size:
                packets.append(data[start + 4 : after])
            start = after
        self._offset += start
        held += data[start:]
        return packets

    def _bad_size(self, size: int, offset: int) -> DecodeError:
        text = f"packet size {size} at stream offset {offset}"
        if size < 0:
            return DecodeError("negative_length", f"{text} is negative")
        return _too_long(text, self.max_packet_size)


class SLIPDecoder(Framing):
    """OSC 1.1: SLIP (RFC 1055).

    END may be at both ends of a packet, only after it, or once between two: all bytes before
    an END are a packet, unless there are none.
    """

    mode = "1.1"
    _half = b""  # a trailing ESC whose second byte is still missing
    _first: bytes | None = b""  # the first bytes of the stream, until they are recognised

    @property
    def pending(self) -> int:
        return len(self._held) + len(self._half)

    def _split(self, data: bytes) -> list[bytes]:
        error: DecodeError | None = None
        if self._first is not None and data:
            first = (self._first + data)[:RECOGNISED]
            # No packet begins with a NUL.
            is_open = first.startswith(b"\0") and len(first) < RECOGNISED
            self._first = first if is_open else None
            if not is_open and is_length_prefix(first, self.max_packet_size):
                self._fail(length_prefix_instead())
                return []
        if self._half:
            data, self._half = self._half + data, b""
        if _ESC not in data:
            pieces = data.split(_END)
        else:
            if data.endswith(_ESC):
                data, self._half = data[:-1], _ESC
            if bad := _BAD_ESCAPE.search(data):
                text = f"invalid SLIP escape at stream offset {self._offset + bad.start()}"
                error = DecodeError("bad_escape", text)
                data = data[: bad.start()]
            # Every remaining ESC begins a valid pair, so neither replacement creates another.
            pieces = [
                piece.replace(_ESC_END, _END).replace(_ESC_ESC, _ESC) for piece in data.split(_END)
            ]
        self._offset += len(data)
        held, limit = self._held, self.max_packet_size
        longest = len(held) + len(data)  # an upper bound, which is mostly enough
        rest = pieces.pop()
        if pieces and held:
            pieces[0] = b"".join((held, pieces[0]))
            held.clear()
        held += rest
        packets = list(filter(None, pieces))
        if longest > limit and max(map(len, (*packets, held))) > limit:
            packets = list(takewhile(lambda packet: len(packet) <= limit, packets))
            error = _too_long("SLIP packet", limit)  # it is before any invalid escape
        if error is not None:
            self._half = b""
            self._fail(error)
        return packets


class AutoDecoder(Framing):
    """Recognises the peer's framing by its first byte, then decodes it.

    One byte is enough where liblo waits for four, because no size within the limit begins like
    SLIP.
    """

    _found: Framing | None = None

    @property
    def pending(self) -> int:
        return self._found.pending if self._found else 0

    def _split(self, data: bytes) -> list[bytes]:
        if self._found is None:
            if not data:
                return []
            if data[0] in SLIP_STARTS:
                self._found = SLIPDecoder(self.max_packet_size)
            elif (
                data[0] <= self.max_packet_size >> 24
            ):  # the highest byte of a size within the limit
                self._found = LengthPrefixDecoder(self.max_packet_size)
            else:
                text = f"a stream starting with 0x{data[0]:02X} is neither OSC 1.0 nor SLIP"
                self._fail(DecodeError("unknown_framing", text))
                return []
            self.mode = self._found.mode
        packets = self._found._split(data)
        self.error = self._found.error
        return packets


_MODES: Final[dict[str, tuple[type[Framing], Callable[[bytes], bytes]]]] = {
    "1.0": (LengthPrefixDecoder, encode_length_prefix),
    "1.1": (SLIPDecoder, encode_slip),
    "auto": (AutoDecoder, encode_slip),
}


def stream_decoder(mode: str, max_packet_size: int = MAX_PACKET_SIZE) -> Framing:
    """Make the decoder of one connection. Raises ``ValueError`` for an unknown ``mode``."""
    return _known(mode)[0](max_packet_size)


def stream_encoder(mode: str) -> Callable[[bytes], bytes]:
    """Return the encoder for ``mode``. Raises ``ValueError`` for an unknown one.

    For "auto" it is that of OSC 1.1, as the side that sends first must choose. To reply in the
    peer's framing, use :meth:`Framing.encode`.
    """
    return _known(mode)[1]


def _too_long(what: str, limit: int) -> LimitError:
    return LimitError("max_packet_size", f"{what} exceeds max_packet_size = {limit} bytes")


def _known(mode: str) -> tuple[type[Framing], Callable[[bytes], bytes]]:
    if mode not in _MODES:
        choice = '"1.0" (length prefix), "1.1" (SLIP) or "auto" (like the peer)'
        raise ValueError(f"unknown OSC framing {mode!r}; expected {choice}")
    return _MODES[mode]
