"""The file format of recordings: round trips and damage."""

from __future__ import annotations

import io
import struct
import zlib
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oscbridge.errors import EncodeError
from oscbridge.osc import Message, encode_message, encode_values
from oscbridge.recording.format import (
    END_SIZE,
    MAGIC,
    MAX_NAME,
    MAX_PACKET,
    MAX_RECORD,
    Record,
    Recording,
    RecordingError,
    encode_end,
    encode_header,
    encode_record,
)

START = 1_700_000_000_123_456_789
RECORDS = [
    Record(0, "in", "stage", "127.0.0.1:9000", b"/a\0\0,i\0\0\0\0\0\x01"),
    Record(1_500, "out", "dashboard", "", b"no OSC at all"),
    Record(1_500, "in", "bühne", "[::1]:9", b""),
    Record(2**62, "in", "", "x", bytes(range(256))),
]
PARTS = [encode_header(START), *map(encode_record, RECORDS), encode_end(3_000_000_000)]
WHOLE = b"".join(PARTS)
BOUNDS = list(accumulate(map(len, PARTS)))
"""End offset of each frame."""


def framed(body: bytes) -> bytes:
    size = struct.pack(">I", len(body))
    return size + struct.pack(">I", zlib.crc32(size + body)) + body


def read(data: bytes) -> tuple[list[Record], RecordingError | None]:
    """The records of a file, and the error that ends it."""
    records = []
    try:
        for record in Recording(io.BytesIO(data)):
            records.append(record)
    except RecordingError as error:
        return records, error
    return records, None


def part_at(offset: int) -> int:
    """The frame that contains a byte."""
    return next(number for number, bound in enumerate(BOUNDS) if offset < bound)


def test_written_records_are_read() -> None:
    recording = Recording(io.BytesIO(WHOLE))
    assert recording.start_unix_ns == START
    assert recording.length_ns is None
    assert list(recording) == RECORDS
    assert recording.length_ns == 3_000_000_000
    assert recording.offset == len(WHOLE)


@given(
    st.builds(
        Record,
        st.integers(0, 2**63 - 1),
        st.sampled_from(["in", "out"]),
        st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), max_size=60),
        st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), max_size=60),
        st.binary(max_size=500),
    )
)
def test_any_record_survives_the_round_trip(record: Record) -> None:
    assert read(encode_header(0) + encode_record(record) + encode_end(1)) == ([record], None)


def test_encoded_end_has_its_stated_size() -> None:
    assert len(encode_end(2**63 - 1)) == END_SIZE


def test_recording_can_be_read_again() -> None:
    recording = Recording(io.BytesIO(WHOLE))
    assert list(recording) == RECORDS
    recording.rewind()
    assert list(recording) == RECORDS


def test_reading_is_lazy() -> None:
    file = io.BytesIO(WHOLE)
    recording = Recording(file)
    assert next(iter(recording)) == RECORDS[0]
    assert file.tell() == recording.offset == BOUNDS[1]


def test_truncated_file_yields_the_records_before_the_cut_and_its_offset() -> None:
    for size in range(len(WHOLE)):
        records, error = read(WHOLE[:size])
        part = part_at(size)
        start = BOUNDS[part - 1] if part else 0 if size < len(MAGIC) else len(MAGIC)
        assert error is not None, size
        assert (len(records), error.offset) == (max(0, part - 1), start), size
        assert records == RECORDS[: len(records)]


def test_every_flipped_bit_is_detected_at_its_offset() -> None:
    for offset in range(len(WHOLE)):
        for bit in range(8):
            data = bytearray(WHOLE)
            data[offset] ^= 1 << bit
            records, error = read(bytes(data))
            part = part_at(offset)
            start = BOUNDS[part - 1] if part else 0 if offset < len(MAGIC) else len(MAGIC)
            assert error is not None, (offset, bit)
            assert (records, error.offset) == (RECORDS[: max(0, part - 1)], start), (offset, bit)


@pytest.mark.parametrize(
    ("data", "offset", "text"),
    [
        (b"", 0, "not a recording: the file is empty"),
        (b"# oscbridge", 0, r"not a recording: it begins with b'# oscbri'"),
        (WHOLE.replace(b"\r\n", b"\n"), 0, "not a recording: it begins with"),
        (MAGIC[:5], 0, "the file ends within the first 8 bytes"),
        (MAGIC, 8, "incomplete: it was cut off or is still being recorded"),
        (WHOLE[:-1], BOUNDS[-2], "the file ends within a record, after 27 bytes"),
        (WHOLE[: BOUNDS[-2]], BOUNDS[-2], "incomplete: it was cut off"),
        (WHOLE[: BOUNDS[2]] + bytes(4096), BOUNDS[2], "a record of 0 bytes"),
        (WHOLE + b"\0", BOUNDS[-1], "bytes follow the recording's end"),
        (WHOLE + WHOLE, BOUNDS[-1], "bytes follow the recording's end"),
        (
            PARTS[0] + struct.pack(">II", MAX_RECORD + 1, 0),
            BOUNDS[0],
            f"a record of {MAX_RECORD + 1} bytes; must be 1 to {MAX_RECORD}",
        ),
        (
            MAGIC + framed(encode_message(Message("/recording", "ih", (2, 0)))),
            8,
            "version 2 of the format; this program supports version 1",
        ),
        (MAGIC + PARTS[1], 8, "expected a header, found /packet"),
        (PARTS[0] + framed(b"junk"), BOUNDS[0], "not a valid record: address must start with '/'"),
        (PARTS[0] + framed(encode_values("/x", [1])), BOUNDS[0], "not a valid record: /x ,i"),
        (
            PARTS[0] + framed(encode_message(Message("/packet", "hsssb", (-1, "in", "", "", b"")))),
            BOUNDS[0],
            "not a valid record: /packet ,hsssb",
        ),
        (
            PARTS[0] + framed(encode_message(Message("/packet", "hsssb", (1, "up", "", "", b"")))),
            BOUNDS[0],
            "not a valid record: /packet ,hsssb",
        ),
        (
            PARTS[0]
            + framed(encode_message(Message("/packet", "hsssb", (1, "in", "n" * 257, "", b"")))),
            BOUNDS[0],
            "not a valid record: /packet ,hsssb",
        ),
        (
            PARTS[0] + framed(encode_message(Message("/end", "h", (-1,)))),
            BOUNDS[0],
            "not a valid record",
        ),
    ],
)
def test_damaged_files_are_reported(data: bytes, offset: int, text: str) -> None:
    _, error = read(data)
    assert error is not None
    assert str(error).startswith(f"damaged at byte {offset}: {text}")


def test_record_may_be_as_large_as_its_limits() -> None:
    record = Record(2**63 - 1, "out", "n" * MAX_NAME, "p" * MAX_NAME, bytes(MAX_PACKET))
    assert read(PARTS[0] + encode_record(record) + PARTS[-1]) == ([record], None)


@pytest.mark.parametrize(
    "change",
    [
        {"packet": bytes(MAX_PACKET + 1)},
        {"name": "n" * (MAX_NAME + 1)},
        {"peer": "ü" * (MAX_NAME // 2 + 1)},
        {"name": "nul\0"},
        {"name": "\ud800"},
        {"time_ns": -1},
        {"time_ns": 2**63},
    ],
)
def test_oversized_records_are_rejected_when_written(change: dict[str, object]) -> None:
    with pytest.raises(EncodeError):
        encode_record(RECORDS[0]._replace(**change))  # type: ignore[arg-type]
