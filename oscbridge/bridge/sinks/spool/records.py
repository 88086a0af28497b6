"""The format of records on disk, version 2: numbered, checksummed, and found again after damage.

A block holds consecutive records, written in one go::

    block    := magic "oscB" | format u8 | number of the first record u64 | records u32 | CRC-32 u32
                record*
    record   := CRC-32 u32 | format u8 | number u64 | length of the payload u32 | payload
    progress := magic "oscP" | format u8 | done u64 | last u64 | CRC-32 u32
    running  := magic "oscT" | format u8 | seconds f64 | CRC-32 u32

All integers are big-endian. A CRC covers the other fields of its header and, in a record, the
payload. CRC-32 finds every error that spans at most 32 bits, and up to three flipped bits anywhere
in a record of up to 11 KB; other damage goes unnoticed once in 4 billion times. It is in the
standard library and costs less than 1 µs per record. A cryptographic digest would find no more
accidents, and anybody who can write to the file could write its digest as well.

The numbers make missing records visible, and the magic values make blocks visible in a file that
SQLite cannot read any more.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple
from zlib import crc32

__all__ = [
    "BLOCK_HEADER_SIZE",
    "FORMAT",
    "RECORD_OVERHEAD",
    "BlockHeader",
    "Progress",
    "build_block",
    "decode_running_time",
    "encode_running_time",
    "find_blocks",
    "find_progress",
    "read_block_header",
    "read_records",
]

FORMAT: Final = 2

_BLOCK_MAGIC: Final = b"oscB"
_PROGRESS_MAGIC: Final = b"oscP"
_RUNNING_MAGIC: Final = b"oscT"
_BLOCK: Final = struct.Struct(">4sBQI")
_PROGRESS: Final = struct.Struct(">4sBQQ")
_RUNNING: Final = struct.Struct(">4sBd")
_RECORD: Final = struct.Struct(">BQI")
_CHECKED_RECORD: Final = struct.Struct(">IBQI")
_MARK: Final = struct.Struct(">BQ")
_CRC: Final = struct.Struct(">I")

BLOCK_HEADER_SIZE: Final = _BLOCK.size + _CRC.size
"""Bytes."""

RECORD_OVERHEAD: Final = _CHECKED_RECORD.size
"""Bytes of a record without its payload."""

_PROGRESS_SIZE: Final = _PROGRESS.size + _CRC.size


class BlockHeader(NamedTuple):
    """The numbers of the records in a block."""

    first: int
    records: int

    @property
    def last(self) -> int:
        return self.first + self.records - 1


class Progress(NamedTuple):
    """How far a spool was delivered and written."""

    done: int
    """The number up to which messages are settled."""
    last: int
    """A number that was given to a message; later ones may follow."""

    def newest(self, other: Progress) -> Progress:
        """The later one of two states."""
        return Progress(max(self.done, other.done), max(self.last, other.last))

    def encode(self) -> bytes:
        return _with_crc(_PROGRESS.pack(_PROGRESS_MAGIC, FORMAT, *self))

    @classmethod
    def decode(cls, data: bytes) -> Progress | None:
        """Return None for damaged data."""
        if len(data) != _PROGRESS_SIZE or not _is_intact(data):
            return None
        magic, version, done, last = _PROGRESS.unpack_from(data)
        return cls(done, last) if (magic, version) == (_PROGRESS_MAGIC, FORMAT) else None


def encode_running_time(seconds: float) -> bytes:
    """Return a record of how long bridges have run with a spool."""
    return _with_crc(_RUNNING.pack(_RUNNING_MAGIC, FORMAT, seconds))


def decode_running_time(data: bytes) -> float | None:
    """Return the seconds, or None for damaged data."""
    if len(data) != _RUNNING.size + _CRC.size or not _is_intact(data):
        return None
    magic, version, seconds = _RUNNING.unpack_from(data)
    return seconds if (magic, version) == (_RUNNING_MAGIC, FORMAT) else None


def build_block(first: int, payloads: Sequence[bytes]) -> bytes:
    """Return a block of records, numbered from ``first``."""
    parts = [_with_crc(_BLOCK.pack(_BLOCK_MAGIC, FORMAT, first, len(payloads)))]
    for number, payload in enumerate(payloads, first):
        record = _RECORD.pack(FORMAT, number, len(payload)) + payload
        parts += (_CRC.pack(crc32(record)), record)
    return b"".join(parts)


def read_block_header(data: bytes) -> BlockHeader | None:
    """Return the header at the start of ``data``, or None if it is damaged."""
    header = data[:BLOCK_HEADER_SIZE]
    if len(header) < BLOCK_HEADER_SIZE or not _is_intact(header):
        return None
    magic, version, first, records = _BLOCK.unpack_from(header)
    return BlockHeader(first, records) if (magic, version) == (_BLOCK_MAGIC, FORMAT) else None


def read_records(block: bytes, first: int, count: int) -> Iterator[tuple[int, bytes | None]]:
    """Yield the number and payload of each record; None in place of a damaged one.

    A record after a damaged one is found by its number, wherever it is.
    """
    position = BLOCK_HEADER_SIZE
    for number in range(first, first + count):
        payload = _payload_at(block, position, number)
        if payload is None:
            mark = _MARK.pack(FORMAT, number)
            found = block.find(mark, position)
            while found >= 0 and payload is None:
                position = found - _CRC.size
                payload = _payload_at(block, position, number)
                found = block.find(mark, found + 1)
        if payload is not None:
            position += RECORD_OVERHEAD + len(payload)
        yield number, payload


def _payload_at(block: bytes, position: int, number: int) -> bytes | None:
    start = position + RECORD_OVERHEAD
    if position < BLOCK_HEADER_SIZE or start > len(block):
        return None
    crc, version, found, length = _CHECKED_RECORD.unpack_from(block, position)
    end = start + length
    if (version, found) != (FORMAT, number) or end > len(block):
        return None
    return block[start:end] if crc32(block[position + _CRC.size : end]) == crc else None


def find_blocks(data: bytes) -> Iterator[BlockHeader]:
    """Yield the intact block headers anywhere in ``data``."""
    position = data.find(_BLOCK_MAGIC)
    while position >= 0:
        header = read_block_header(data[position : position + BLOCK_HEADER_SIZE])
        if header is not None:
            yield header
        position = data.find(_BLOCK_MAGIC, position + 1)


def find_progress(data: bytes) -> Iterator[Progress]:
    """Yield the intact progress records anywhere in ``data``."""
    position = data.find(_PROGRESS_MAGIC)
    while position >= 0:
        progress = Progress.decode(data[position : position + _PROGRESS_SIZE])
        if progress is not None:
            yield progress
        position = data.find(_PROGRESS_MAGIC, position + 1)


def _with_crc(header: bytes) -> bytes:
    return header + _CRC.pack(crc32(header))


def _is_intact(data: bytes) -> bool:
    return data[-_CRC.size :] == _CRC.pack(crc32(data[: -_CRC.size]))
