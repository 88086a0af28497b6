"""Packets of RTP-MIDI: the examples of RFC 6295, sent packets, and damage."""

from __future__ import annotations

import random

import pytest

import oscbridge
from oscbridge_midi.rtp.journal_reader import decode_journal
from oscbridge_midi.rtp.journal_writer import JournalWriter
from oscbridge_midi.rtp.packets import MAX_LIST, decode_packet, encode_packet, payloads
from oscbridge_midi.rtp.session_commands import (
    ClockSync,
    Feedback,
    Invitation,
    SessionCommand,
    decode_command,
)

HEADER = "8061 0001 00000002 00000003"


def commands(payload: str) -> list[str]:
    packet = decode_packet(bytes.fromhex(HEADER + payload))
    return [f"{when}: {data.hex(' ')}" for when, data in packet.commands]


@pytest.mark.parametrize(
    ("payload", "found"),
    [
        ("03 903c40", ["0: 90 3c 40"]),
        ("06 903c40 00 3d41", ["0: 90 3c 40", "0: 90 3d 41"]),  # running status
        ("24 05 903c40", ["5: 90 3c 40"]),  # a delta time before the first message
        ("09 903c40 8148 803c40 0a", ["0: 90 3c 40", "200: 80 3c 40"]),  # and one at the end
        ("07 903c40 00 f8 00 3d", None),  # incomplete
        ("08 903c40 00 f8 00 3d41", ["0: 90 3c 40", "0: f8", "0: 90 3d 41"]),
        ("06 f07e7f0601f7", ["0: f0 7e 7f 06 01 f7"]),
        ("80 03 903c40", ["0: 90 3c 40"]),  # the long form of the length
        ("00", []),
        ("40 20 0000 000308 00", None),  # a journal that is too short is read apart
        ("05 903c40", None),
        ("01 3c", None),
        ("03 f07e7f", None),
    ],
)
def test_commands_are_read(payload: str, found: list[str] | None) -> None:
    if found is not None:
        assert commands(payload) == found
        return
    with pytest.raises(oscbridge.DecodeError):
        packet = decode_packet(bytes.fromhex(HEADER + payload))
        decode_journal(packet.journal)


def test_messages_are_sent_as_they_are_read() -> None:
    messages = [b"\x90\x3c\x40", b"\xf8", b"\xc0\x05", b"\xf0\x7e\xf7", b"\xb0\x07\x01"]
    packet = decode_packet(encode_packet(70_000, 5, 9, messages))
    assert [data for _, data in packet.commands] == messages
    assert (packet.sequence, packet.timestamp, packet.ssrc) == (70_000 & 0xFFFF, 5, 9)


def test_long_sysex_is_sent_in_segments() -> None:
    sysex = b"\xf0" + bytes(n & 127 for n in range(5_000)) + b"\xf7"
    parts = [each for part in payloads([b"\xf8", sysex, b"\xfa"]) for each in part]
    assert all(len(part) <= MAX_LIST for part in parts)
    assert parts[0] == b"\xf8"
    assert parts[-1] == b"\xfa"
    segments = parts[1:-1]
    assert [each[0] for each in segments] == [0xF0] + [0xF7] * (len(segments) - 1)
    assert [each[-1] for each in segments] == [0xF0] * (len(segments) - 1) + [0xF7]
    assert b"".join(each[1:-1] for each in segments) == sysex[1:-1]


def test_journal_is_read_as_it_is_written() -> None:
    writer = JournalWriter(7)
    writer.track(
        [
            bytes.fromhex(each)
            for each in (
                *("b20001", "b22002", "c205", "b2077f", "e20140", "d209"),
                *("923c40", "923d41", "823d00", "b37900", "b37900"),
            )
        ],
        7,
        0.0,
    )
    journal = decode_journal(writer.encode(0.1))
    assert journal.checkpoint == 7
    first, second = journal.channels
    assert (first.channel, second.channel) == (2, 3)
    assert (first.program, first.bank) == (5, (1, 2))
    assert dict(first.controls) == {0: 1, 32: 2, 7: 127}
    assert first.pitch == b"\x01\x40"
    assert first.notes == ((0x3C, 0x40, True),)
    assert first.ended == (0x3D,)
    assert first.pressure == 9
    assert second.counts == ((121, 2),)
    writer.trim(7)
    assert decode_journal(writer.encode(0.2)) == (8, ())


@pytest.mark.parametrize("ended", [True, False])
def test_journal_of_all_notes_is_read(ended: bool) -> None:
    writer = JournalWriter(0)
    for note in range(128):
        writer.track([bytes((0x90, note, 1))], 0, 0.0)
    if ended:
        writer.track([b"\xb0\x7b\x00"], 1, 0.0)
    [channel] = decode_journal(writer.encode(0.0)).channels
    assert len(channel.notes) == (0 if ended else 128)
    assert len(channel.ended) == (128 if ended else 0)


@pytest.mark.parametrize(
    "command",
    [
        Invitation(b"IN", 1, 2, "Studio"),
        Invitation(b"OK", 1, 2, "ä"),
        Invitation(b"NO", 1, 2),
        Invitation(b"BY", 1, 2),
        ClockSync(1, 0, 1 << 40),
        ClockSync(1, 2, 1, 2, 3),
        Feedback(1, 0xFFFF),
    ],
)
def test_session_command_is_read_as_it_is_sent(command: SessionCommand) -> None:
    assert decode_command(command.encode()) == command


@pytest.mark.parametrize("seed", range(20))
def test_damaged_packets_are_errors_and_nothing_else(seed: int) -> None:
    rng = random.Random(seed)
    writer = JournalWriter(0)
    for number in range(50):
        writer.track([bytes((0x90 | rng.randrange(16), number, 1))], number, 0.0)
    whole = encode_packet(51, 0, 1, [b"\x90\x3c\x40", b"\xf8"], writer.encode(0.0))
    for _ in range(500):
        data = bytearray(whole[: rng.randrange(len(whole) + 1)])
        for _ in range(rng.randrange(4)):
            if data:
                data[rng.randrange(len(data))] = rng.randrange(256)
        for read in (decode_packet, decode_command, decode_journal):
            try:
                read(bytes(data))
            except oscbridge.DecodeError:
                pass
