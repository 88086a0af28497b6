"""The guarantees of the helpers for tests of plugins."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

import oscbridge
from oscbridge import Message
from oscbridge.bridge.sinks.host import EndpointHost
from oscbridge.status.status import BridgeStatus, Received, Status
from oscbridge.testing import (
    RecordingEndpoint,
    check_configuration,
    free_port,
    running_bridge,
    running_process,
    until,
    what_does_not_add_up,
)

TEXT = """
[bridge.stage]
listen = "{url}"
[endpoint.seen]
type = "recording"
[[route]]
from = "stage"
to = "seen"
"""
UDP = TEXT.format(url="udp://127.0.0.1:0")

UDP_PEER = """
[bridge.stage]
listen = "udp://127.0.0.1:0"
[endpoint.peer]
type = "osc"
to = "udp://127.0.0.1:9"
"""


class Deaf(oscbridge.Endpoint):
    """Accepts nothing."""

    async def send(self, message: Message) -> None:
        raise oscbridge.BadMessage("no")


@pytest.mark.parametrize("url", ["udp://127.0.0.1:0", "tcp://127.0.0.1:0", "tcp+1.0://[::1]:0"])
async def test_messages_reach_a_recording_endpoint(url: str) -> None:
    async with running_bridge(TEXT.format(url=url), installed=False) as bridge:
        bridge.send("stage", Message.of("/a", 1), Message.of("/b", "x"))
        messages = await bridge.recording("seen").arrived(2)
        assert [message[:3] for message in messages] == [("/a", "i", (1,)), ("/b", "s", ("x",))]
        assert bridge.url("stage").port
        assert bridge.bridge_status("stage").received.messages == 2
        assert bridge.recording("seen").events == ["connect"]
    assert bridge.recording("seen").events == ["connect", "close"]


async def test_counters_metrics_and_log_can_be_read() -> None:
    text = UDP + '[endpoint.deaf]\ntype = "deaf"\n'
    async with running_bridge(text, {"deaf": Deaf}, installed=False) as bridge:
        bridge.offer("deaf", Message("/a"), Message("/b"))
        await bridge.until(lambda: bridge.endpoint_status("deaf").dropped == {"bad": 2})
        assert "ERROR oscbridge.endpoint.deaf: 1 message lost: no" in bridge.log
        assert 'endpoint="deaf",reason="bad"} 2.0' in bridge.metrics()


async def test_offered_message_is_a_delivery_if_the_endpoint_accepts_deliveries() -> None:
    class Taking(oscbridge.Endpoint[oscbridge.Options, oscbridge.Delivery[oscbridge.Options]]):
        got: asyncio.Queue[oscbridge.Delivery[oscbridge.Options]]

        async def connect(self) -> None:
            self.got = asyncio.Queue()

        async def send(self, delivery: oscbridge.Delivery[oscbridge.Options]) -> None:
            self.got.put_nowait(delivery)

    text = '[endpoint.taking]\ntype = "taking"\n'
    async with running_bridge(text, {"taking": Taking}, installed=False) as bridge:
        endpoint = bridge.endpoint("taking")
        assert isinstance(endpoint, Taking)
        bridge.offer("taking", Message("/a"))
        async with asyncio.timeout(10):
            assert await endpoint.got.get() == oscbridge.Delivery(Message("/a"), None, {})


async def test_running_bridge_reloads_and_stops() -> None:
    async with running_bridge(UDP, installed=False) as bridge:
        changes = await bridge.reload(UDP + '[endpoint.more]\ntype = "recording"\n')
        assert str(changes) == "added endpoint.more"
        with pytest.raises(oscbridge.ConfigurationError, match=r"test\.toml: "):
            await bridge.reload("[nonsense]")
        await bridge.stop()
        assert bridge.recording("seen").events == ["connect", "close"]


class Talking(oscbridge.Endpoint):
    """Receives a message while it connects, and others on request."""

    async def connect(self) -> None:
        self.say("/connected")

    async def send(self, message: Message) -> None: ...

    def say(self, address: str) -> None:
        self.host.receive(Message(address), ("127.0.0.1", 1))


async def test_messages_received_from_an_endpoint_are_recorded_from_the_start() -> None:
    text = UDP + '[endpoint.talking]\ntype = "talking"\n'
    types = {"talking": Talking}
    async with running_bridge(text, types, installed=False, record=["talking"]) as bridge:
        endpoint = bridge.endpoint("talking")
        assert isinstance(endpoint, Talking)
        await bridge.reload(text + '[endpoint.more]\ntype = "recording"\n')
        endpoint.say("/reloaded")
        received = bridge.received("talking")
        async with asyncio.timeout(10):
            addresses = [(await received.get()).address for _ in range(2)]
        assert addresses == ["/connected", "/reloaded"]
        assert received.empty()
        with pytest.raises(KeyError):
            bridge.received("seen")


def test_check_configuration_returns_the_options_of_each_endpoint() -> None:
    text = '[bridge.stage]\n[endpoint.peer]\ntype = "osc"\nto = "udp://127.0.0.1:9"\n'
    assert list(check_configuration(text)) == ["peer"]


def test_check_configuration_raises_every_problem() -> None:
    with pytest.raises(oscbridge.ConfigurationError) as caught:
        check_configuration("[nonsense]\n[more]\n")
    assert [line.partition(": ")[0] for line in str(caught.value).splitlines()] == ["test.toml"] * 2


async def test_a_bridge_that_cannot_start_says_why() -> None:
    with pytest.raises(oscbridge.ConfigurationError):
        async with running_bridge("[nonsense]"):
            pass


async def test_timed_out_wait_shows_the_recorded_messages() -> None:
    async with running_bridge(UDP, installed=False) as bridge:
        logging.getLogger("oscbridge.endpoint.seen").info("here")
        with pytest.raises(AssertionError, match=r"INFO oscbridge\.endpoint\.seen: here"):
            await bridge.until(lambda: False, 0.01)
        with pytest.raises(AssertionError, match="0 of 1 messages arrived"):
            await bridge.recording("seen").arrived(1, 0.01)
        with pytest.raises(KeyError):
            bridge.endpoint("nobody")


async def test_log_configuration_is_restored() -> None:
    logger = logging.getLogger("oscbridge")
    before = (logger.level, list(logger.handlers))
    async with running_bridge(UDP, installed=False):
        assert logger.level
    assert (logger.level, logger.handlers) == before


def test_free_port_is_outside_the_ephemeral_range() -> None:
    assert 10_000 <= free_port() < 32_000


def test_the_program_runs_until_it_is_stopped() -> None:
    with running_process(UDP_PEER) as process:
        assert process.port("stage") > 0
        assert process.stop() == 0


def test_running_process_keeps_its_files_in_the_given_folder(tmp_path: Path) -> None:
    with running_process(UDP_PEER, folder=tmp_path) as process:
        process.send("stage", oscbridge.encode_message(Message("/a")), b"no OSC")
        process.wait_for("bad packet")
    assert (tmp_path / "test.toml").read_text() == UDP_PEER


async def test_a_recording_endpoint_records_in_order() -> None:
    endpoint = RecordingEndpoint("seen", oscbridge.Options())
    for number in range(3):
        await endpoint.send_batch([Message.of("/n", number)])
    assert [message.args for message in await endpoint.arrived(3)] == [(0,), (1,), (2,)]


class Miscounting(oscbridge.Endpoint):
    """Counts a message as lost, and then accepts it."""

    async def send(self, message: Message) -> None:
        assert isinstance(self.host, EndpointHost)
        self.host.drops["lost"] += 1


async def test_counters_that_do_not_add_up_fail_the_test() -> None:
    text = UDP + '[endpoint.wrong]\ntype = "wrong"\n'
    with pytest.raises(AssertionError, match=r"endpoint\.wrong: 1 offered, 1 sent, .*lost"):
        async with running_bridge(text, {"wrong": Miscounting}, installed=False) as bridge:
            bridge.offer("wrong", Message("/a"))
            await bridge.until(lambda: bridge.endpoint_status("wrong").sent)


class Losing(oscbridge.Endpoint):
    """Reports a message as lost, and then accepts it."""

    async def send(self, message: Message) -> None:
        self.host.dropped("lost", 1)


async def test_messages_that_an_endpoint_loses_itself_count_as_offered() -> None:
    text = UDP + '[endpoint.lamp]\ntype = "lamp"\n'
    async with running_bridge(text, {"lamp": Losing}, installed=False) as bridge:
        bridge.offer("lamp", Message("/a"))
        await bridge.until(lambda: bridge.endpoint_status("lamp").sent)
        status = bridge.endpoint_status("lamp")
        assert (status.offered, status.sent, status.dropped) == (2, 1, {"lost": 1})


class Overwhelmed(oscbridge.Endpoint):
    """Receives more than it can handle."""

    async def connect(self) -> None:
        self.receive(Message("/a"), ("", 0))
        self.host.input_dropped("input_full", 3, "they arrive too fast")


async def test_received_messages_that_an_endpoint_loses_are_not_among_the_offered_ones() -> None:
    text = UDP + '[endpoint.keys]\ntype = "keys"\n'
    async with running_bridge(text, {"keys": Overwhelmed}, installed=False) as bridge:
        status = bridge.endpoint_status("keys")
        assert (status.offered, status.dropped) == (0, {})
        assert (status.received.messages, status.received.dropped) == (4, {"input_full": 3})
        assert "3 messages lost: they arrive too fast" in "\n".join(bridge.log)


def test_source_that_lost_count_of_a_message_is_named() -> None:
    counts = dict.fromkeys(("packets", "unmatched", "failed", "early", "held"), 0)
    received = Received(
        **counts, messages=3, routed=2, bad={}, closed={}, dropped={}, kernel_dropped=None
    )
    bridge = BridgeStatus("stage", "udp://:9000", "asyncio", "", received, 0, 0, 0)
    assert what_does_not_add_up(Status((bridge,), (), ())) == [
        "bridge.stage: 3 received, 2 routed, 0 unmatched, {} dropped, 0 held"
    ]


async def test_until_ends_once_its_condition_is_true() -> None:
    looks = iter([False, False, True])
    await until(lambda: next(looks))
    assert not list(looks)


async def test_until_fails_after_its_time() -> None:
    with pytest.raises(AssertionError, match=r"not true within 0\.01 s"):
        await until(lambda: False, 0.01)
