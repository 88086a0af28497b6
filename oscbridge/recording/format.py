"""Recordings of OSC packets: the bytes of the file, and how they are read. Knows no clock.

====== ================= ===================================================================
file                     :data:`MAGIC`, then frames: a header, records, an end
frame                    uint32 size of the body, uint32 CRC-32 of size and body, body
header ``/recording ,ih``  version, start of the recording: Unix time in ns
record ``/packet ,hsssb``  ns since the start, "in" or "out", name, peer, packet
end    ``/end ,h``         ns since the start
====== ================= ===================================================================

Numbers are big-endian, and bodies are OSC messages. Frames are only ever added, so a
recorder that is killed leaves a file that can be read up to the cut. A file that is whole
has an end.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from typing import BinaryIO, Final, Literal, NamedTuple, TypeAlias

from oscbridge.errors import DecodeError, EncodeError, OSCBridgeError
from oscbridge.osc import Argument, Limits, Message, decode_message, encode_message
from oscbridge.osc.framing import MAX_FRAME

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
    "encode_end",
    "encode_header",
    "encode_record",
]

MAGIC: Final = b"OSCrec\r\n"
"""What a recording begins with. The line end shows what a transfer as text has spoiled."""

VERSION: Final = 1

MAX_PACKET: Final = MAX_FRAME
"""Bytes of a packet that is recorded: as many as the servers take."""

MAX_NAME: Final = 256
"""Bytes of a name, and of a peer."""

MAX_RECORD: Final = MAX_PACKET + 2 * MAX_NAME + 64
"""Bytes of a frame's body. A file that claims more is broken."""

LATEST: Final = (1 << 63) - 1
"""Nanoseconds, the most that a time can hold."""

Direction: TypeAlias = Literal["in", "out"]

_FRAME: Final = struct.Struct(">II")
_SIZE: Final = struct.Struct(">I")
_LIMITS: Final = Limits(datagram=MAX_RECORD)


class Record(NamedTuple):
    """A packet, and when and where it passed."""

    time_ns: int
    """Nanoseconds since the start of the recording."""
    direction: Direction
    """"in" from a source, "out" to an endpoint."""
    name: str
    """The bridge or the endpoint that it passed, or the address it was sent to."""
    peer: str
    """Who sent it, as far as that is known, or nothing."""
    packet: bytes
    """The packet as it was: it may be no OSC."""


class RecordingError(OSCBridgeError):
    """A recording cannot be read on. ``offset`` is the byte where it breaks."""

    def __init__(self, offset: int, text: str) -> None:
        super().__init__(f"broken at byte {offset}: {text}")
        self.offset = offset


def encode_header(start_unix_ns: int) -> bytes:
    """What stands before the records."""
    return MAGIC + _frame("/recording", "ih", VERSION, start_unix_ns)


def encode_record(record: Record) -> bytes:
    """One record. Raises :class:`EncodeError` for one that is too large, or no record."""
    if len(record.packet) > MAX_PACKET:
        text = f"a packet of {len(record.packet)} bytes, at most {MAX_PACKET} are recorded"
        raise EncodeError(text)
    for text in (record.name, record.peer):
        if len(text.encode(errors="replace")) > MAX_NAME:
            raise EncodeError(f"{text[:40]!r}… has more than {MAX_NAME} bytes")
    if not 0 <= record.time_ns <= LATEST:
        raise EncodeError(f"{record.time_ns} ns is no time since the start")
    return _frame("/packet", "hsssb", *record)


def encode_end(time_ns: int) -> bytes:
    """What stands behind the records: how long the recording is."""
    return _frame("/end", "h", time_ns)


def _frame(address: str, types: str, *args: int | str | bytes) -> bytes:
    body = encode_message(Message(address, types, args))
    return _FRAME.pack(len(body), _checksum(body)) + body


def _checksum(body: bytes) -> int:
    # Over the size too: or zeros, which a power cut leaves, would be a frame.
    return zlib.crc32(body, zlib.crc32(_SIZE.pack(len(body))))


END_SIZE: Final = _FRAME.size + 20
"""Bytes of what :func:`encode_end` makes."""


class Recording:
    """Reads a recording from a file, a record at a time; iterating goes on where it is.

    Raises :class:`RecordingError` for what is none, and then again where the file breaks,
    after all records before the break. ``OSError`` comes through.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.offset = 0
        """Bytes that were read and are good."""
        self.length_ns: int | None = None
        """How long the recording is; known once its end was read."""
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
                text = f"version {version} of the format; this program reads version {VERSION}"
                raise RecordingError(len(MAGIC), text)
            case _:
                raise RecordingError(len(MAGIC), f"no header, but {header.address}")
        self._first = self.offset

    def rewind(self) -> None:
        """Go back to the first record."""
        self._file.seek(self._first)
        self.offset = self._first

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
                    text = f"no record: {message.address} ,{message.types}"
                    raise RecordingError(start, text)

    def _next(self) -> Message:
        """The message of the next frame."""
        head = self._file.read(_FRAME.size)
        if not head:
            text = "the file ends without an end: it was cut off, or is still being recorded"
            raise RecordingError(self.offset, text)
        if len(head) < _FRAME.size:
            raise self._cut(len(head))
        size, checksum = _FRAME.unpack(head)
        if not 0 < size <= MAX_RECORD:
            text = f"a record of {size} bytes, there are 1 to {MAX_RECORD}"
            raise RecordingError(self.offset, text)
        body = self._file.read(size)
        if len(body) < size:
            raise self._cut(len(head) + len(body))
        if _checksum(body) != checksum:
            text = f"the checksum of a record of {size} bytes is wrong: bytes were changed"
            raise RecordingError(self.offset, text)
        try:
            message = decode_message(body, _LIMITS)
        except DecodeError as error:
            raise RecordingError(self.offset, f"no record: {error}") from None
        self.offset += _FRAME.size + size
        return message

    def _cut(self, size: int) -> RecordingError:
        return RecordingError(self.offset, f"the file ends within a record, after {size} bytes")


def _record(args: Sequence[Argument]) -> Record | None:
    """A record, if it is one and within the limits."""
    match args:
        case int(time_ns), "in" | "out" as direction, str(name), str(peer), bytes(packet):
            named = max(len(name.encode()), len(peer.encode())) <= MAX_NAME
            if time_ns >= 0 and named and len(packet) <= MAX_PACKET:
                return Record(time_ns, direction, name, peer, packet)
    return None


def _no_magic(found: bytes) -> str:
    if not found:
        return "this is no recording: the file is empty"
    if MAGIC.startswith(found):
        return f"the file ends within the first {len(MAGIC)} bytes"
    return f"this is no recording: it begins with {found!r}"
