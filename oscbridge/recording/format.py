"""Recordings of OSC packets: the file format, encoded and decoded. Uses no clock.

====== ================= ===================================================================
file                     :data:`MAGIC`, then frames: a header, records, an end
frame                    uint32 size of the body, uint32 CRC-32 of size and body, body
header ``/recording ,ih``  version, start of the recording: Unix time in ns
record ``/packet ,hsssb``  ns since the start, "in" or "out", name, peer, packet
end    ``/end ,h``         ns since the start
====== ================= ===================================================================

Numbers are big-endian, and bodies are OSC messages. Frames are only appended, so a killed
recorder leaves a file that is readable up to the cut. A complete file has an end.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from typing import BinaryIO, Final, Literal, NamedTuple, TypeAlias

from oscbridge.errors import DecodeError, EncodeError, OSCBridgeError
from oscbridge.osc import Argument, Limits, Message, decode_message, encode_message
from oscbridge.osc.limits import MAX_PACKET_SIZE

__all__ = [
    "END_SIZE",
    "MAGIC",
    "MAX_NAME",
    "MAX_PACKET",
    "MAX_RECORD",
    "VERSION",
    "Direction",
    "Record",
    "Recording",
    "RecordingError",
    "RecordingSummary",
    "encode_end",
    "encode_header",
    "encode_record",
    "read_summary",
]

MAGIC: Final = b"OSCrec\r\n"
"""First bytes of a recording. The line end reveals a transfer in text mode."""

VERSION: Final = 1

MAX_PACKET: Final = MAX_PACKET_SIZE
"""Maximum packet size in bytes: the largest that the servers accept."""

MAX_NAME: Final = 256
"""Maximum bytes of a name and of a peer."""

MAX_RECORD: Final = MAX_PACKET + 2 * MAX_NAME + 64
"""Maximum bytes of a frame's body. A file that claims more is damaged."""

LATEST: Final = (1 << 63) - 1
"""Largest time in nanoseconds."""

Direction: TypeAlias = Literal["in", "out"]

_FRAME: Final = struct.Struct(">II")
_SIZE: Final = struct.Struct(">I")
_TIME: Final = struct.Struct(">q")
_PACKET: Final = b"/packet\0,hsssb\0\0"
"""The start of the body of each record; its time follows."""
_PEEK: Final = len(_PACKET) + _TIME.size
_LIMITS: Final = Limits(max_packet_size=MAX_RECORD)


class Record(NamedTuple):
    """A packet with its time and place."""

    time_ns: int
    """Nanoseconds since the start of the recording."""
    direction: Direction
    """"in" from a source, "out" to an endpoint."""
    name: str
    """The bridge or endpoint that it passed, or the address to which it was sent."""
    peer: str
    """Its sender; empty if unknown."""
    packet: bytes
    """The packet as it was; it may not be valid OSC."""


class RecordingError(OSCBridgeError):
    """A recording is damaged. ``offset`` is the first unreadable byte."""

    def __init__(self, offset: int, text: str) -> None:
        super().__init__(f"damaged at byte {offset}: {text}")
        self.offset = offset


def encode_header(start_unix_ns: int) -> bytes:
    """The header of a recording."""
    return MAGIC + _frame("/recording", "ih", VERSION, start_unix_ns)


def encode_record(record: Record) -> bytes:
    """Encode a record. Raises :class:`EncodeError` if it is too large or invalid."""
    if len(record.packet) > MAX_PACKET:
        text = f"a packet of {len(record.packet)} bytes; at most {MAX_PACKET} can be recorded"
        raise EncodeError(text)
    for text in (record.name, record.peer):
        if len(text.encode(errors="replace")) > MAX_NAME:
            raise EncodeError(f"{text[:40]!r}… has more than {MAX_NAME} bytes")
    if not 0 <= record.time_ns <= LATEST:
        raise EncodeError(f"{record.time_ns} ns is not a valid time since the start")
    return _frame("/packet", "hsssb", *record)


def encode_end(time_ns: int) -> bytes:
    """The end of a recording, with its length."""
    return _frame("/end", "h", time_ns)


def _frame(address: str, types: str, *args: int | str | bytes) -> bytes:
    body = encode_message(Message(address, types, args))
    return _FRAME.pack(len(body), _checksum(body)) + body


def _checksum(body: bytes) -> int:
    # Includes the size: otherwise zeros, which a power cut leaves, would be a valid frame.
    return zlib.crc32(body, zlib.crc32(_SIZE.pack(len(body))))


END_SIZE: Final = _FRAME.size + 20
"""Bytes of an encoded end."""


class RecordingSummary(NamedTuple):
    """The facts about a recording that its first and last bytes have."""

    start_unix_ns: int
    """When it began: Unix time in nanoseconds."""
    length_ns: int | None
    """Its length; None if it has no end: it was cut off, or is being recorded."""


