"""``time_tags = "forward"``: clients of a bridge get the messages of one bundle in one bundle."""

from __future__ import annotations

import time

import pytest
from bridge_clients import END, WAIT, client_count, joined, tcp_clients, udp_clients

from oscbridge import Message, TimeTag, encode_bundle, encode_message
from oscbridge.osc.framing import stream_encoder
from oscbridge.testing import running_bridge, until

MODES = ("asyncio", "blocking", "threading", "forking")


def text(scheme: str, mode: str) -> str:
    return f"""
        [bridge.stage]
        listen = "{scheme}://127.0.0.1:0"
        mode = "{mode}"
        time_tags = "forward"
        [[route]]
        from = "stage"
        to = "stage"
    """


def chord(count: int) -> bytes:
    tag = TimeTag.from_unix(time.time() + 3_600)
    notes = [Message.of(f"/note/{number}", number) for number in range(count)]
    return encode_bundle([encode_message(each) for each in notes], tag)


@pytest.mark.parametrize("mode", MODES)
async def test_bundle_reaches_other_udp_clients_as_it_is(mode: str) -> None:
    async with running_bridge(text("udp", mode)) as bridge:
        with udp_clients(bridge, 2) as (one, other):
            await joined(bridge, one)
            await until(lambda: bridge.endpoint_status("stage").sent == 1, WAIT)
            await joined(bridge, other)
            assert (await one.heard()).address == "/hello"  # of the other
            bundle = chord(3)
            one.sock.sendto(bundle, one.bridge)
            assert await other.packet() == bundle
            other.send(END)
            assert await one.heard_until(END) == []


@pytest.mark.parametrize("mode", ["asyncio", "threading"])
async def test_bundle_reaches_other_tcp_clients_as_it_is(mode: str) -> None:
    async with (
        running_bridge(text("tcp", mode)) as bridge,
        tcp_clients(bridge, ["1.1"] * 2) as (one, other),
    ):
        await until(lambda: client_count(bridge) == 2, WAIT)
        bundle = chord(3)
        one.writer.write(stream_encoder("1.1")(bundle))
        assert await other.packet() == bundle
        other.send(END)
        assert await one.heard_until(END) == []
