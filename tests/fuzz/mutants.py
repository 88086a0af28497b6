"""Packets that are almost valid OSC, the same ones for the same seed."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator

from oscbridge.osc import (
    IMMEDIATELY,
    IMPULSE,
    MIDI,
    Bundle,
    Color,
    Message,
    TimeTag,
    encode_bundle,
    encode_packet,
)

EVERY_TYPE = Message(
    "/every/type", "isbhtdScrmTFNI[i[s]]f",
    (1, "abc", b"abcde", 1 << 40, TimeTag(1 << 63), 0.1, "symbol", "c", Color(0xFF00FF00),
     MIDI(0, 144, 60, 100), True, False, None, IMPULSE, [2, ["x"]], 0.5),
)  # fmt: skip

VALID = [
    encode_packet(packet)
    for packet in (
        Message("/ping"),
        Message("/mixer/ch/07/fader", "f", (0.5,)),
        Message("/mixer/*/fader", "f", (0.5,)),
        Message("//fader", "f", (0.5,)),
        Message("/mixer/ch/[0-9][!0-4]/{fader,mute}", "fi", (0.5, 1)),
        Message("/text", "ss", ("hello", "wörld")),
        Message("/blob", "bi", (bytes(range(256)), 7)),
        Message("/old", None, (b"raw.",)),
        EVERY_TYPE,
        Bundle(IMMEDIATELY, (Message("/a", "i", (1,)), Message("/b", "s", ("x",)))),
        Bundle(TimeTag(1), (Bundle(TimeTag(2), (Message("/a"),)), EVERY_TYPE)),
        Bundle(TimeTag((1 << 64) - 1), (Message("/far/away"),)),
        Bundle(IMMEDIATELY, ()),
    )
]
PIECES = [
    b"/", b"//", b"*", b"?", b"[", b"]", b"[!", b"{", b"}", b",", b"-", b"\0", b"\0\0\0\0",
    b"#bundle\0", b",ifsb", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x80\0\0\0",
    b"\0\0\0\x08", b"\xc0", b"\xdb", b"\xdb\xdc", b"\xed\xa0\x80", b"[[[[[[[[", b"{a,b}",
    b"/mixer/ch/", b"fader",
]  # fmt: skip


def packets(count: int, seed: int) -> Iterator[bytes]:
    """``count`` packets, none longer than a datagram."""
    dice = random.Random(seed)
    for _ in range(count):
        data = bytearray(dice.choice(VALID))
        for _ in range(dice.randrange(1, 5)):
            dice.choice(MUTATIONS)(dice, data)
        yield bytes(data[:65_507])


def _flip(dice: random.Random, data: bytearray) -> None:
    if data:
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)


def _overwrite(dice: random.Random, data: bytearray) -> None:
    if data:
        data[dice.randrange(len(data))] = dice.randrange(256)


def _truncate(dice: random.Random, data: bytearray) -> None:
    del data[dice.randrange(len(data) + 1) :]


def _cut_out(dice: random.Random, data: bytearray) -> None:
    start = dice.randrange(len(data) + 1)
    del data[start : start + dice.randrange(1, 9)]


def _insert(dice: random.Random, data: bytearray) -> None:
    place = dice.randrange(len(data) + 1)
    data[place:place] = dice.choice(PIECES) * dice.choice((1, 1, 1, 2, 30))


def _splice(dice: random.Random, data: bytearray) -> None:
    other = dice.choice(VALID)
    data[dice.randrange(len(data) + 1) :] = other[dice.randrange(len(other)) :]


def _size(dice: random.Random, data: bytearray) -> None:
    """Claim a wrong size where a size may be."""
    if len(data) >= 4:
        size = dice.choice((0, 1, 4, -1, -4, len(data), 0x7FFFFFFF, -0x80000000))
        struct.pack_into(">i", data, dice.randrange(len(data) // 4) * 4, size)


def _wrap(dice: random.Random, data: bytearray) -> None:
    """Nest it in a bundle, once or several times."""
    tag = TimeTag(dice.choice((0, 1, 1 << 63, (1 << 64) - 1)))
    for _ in range(dice.choice((1, 2, 20))):
        if len(data) < 10_000:
            data[:] = encode_bundle([bytes(data)] * dice.choice((1, 1, 3)), tag)


MUTATIONS = (_flip, _flip, _overwrite, _truncate, _cut_out, _insert, _insert, _splice, _size, _wrap)
