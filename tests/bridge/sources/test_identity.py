"""The accounting identity of a source: received = routed + unmatched + dropped + held."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from oscbridge import Message, TimeTag, encode_bundle, encode_message
from oscbridge.testing import RunningBridge, running_bridge

MODES = ["asyncio", "blocking", "threading", "forking"]
WAIT = 20.0
CONFIG = """
[bridge.in]
listen = "{scheme}://127.0.0.1:0"
mode = "{mode}"
[bridge.in.limits]
{limits}
[endpoint.out]
type = "recording"
[[route]]
from = "in"
match = "/x"
to = "out"
[[route]]
name = "harm"
from = "in"
match = "/harm"
function = "{module}:harm"
to = "out"
"""
MODULE = """
import os, signal

def harm(message):
    (how,) = message.args
    if how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "large":
        return message._replace(types="b", args=(bytes(200_000),))
    raise ValueError(how)
"""


class Source:
    """The counters of the bridge ``in``, as the metrics show them."""

    def __init__(self, bridge: RunningBridge) -> None:
        self._page = bridge.metrics()

    def __getitem__(self, name: str) -> int:
        pattern = rf"^oscbridge_{name}{{([^}}]*)}} (\S+)$"
        return sum(
            int(float(value))
            for labels, value in re.findall(pattern, self._page, re.MULTILINE)
            if 'source="in"' in labels and 'reason="kernel"' not in labels
        )

    @property
    def parts(self) -> tuple[int, int, int, int]:
        """Routed, unmatched, dropped and held messages."""
        return (
            self["routed_messages_total"],
            self["unmatched_messages_total"],
            self["source_dropped_messages_total"],
            self["scheduled_messages"],
        )

    def check(self) -> None:
        assert self["received_messages_total"] == sum(self.parts)


Config = Callable[..., str]


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    module = f"harm_{re.sub(r'[^a-z0-9]', '_', tmp_path.name.lower())}"
    (tmp_path / f"{module}.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)

    def config(mode: str, limits: str = "", scheme: str = "udp") -> str:
        return CONFIG.format(mode=mode, limits=limits, scheme=scheme, module=module)

    return config


def message(address: str, *args: str) -> bytes:
    return encode_message(Message.of(address, *args))


def in_seconds(seconds: float, *messages: bytes) -> bytes:
    due = TimeTag.from_unix_ns(time.time_ns() + round(seconds * 1e9))
    return encode_bundle(messages, due)


def send(bridge: RunningBridge, *packets: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for packet in packets:
            sock.sendto(packet, ("127.0.0.1", bridge.url("in").port))


async def settled(bridge: RunningBridge, received: int, parts: tuple[int, int, int, int]) -> None:
    """Wait until the counters are these; the identity holds in every snapshot until then."""

    def is_settled() -> bool:
        source = Source(bridge)
        source.check()
        return (source["received_messages_total"], source.parts) == (received, parts)

    await bridge.until(is_settled, WAIT)


@pytest.mark.parametrize("mode", MODES)
async def test_routed_unmatched_and_held_messages_add_up(mode: str, config: Config) -> None:
    async with running_bridge(config(mode, "horizon = 60.0")) as bridge:
        send(bridge, *[message("/x")] * 20, *[message("/nobody")] * 5, b"junk")
        send(bridge, encode_bundle([message("/x"), message("/nobody"), message("/x")]))
        await settled(bridge, 28, (22, 6, 0, 0))
        send(bridge, in_seconds(1.5, message("/x"), message("/x"), message("/x")))
        await settled(bridge, 31, (22, 6, 0, 3))
        await settled(bridge, 31, (25, 6, 0, 0))
        assert Source(bridge)["bad_packets_total"] == 1


@pytest.mark.parametrize("mode", MODES)
async def test_messages_that_the_scheduler_rejects_add_up(mode: str, config: Config) -> None:
    limits = 'max_pending = 2\nhorizon = 60.0\ntoo_early = "drop"'
    async with running_bridge(config(mode, limits)) as bridge:
        send(bridge, in_seconds(3600, message("/x"), message("/x")))  # above the horizon
        send(bridge, in_seconds(30, message("/x"), message("/x")))
        send(bridge, in_seconds(30, message("/x")))  # above max_pending
        await settled(bridge, 5, (0, 0, 3, 2))


@pytest.mark.parametrize("mode", MODES)
async def test_packet_above_max_route_calls_is_bad_and_adds_up(mode: str, config: Config) -> None:
    async with running_bridge(config(mode, "max_route_calls = 2")) as bridge:
        send(bridge, encode_bundle([message("/x")] * 3), encode_bundle([message("/x")] * 2))
        await settled(bridge, 2, (2, 0, 0, 0))
        assert Source(bridge)["bad_packets_total"] == 1


@pytest.mark.parametrize("mode", MODES)
async def test_messages_on_which_a_function_fails_add_up(mode: str, config: Config) -> None:
    async with running_bridge(config(mode)) as bridge:
        send(bridge, *[message("/harm", "raise")] * 3, message("/x"))
        await settled(bridge, 4, (4, 0, 0, 0))
        await bridge.until(
            lambda: (
                'oscbridge_route_dropped_messages_total{match="/harm",reason="function"'
                ',route="harm"} 3.0' in bridge.metrics()
            )
        )


async def test_messages_of_killed_children_add_up(config: Config) -> None:
    async with running_bridge(config("forking")) as bridge:
        bundle = encode_bundle([message("/x"), message("/harm", "kill"), message("/x")], TimeTag(0))
        send(bridge, message("/harm", "kill"), message("/x"), bundle)
        await settled(bridge, 5, (2, 0, 3, 0))


async def test_messages_too_large_for_the_bridge_process_add_up(config: Config) -> None:
    async with running_bridge(config("forking")) as bridge:
        send(bridge, message("/harm", "large"), message("/x"))
        await settled(bridge, 2, (2, 0, 0, 0))
        await bridge.until(
            lambda: (
                'oscbridge_route_result_dropped_messages_total{match="/harm",reason="oversize"'
                ',route="harm"} 1.0' in bridge.metrics()
            )
        )


async def test_messages_held_by_a_killed_worker_are_dropped(config: Config) -> None:
    import os
    import signal

    async with running_bridge(config("forking", "horizon = 60.0")) as bridge:
        send(bridge, in_seconds(30, message("/x"), message("/x")))
        await settled(bridge, 2, (0, 0, 0, 2))
        (worker,) = children_of(os.getpid())
        os.kill(worker, signal.SIGKILL)
        await settled(bridge, 2, (0, 0, 2, 0))


def children_of(process: int) -> list[int]:
    text = Path(f"/proc/{process}/task/{process}/children").read_text()
    return [int(each) for each in text.split()]
