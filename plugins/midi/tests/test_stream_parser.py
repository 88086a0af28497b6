"""Splitting a stream of bytes into messages."""

from __future__ import annotations

import random

import mido  # type: ignore[import-untyped]
import pytest

from oscbridge import DecodeError
from oscbridge_midi.codec import MAX_SYSEX
from oscbridge_midi.stream_parser import MidiStreamParser


def split(text: str) -> list[str]:
    """The messages in hexadecimal, and the reasons of errors."""
    parser = MidiStreamParser()
    found = [*parser.feed(bytes.fromhex(text)), *parser.end()]
    return [each.hex(" ") if isinstance(each, bytes) else each.reason for each in found]


@pytest.mark.parametrize(
    ("stream", "found"),
    [
        ("90 3c 40 b0 07 01", ["90 3c 40", "b0 07 01"]),
        ("90 3c 40 3d 41", ["90 3c 40", "90 3d 41"]),  # running status
        ("c0 01 02", ["c0 01", "c0 02"]),
        ("90 3c f8 40", ["f8", "90 3c 40"]),  # a clock tick within a message
        ("f0 01 f8 02 f7", ["f8", "f0 01 02 f7"]),
        ("f6 f1 23 f3 04 f2 01 02", ["f6", "f1 23", "f3 04", "f2 01 02"]),
        ("90 3c", ["truncated"]),
        ("90 3c 80 3c 40", ["truncated", "80 3c 40"]),
        ("90 80 3c 40", ["truncated", "80 3c 40"]),
        ("f0 01 02 90 3c 40", ["truncated", "90 3c 40"]),
        ("f0 01 02", ["truncated"]),
        ("01 02 90 3c 40", ["stray", "90 3c 40"]),
        ("f7", ["stray"]),
        ("f4 01 02 90 3c 40", ["status", "90 3c 40"]),
        ("fd 90 3c 40", ["status", "90 3c 40"]),
        ("f1 23 24 90 3c 40", ["f1 23", "stray", "90 3c 40"]),  # no running status for these
    ],
)
def test_stream_is_split_into_messages(stream: str, found: list[str]) -> None:
    assert split(stream) == found


def test_sysex_size_is_limited() -> None:
    parser = MidiStreamParser()
    found = list(parser.feed(b"\xf0" + bytes(2 * MAX_SYSEX) + b"\xf7\x90\x3c\x40"))
    errors = [each.reason for each in found if isinstance(each, DecodeError)]
    assert errors == ["size", "stray"]
    assert found[-1] == b"\x90\x3c\x40"


@pytest.mark.parametrize("seed", range(20))
def test_messages_are_the_same_as_mido_finds_however_they_are_split(seed: int) -> None:
    rng = random.Random(seed)
    stream = b"".join(
        bytes(mido.Message(kind, **fields).bytes())
        for kind, fields in [
            rng.choice(
                [
                    ("note_on", {"note": rng.randrange(128), "velocity": rng.randrange(128)}),
                    ("program_change", {"program": rng.randrange(128)}),
                    ("pitchwheel", {"pitch": rng.randrange(-8192, 8192)}),
                    ("sysex", {"data": rng.sample(range(128), rng.randrange(20))}),
                    ("clock", {}),
                    ("songpos", {"pos": rng.randrange(16384)}),
                ]
            )
            for _ in range(100)
        ]
    )
    parser, found = MidiStreamParser(), []
    position = 0
    while position < len(stream):
        size = rng.randrange(1, 7)
        found += parser.feed(stream[position : position + size])
        position += size
    assert [*found, *parser.end()] == [bytes(m.bytes()) for m in mido.parser.parse_all(stream)]


@pytest.mark.parametrize("seed", range(20))
def test_any_bytes_yield_messages_or_errors(seed: int) -> None:
    parser = MidiStreamParser()
    for found in parser.feed(random.Random(seed).randbytes(5_000)):
        assert isinstance(found, DecodeError) or bytes(mido.Message.from_bytes(found).bytes())
