"""Policies for an endpoint that is slower than its sources: drop_oldest, latest, block."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from itertools import repeat

import pytest

from oscbridge import (
    Coalescing,
    Endpoint,
    Message,
    NotConnected,
    Options,
    encode_bundle,
    encode_message,
)
from oscbridge.bridge.app import App
from oscbridge.bridge.sinks import connection, queues
from oscbridge.bridge.sinks.policies import RunnerOptions
from oscbridge.bridge.sinks.runner import EndpointRunner
from oscbridge.contract.endpoint import Policy
from oscbridge.osc.framing import stream_encoder
from oscbridge.tcp_client import SimpleTCPClient
from oscbridge.udp_client import UDPClient

Running = Callable[..., AbstractAsyncContextManager[App]]
Send = Callable[..., Awaitable[None]]

WAIT = 10.0


class Gate(Endpoint):
    """Blocks every send until it is opened."""

    def __init__(self, name: str = "gate", options: Options | None = None) -> None:
        super().__init__(name, options or Options())
        self.messages: list[Message] = []
        self.opened = asyncio.Event()
        self.stalled = asyncio.Event()
        self._arrived = asyncio.Event()

    async def send(self, message: Message) -> None:
        self.stalled.set()
        await self.opened.wait()
        self.messages.append(message)
        self._arrived.set()

    async def arrived(self, count: int) -> list[object]:
        """Wait for ``count`` messages and return their values."""
        async with asyncio.timeout(WAIT):
            while len(self.messages) < count:
                self._arrived.clear()
                await self._arrived.wait()
        return [message.args[0] for message in self.messages]


class Refusing(Endpoint):
    """Never connects."""

    async def connect(self) -> None:
        raise NotConnected("refused")

    async def send(self, message: Message) -> None:
        raise AssertionError


@pytest.fixture(autouse=True)
def kinds(types: dict[str, type[Endpoint]]) -> None:
    types["gate"] = Gate
    types["refusing"] = Refusing


async def stalled(policy: Policy, size: int) -> tuple[EndpointRunner, Gate]:
    """Start an endpoint that is already sending the message -1."""
    gate = Gate()
    options = RunnerOptions(policy, "error", size)
    delivery = EndpointRunner(gate, "gate", options, waits=lambda: repeat(0.0))
    await delivery.start()
    delivery.offer(Message("/first", "i", (-1,)))
    async with asyncio.timeout(WAIT):
        await gate.stalled.wait()
    return delivery, gate


def value(number: int, address: str = "/n") -> Message:
    return Message(address, "i", (number,))


# --- drop_oldest -------------------------------------------------------------------------------


async def test_drop_oldest_keeps_the_newest_in_order_and_counts_the_others() -> None:
    delivery, gate = await stalled("drop_oldest", 10)
    for number in range(25):
        delivery.offer(value(number))
    gate.opened.set()
    assert await gate.arrived(11) == [-1, *range(15, 25)]
    await delivery.stop()
    assert (delivery.sent, delivery.drops) == (11, {"full": 15})


# --- latest ------------------------------------------------------------------------------------


async def test_latest_keeps_one_value_per_address_and_counts_replaced_ones(
    caplog: pytest.LogCaptureFixture,
) -> None:
    delivery, gate = await stalled("latest", 10)
    for number in range(30):
        delivery.offer(value(number, f"/fader/{number % 3}"))
    gate.opened.set()
    assert await gate.arrived(4) == [-1, 27, 28, 29]
    await delivery.stop()
    assert (delivery.sent, delivery.drops) == (4, {"replaced": 27})
    assert caplog.messages == []  # the policy asks for it


async def test_latest_drops_the_oldest_address_when_full() -> None:
    delivery, gate = await stalled("latest", 2)
    for number in range(4):
        delivery.offer(value(number, f"/fader/{number}"))
    gate.opened.set()
    assert await gate.arrived(3) == [-1, 2, 3]
    await delivery.stop()
    assert delivery.drops == {"full": 2}


async def test_latest_replaces_values_queued_during_a_send() -> None:
    """Each message is taken when it is sent, not in a batch."""
    sent: list[object] = []

    class Slow(Endpoint):
        async def send(self, message: Message) -> None:
            if message.address == "/a":
                delivery.offer(value(3, "/b"))
            sent.append(message.args[0])

    options = RunnerOptions("latest", "error", 10)
    delivery = EndpointRunner(Slow("slow", Options()), "slow", options)
    await delivery.start()
    delivery.offer(value(1, "/a"))
    delivery.offer(value(2, "/b"))
    async with asyncio.timeout(WAIT):
        while len(sent) < 2:
            await asyncio.sleep(0)
    assert sent == [1, 3]
    await delivery.stop()


async def test_latest_delivers_the_last_value_of_each_address_from_several_threads() -> None:
    delivery, gate = await stalled("latest", 100)
    gate.opened.set()

    def work(address: str) -> None:
        for number in range(2_000):
            delivery.offer(value(number, address))

    await asyncio.gather(*(asyncio.to_thread(work, f"/{name}") for name in "abcd"))
    await delivery.stop()
    last = {message.address: message.args[0] for message in gate.messages}
    assert last == {"/first": -1, "/a": 1_999, "/b": 1_999, "/c": 1_999, "/d": 1_999}
    assert delivery.sent + delivery.drops["replaced"] == 8_001


@pytest.mark.parametrize("policy", ["drop_oldest", "block"])
async def test_only_latest_asks_for_a_coalesce_key(policy: Policy) -> None:
    class Asked(Gate, Coalescing):
        asked = False

        def coalesce_key(self, message: Message) -> str:
            self.asked = True
            return message.address

    gate = Asked()
    gate.opened.set()
    delivery = EndpointRunner(gate, "gate", RunnerOptions(policy, "error", 1))
    await delivery.start()
    delivery.offer(value(0))
    delivery.offer(value(1))
    await delivery.stop()
    assert gate.messages
    assert not gate.asked


# --- block -------------------------------------------------------------------------------------


async def test_block_makes_a_thread_wait_and_loses_nothing() -> None:
    delivery, gate = await stalled("block", 10)
    offered = 0

    def work() -> None:
        nonlocal offered
        for number in range(500):
            delivery.offer(value(number))
            offered += 1

    working = asyncio.ensure_future(asyncio.to_thread(work))
    async with asyncio.timeout(WAIT):
        while offered < 10:
            await asyncio.sleep(0)
    done, _ = await asyncio.wait([working], timeout=0.05)
    assert not done
    assert offered == 10
    gate.opened.set()
    assert await gate.arrived(501) == [-1, *range(500)]
    await working
    await delivery.stop()
    assert (delivery.sent, delivery.drops) == (501, {})


async def test_block_drops_messages_after_the_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queues, "BLOCK_TIMEOUT", 0.05)
    monkeypatch.setattr(queues, "SLACK", 2)
    delivery, gate = await stalled("block", 3)
    async with asyncio.timeout(WAIT):
        await asyncio.to_thread(lambda: [delivery.offer(value(number)) for number in range(7)])
    assert delivery.drops == {"full": 2}
    gate.opened.set()
    assert await gate.arrived(6) == [-1, 0, 1, 2, 3, 4]
    await delivery.stop()


async def test_release_frees_a_waiting_thread() -> None:
    delivery, _gate = await stalled("block", 1)
    thread = threading.Thread(target=lambda: [delivery.offer(value(n)) for n in range(5)])
    thread.start()
    delivery.release()
    await asyncio.to_thread(thread.join, WAIT)
    assert not thread.is_alive()
    await delivery.stop()
    assert sum(delivery.drops.values()) == 6


async def test_backpressure_is_active_from_full_until_half_empty() -> None:
    gate, changes = Gate(), list[bool]()
    delivery = EndpointRunner(gate, "gate", RunnerOptions("block", "error", 4))
    delivery.backpressure.on_change = lambda: changes.append(delivery.backpressure.is_active)
    await delivery.start()
    delivery.offer(value(-1))
    async with asyncio.timeout(WAIT):
        await gate.stalled.wait()
    for number in range(6):
        delivery.offer(value(number))
        assert changes == ([True] if number >= 3 else [])
    gate.opened.set()
    await gate.arrived(7)
    async with asyncio.timeout(WAIT):
        while len(changes) < 2:
            await asyncio.sleep(0)
    assert changes == [True, False]
    await delivery.stop()


BLOCK = """
[bridge.in]
listen = "{scheme}://127.0.0.1:0"
mode = "{mode}"
[endpoint.out]
type = "gate"
policy = "block"
queue = 20
[[route]]
from = "in"
to = "out"
"""


@contextmanager
def sending(app: App, total: int) -> Iterator[threading.Thread]:
    """Send numbers to a TCP bridge on a thread, which waits while the bridge does not read."""
    url = app.listeners["in"].address

    def work() -> None:
        with SimpleTCPClient(url.host, url.port, mode=url.framing) as client:
            for number in range(total):
                client.send(value(number))

    thread = threading.Thread(target=work)
    thread.start()
    yield thread
    thread.join(WAIT)
    assert not thread.is_alive()


@pytest.mark.parametrize("scheme", ["tcp", "tcp+1.0"])
@pytest.mark.parametrize("mode", ["asyncio", "blocking", "threading"])
async def test_block_slows_a_tcp_source_and_loses_nothing(
    mode: str, scheme: str, running: Running
) -> None:
    total = 5_000
    async with running(BLOCK.format(mode=mode, scheme=scheme)) as app:
        gate = app.endpoints["out"].endpoint
        assert isinstance(gate, Gate)
        with sending(app, total):
            async with asyncio.timeout(WAIT):
                await gate.stalled.wait()
            gate.opened.set()
            assert await gate.arrived(total) == list(range(total))
        assert app.endpoints["out"].drops == {}


async def test_tcp_source_on_the_loop_is_not_read_while_the_queue_is_full(running: Running) -> None:
    total = 3_000
    async with running(BLOCK.format(mode="asyncio", scheme="tcp")) as app:
        url, delivery = app.listeners["in"].address, app.endpoints["out"]
        gate = delivery.endpoint
        assert isinstance(gate, Gate)
        _, writer = await asyncio.open_connection(url.host, url.port)
        encode = stream_encoder("1.1")
        # In one piece: messages that were already read must wait as well.
        writer.write(b"".join(encode(encode_message(value(n))) for n in range(total)))
        async with asyncio.timeout(WAIT):
            await gate.stalled.wait()
        read = app.dispatchers["in"].statistics
        before = read.messages
        for _ in range(20):
            await asyncio.sleep(0)
        assert read.messages == before < 200
        gate.opened.set()
        assert await gate.arrived(total) == list(range(total))
        assert delivery.drops == {}
        writer.close()
        await writer.wait_closed()


async def test_several_tcp_clients_resume_after_backpressure(running: Running) -> None:
    total = 1_000
    async with running(BLOCK.format(mode="asyncio", scheme="tcp")) as app:
        gate = app.endpoints["out"].endpoint
        assert isinstance(gate, Gate)
        with sending(app, total), sending(app, total), sending(app, total):
            async with asyncio.timeout(WAIT):
                await gate.stalled.wait()
            gate.opened.set()
            values = await gate.arrived(3 * total)
        assert sorted(values) == sorted([*range(total)] * 3)  # type: ignore[type-var]
        assert app.endpoints["out"].drops == {}


async def test_udp_source_on_the_loop_is_not_read_while_the_queue_is_full(
    running: Running, send: Send
) -> None:
    total = 300
    async with running(BLOCK.format(mode="asyncio", scheme="udp")) as app:
        delivery = app.endpoints["out"]
        gate = delivery.endpoint
        assert isinstance(gate, Gate)
        await send(app, "in", *(value(number) for number in range(total)))
        async with asyncio.timeout(WAIT):
            await gate.stalled.wait()
        read = app.dispatchers["in"].statistics
        before = read.messages
        for _ in range(20):
            await asyncio.sleep(0)
        assert read.messages == before < 150
        gate.opened.set()
        assert await gate.arrived(total) == list(range(total))
        assert delivery.drops == {}


async def test_bundle_that_fills_the_queue_is_accepted_completely(running: Running) -> None:
    total = 1_000
    async with running(BLOCK.format(mode="asyncio", scheme="udp")) as app:
        url, delivery = app.listeners["in"].address, app.endpoints["out"]
        gate = delivery.endpoint
        assert isinstance(gate, Gate)
        bundle = encode_bundle([encode_message(value(n)) for n in range(total)])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(bundle, (url.host, url.port))
        gate.opened.set()
        assert await gate.arrived(total) == list(range(total))
        assert delivery.drops == {}


async def test_backpressure_pauses_only_bridges_that_feed_the_endpoint(
    running: Running, send: Send
) -> None:
    text = BLOCK.format(mode="asyncio", scheme="udp") + (
        '[bridge.free]\nlisten = "udp://127.0.0.1:0"\n[endpoint.other]\ntype = "collect"\n'
        '[[route]]\nfrom = "free"\nto = "other"'
    )
    async with running(text) as app:
        gate, other = app.endpoints["out"].endpoint, app.endpoints["other"].endpoint
        assert isinstance(gate, Gate)
        await send(app, "in", *(value(number) for number in range(200)))
        async with asyncio.timeout(WAIT):
            await gate.stalled.wait()
        await send(app, "free", value(1))
        await other.arrived(1)  # type: ignore[attr-defined]
        gate.opened.set()
        await gate.arrived(200)


@pytest.mark.parametrize("mode", ["blocking", "threading"])
async def test_stop_does_not_wait_for_a_thread_that_waits_for_room(
    mode: str, running: Running, send: Send, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(BLOCK.format(mode=mode, scheme="udp")) as app:
        gate = app.endpoints["out"].endpoint
        assert isinstance(gate, Gate)
        await send(app, "in", *(value(number) for number in range(50)))
        async with asyncio.timeout(WAIT):
            await gate.stalled.wait()
            while app.dispatchers["in"].statistics.messages < 22:
                await asyncio.sleep(0)
    assert "handlers did not return in time" not in caplog.text
    delivery = app.endpoints["out"]
    assert delivery.sent + sum(delivery.drops.values()) == (
        app.dispatchers["in"].statistics.messages
    )


# --- several endpoints -------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["asyncio", "blocking", "threading"])
async def test_stalled_and_refusing_endpoints_do_not_slow_a_good_one(
    mode: str, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "FIRST_WAIT", 0.001)
    text = f"""
    [bridge.in]
    listen = "udp://127.0.0.1:0"
    mode = "{mode}"
    [endpoint.stalled]
    type = "gate"
    queue = 10
    [endpoint.refusing]
    type = "refusing"
    on_start = "retry"
    queue = 10
    [endpoint.good]
    type = "collect"
    [[route]]
    from = "in"
    to = ["stalled", "refusing", "good"]
    """
    total = 1_000
    async with running(text) as app:
        good = app.endpoints["good"].endpoint
        url = app.listeners["in"].address
        with UDPClient(url.host, url.port) as client:
            for first in range(0, total, 50):
                for number in range(first, first + 50):
                    client.send(value(number))
                await good.arrived(first + 50)  # type: ignore[attr-defined]
        assert app.endpoints["good"].sent == total
        assert app.endpoints["refusing"].problem == "refused"
    for name, sent in (("stalled", 0), ("refusing", 0), ("good", total)):
        delivery = app.endpoints[name]
        assert delivery.sent == sent
        assert delivery.sent + sum(delivery.drops.values()) == total
