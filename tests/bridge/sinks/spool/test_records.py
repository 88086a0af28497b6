"""Records on disk: numbers and checksums find every kind of damage."""

from __future__ import annotations

import random

import pytest

from oscbridge.bridge.sinks.spool.records import (
    BLOCK_HEADER_SIZE,
    RECORD_OVERHEAD,
    BlockHeader,
    Progress,
    build_block,
    find_blocks,
    find_progress,
    read_block_header,
    read_records,
)

PAYLOADS = [b"one", b"", b"\0" * 100, b"four"]
BLOCK = build_block(7, PAYLOADS)
NUMBERED = dict(enumerate(PAYLOADS, 7))


def read(block: bytes) -> dict[int, bytes | None]:
    return dict(read_records(block, 7, len(PAYLOADS)))


def test_block_is_read_as_it_was_built() -> None:
    header = read_block_header(BLOCK)
    assert header == BlockHeader(7, 4)
    assert header.last == 10
    assert read(BLOCK) == NUMBERED
    assert len(BLOCK) == BLOCK_HEADER_SIZE + sum(RECORD_OVERHEAD + len(each) for each in PAYLOADS)


@pytest.mark.parametrize("position", range(len(BLOCK)))
def test_flipped_bit_costs_at_most_the_record_that_it_is_in(position: int) -> None:
    for bit in range(8):
        damaged = bytearray(BLOCK)
        damaged[position] ^= 1 << bit
        block = bytes(damaged)
        found = read(block)
        wrong = [number for number, payload in found.items() if payload != NUMBERED[number]]
        if position < BLOCK_HEADER_SIZE:
            assert read_block_header(block) is None
            assert wrong == []
        else:
            assert read_block_header(block) == BlockHeader(7, 4)
            assert len(wrong) == 1
            assert found[wrong[0]] is None


def test_truncated_block_keeps_its_complete_records() -> None:
    end = len(BLOCK) - RECORD_OVERHEAD - len(PAYLOADS[-1])
    for size in range(end, len(BLOCK)):
        assert read(BLOCK[:size]) == {**NUMBERED, 10: None}
    assert read(b"") == dict.fromkeys(NUMBERED)


def test_record_of_another_number_is_not_accepted() -> None:
    assert dict(read_records(build_block(8, PAYLOADS), 7, 1)) == {7: None}


def test_noise_never_becomes_a_record() -> None:
    chance = random.Random(1)
    for _ in range(500):
        damaged = bytearray(BLOCK)
        start = chance.randrange(len(damaged))
        damaged[start : start + chance.randrange(1, 60)] = chance.randbytes(chance.randrange(60))
        for number, payload in read(bytes(damaged)).items():
            assert payload in (None, NUMBERED[number])


def test_blocks_and_progress_are_found_anywhere() -> None:
    progress = Progress(5, 9)
    noise = b"oscBoscP" * 3
    data = noise + BLOCK + noise + progress.encode() + noise + build_block(1, [b"x"])[:-1]
    assert list(find_blocks(data)) == [BlockHeader(7, 4), BlockHeader(1, 1)]
    assert list(find_progress(data)) == [progress]


def test_damaged_progress_is_not_decoded() -> None:
    data = Progress(5, 9).encode()
    assert Progress.decode(data) == (5, 9)
    assert Progress.decode(data[:-1]) is None
    for position in range(len(data)):
        damaged = bytearray(data)
        damaged[position] ^= 0x10
        assert Progress.decode(bytes(damaged)) is None
