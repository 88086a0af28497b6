"""Packets that are remembered: for pages, and until routes bring them back."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import pytest

import oscbridge
from oscbridge_oscquery.packet_key import MAX_KEY, packet_key
from oscbridge_oscquery.page_echoes import PageEchoes
from oscbridge_oscquery.shared_messages import SharedMessages

PEER = ("127.0.0.1", 9_000)
COUNT = 200


def large(number: int) -> oscbridge.Message:
    origin = oscbridge.Origin("q", PEER)
    return oscbridge.Message("/a", "s", (f"{number:06}" * 10_000,), origin=origin)


@pytest.fixture
def traced() -> Iterator[None]:
    tracemalloc.start()
    yield
    tracemalloc.stop()


def test_large_packet_has_a_short_key_of_its_own() -> None:
    small = bytes(MAX_KEY)
    assert packet_key(small) == small
    keys = {packet_key(bytes(MAX_KEY + number)) for number in range(1, 100)}
    assert len(keys) == 99
    assert max(map(len, keys)) <= MAX_KEY


@pytest.mark.usefixtures("traced")
def test_large_messages_are_recognised_and_take_little_memory() -> None:
    shared = SharedMessages()
    for number in range(COUNT):
        shared.add(PEER, oscbridge.encode_message(large(number)))
    assert tracemalloc.get_traced_memory()[0] < 1_000_000
    assert shared.take(large(5))
    assert not shared.take(large(5))
    assert not shared.take(large(COUNT))


@pytest.mark.usefixtures("traced")
def test_large_echoes_are_recognised_and_take_little_memory() -> None:
    echoes = PageEchoes(0.0)
    for number in range(COUNT):
        echoes.sent(oscbridge.encode_message(large(number)), 1.0)
    assert tracemalloc.get_traced_memory()[0] < 1_000_000
    packet = oscbridge.encode_message(large(5))
    assert echoes.is_echo(packet, 1.5)
    assert not echoes.is_echo(packet, 1.5)
