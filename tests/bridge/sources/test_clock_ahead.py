"""Senders whose clocks are ahead."""

from __future__ import annotations

import socket
import time

import pytest

import oscbridge
from oscbridge import Message, TimeTag, encode_bundle, encode_message
from oscbridge.dispatcher import Dispatcher
from oscbridge.testing import RunningBridge, running_bridge

MODES = ["asyncio", "blocking", "threading", "forking"]
CONFIG = """
[bridge.in]
listen = "udp://127.0.0.1:0"
mode = "{mode}"
[bridge.in.limits]
{limits}
[endpoint.out]
type = "recording"
[[route]]
from = "in"
to = "out"
"""


def ahead(seconds: float, address: str = "/imu", count: int = 1) -> bytes:
    due = TimeTag.from_unix_ns(time.time_ns() + round(seconds * 1e9))
    return encode_bundle([encode_message(Message.of(address, 1.0))] * count, due)


def send(bridge: RunningBridge, *packets: bytes) -> int:
    """Send packets. Returns their source port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for packet in packets:
            sock.sendto(packet, ("127.0.0.1", bridge.url("in").port))
        return int(sock.getsockname()[1])


def about_clocks(lines: list[str]) -> list[str]:
    return [line for line in lines if "ahead of this computer's clock" in line]


@pytest.mark.parametrize("mode", MODES)
async def test_message_half_an_hour_ahead_is_delivered_at_once(mode: str) -> None:
    async with running_bridge(CONFIG.format(mode=mode, limits="")) as bridge:
        send(bridge, ahead(1800))
        (message,) = await bridge.recording("out").arrived(1)
        assert message.address == "/imu"
        await bridge.until(lambda: 'early_messages_total{source="in"} 1.0' in bridge.metrics())


async def test_message_within_the_default_horizon_waits() -> None:
    async with running_bridge(CONFIG.format(mode="asyncio", limits="")) as bridge:
        send(bridge, ahead(1.0), ahead(0.0, "/now"))
        messages = await bridge.recording("out").arrived(2)
        assert [message.address for message in messages] == ["/now", "/imu"]


@pytest.mark.parametrize(
    ("limits", "seconds", "outcome"),
    [
        ("", 1800, "handled at once; correct the sender's clock, or raise "
                   "bridge.in.limits.horizon (10 s) to make them wait"),
        ("horizon = 3600.0", 1800, "held until then; correct the sender's clock, or lower "
                                   "bridge.in.limits.horizon (3600 s) to handle them at once"),
        ('too_early = "drop"', 1800, "dropped; correct the sender's clock, or raise "
                                     "bridge.in.limits.horizon (10 s) to make them wait"),
        ("max_pending = 1", 5, "handled at once, as bridge.in.limits.max_pending (1) messages "
                               "wait already; correct the sender's clock"),
    ],
)  # fmt: skip
async def test_first_message_ahead_is_logged_with_sender_offset_and_key(
    limits: str, seconds: int, outcome: str
) -> None:
    async with running_bridge(CONFIG.format(mode="asyncio", limits=limits)) as bridge:
        port = send(bridge, *[ahead(seconds + 0.05, count=2)] * 3)
        await bridge.until(lambda: about_clocks(bridge.log))
        (line,) = about_clocks(bridge.log)
    sender = f"messages from 127.0.0.1:{port} are {seconds:,}.0 s ahead of this computer's clock"
    assert line.endswith(f"{sender} and are {outcome}")


async def test_message_less_than_two_seconds_ahead_is_not_logged() -> None:
    async with running_bridge(CONFIG.format(mode="asyncio", limits="")) as bridge:
        send(bridge, ahead(1.0))
        await bridge.recording("out").arrived(1)
    assert not about_clocks(bridge.log)


@pytest.mark.parametrize(
    ("seconds", "outcome"), [(5, "held until then"), (1800, "handled at once")]
)
@pytest.mark.parametrize(
    ("client", "sender"), [(("10.0.0.5", 9), "10.0.0.5:9"), (("", 0), "its peer")]
)
def test_message_ahead_of_an_endpoint_names_no_key_that_endpoints_lack(
    seconds: int,
    outcome: str,
    client: tuple[str, int],
    sender: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    dispatcher = Dispatcher()
    dispatcher.part = "endpoint.desk"
    dispatcher.scheduler.horizon, dispatcher.scheduler.too_early = 10.0, "run"
    dispatcher.call_handlers_for_packet(ahead(seconds + 0.05), client)
    (line,) = about_clocks(caplog.messages)
    text = f"messages from {sender} are {seconds:,}.0 s ahead of this computer's clock"
    assert line == f"{text} and are {outcome}; correct the sender's clock"


def test_library_holds_a_message_half_an_hour_ahead() -> None:
    dispatcher = Dispatcher()
    got: list[object] = []
    dispatcher.map("/imu", lambda *args: got.append(args))
    dispatcher.call_handlers_for_packet(ahead(1800), ("127.0.0.1", 1))
    assert (got, len(dispatcher.scheduler)) == ([], 1)


def test_watcher_sees_a_held_message_on_arrival_and_once() -> None:
    now = [time.time_ns()]
    dispatcher = Dispatcher()
    dispatcher.scheduler.clock_ns = lambda: now[0]
    seen: list[oscbridge.Message] = []
    got: list[object] = []
    dispatcher.map("/imu", lambda *args: got.append(args))
    dispatcher.watch(seen.append)
    dispatcher.call_handlers_for_packet(ahead(60), ("127.0.0.1", 1))
    assert ([each.address for each in seen], got) == (["/imu"], [])
    now[0] += 61 * 10**9
    dispatcher.scheduler.run_due()
    assert ([each.address for each in seen], got) == (["/imu"], [("/imu", 1.0)])