def read_summary(file: BinaryIO) -> RecordingSummary:
    """The facts about a recording, without reading all of it.

    Raises :class:`RecordingError` if it is not a recording; ``OSError`` is passed on.
    """
    start = Recording(file).start_unix_ns
    file.seek(max(len(MAGIC), file.seek(0, 2) - END_SIZE))
    found = file.read(END_SIZE)
    body = found[_FRAME.size :]
    if len(found) == END_SIZE and _FRAME.unpack_from(found) == (len(body), _checksum(body)):
        try:
            message = decode_message(body, _LIMITS)
        except DecodeError:
            return RecordingSummary(start, None)
        match message.address, message.types, message.args:
            case "/end", "h", (int(length),) if length >= 0:
                return RecordingSummary(start, length)
    return RecordingSummary(start, None)


class Recording:
    """Reads a recording record by record; iterating continues at the current position.

    Raises :class:`RecordingError` if the file is not a recording, and while iterating where it
    is damaged, after all records before that place. ``OSError`` is passed on.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.offset = 0
        """Bytes read and valid so far."""
        self.length_ns: int | None = None
        """Length of the recording; known after its end was read."""
        magic = file.read(len(MAGIC))
        if magic != MAGIC:
            raise RecordingError(0, _no_magic(magic))
        self.offset = len(MAGIC)
        header = self._next()
        match header.address, header.args:
            case "/recording", (int(version), int(start)) if version == VERSION:
                self.start_unix_ns = start
                """When the recording began: Unix time in nanoseconds."""
            case "/recording", (int(version), *_):
                text = f"version {version} of the format; this program supports version {VERSION}"
                raise RecordingError(len(MAGIC), text)
            case _:
                raise RecordingError(len(MAGIC), f"expected a header, found {header.address}")
        self._first = self.offset

    def rewind(self) -> None:
        """Go back to the first record."""
        self._file.seek(self._first)
        self.offset = self._first

    def skip_to(self, time_ns: int) -> None:
        """Go to the first record that is not before a time, in nanoseconds since the start.

        Skipped parts are not checked; at damage or at the end it stops before it.
        """
        self.rewind()
        while True:
            head = self._file.read(_FRAME.size + _PEEK)
            size = _FRAME.unpack_from(head)[0] if len(head) == _FRAME.size + _PEEK else 0
            time_at = _FRAME.size + len(_PACKET)
            if (
                not _PEEK <= size <= MAX_RECORD
                or head[_FRAME.size : time_at] != _PACKET
                or _TIME.unpack_from(head, time_at)[0] >= time_ns
            ):
                self._file.seek(self.offset)
                return
            self.offset += _FRAME.size + size
            self._file.seek(self.offset)

    def __iter__(self) -> Iterator[Record]:
        while True:
            start = self.offset
            message = self._next()
            match message.address, message.types, message.args:
                case "/packet", "hsssb", args if (record := _record(args)) is not None:
                    yield record
                case "/end", "h", (int(length),) if length >= 0:
                    if self._file.read(1):
                        raise RecordingError(self.offset, "bytes follow the recording's end")
                    self.length_ns = length
                    return
                case _:
                    text = f"not a valid record: {message.address} ,{message.types}"
                    raise RecordingError(start, text)

    def _next(self) -> Message:
        """The message of the next frame."""
        head = self._file.read(_FRAME.size)
        if not head:
            text = "incomplete: it was cut off or is still being recorded"
            raise RecordingError(self.offset, text)
        if len(head) < _FRAME.size:
            raise self._cut(len(head))
        size, checksum = _FRAME.unpack(head)
        if not 0 < size <= MAX_RECORD:
            text = f"a record of {size} bytes; must be 1 to {MAX_RECORD}"
            raise RecordingError(self.offset, text)
        body = self._file.read(size)
        if len(body) < size:
            raise self._cut(len(head) + len(body))
        if _checksum(body) != checksum:
            text = f"wrong checksum of a record of {size} bytes"
            raise RecordingError(self.offset, text)
        try:
            message = decode_message(body, _LIMITS)
        except DecodeError as error:
            raise RecordingError(self.offset, f"not a valid record: {error}") from None
        self.offset += _FRAME.size + size
        return message

    def _cut(self, size: int) -> RecordingError:
        return RecordingError(self.offset, f"the file ends within a record, after {size} bytes")


def _record(args: Sequence[Argument]) -> Record | None:
    """A record, if the arguments are valid and within the limits."""
    match args:
        case int(time_ns), "in" | "out" as direction, str(name), str(peer), bytes(packet):
            named = max(len(name.encode()), len(peer.encode())) <= MAX_NAME
            if time_ns >= 0 and named and len(packet) <= MAX_PACKET:
                return Record(time_ns, direction, name, peer, packet)
    return None


def _no_magic(found: bytes) -> str:
    if not found:
        return "not a recording: the file is empty"
    if MAGIC.startswith(found):
        return f"the file ends within the first {len(MAGIC)} bytes"
    return f"not a recording: it begins with {found!r}"
