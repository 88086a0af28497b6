"""Routes: their deliveries to endpoints, and the way from threads to the steps on the loop."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import pytest

import oscbridge
from oscbridge import Endpoint, Message
from oscbridge.bridge.app import App
from oscbridge.bridge.routes import route as route_module
from oscbridge.bridge.routes.config import RouteConfig
from oscbridge.bridge.routes.route import Route
from oscbridge.contract.delivery import Delivery

Running = Callable[..., AbstractAsyncContextManager[App]]
Send = Callable[..., Awaitable[None]]


class Sink:
    """The bridge's side of an endpoint."""

    type = "test"
    routed = True

    def __init__(self, name: str = "out", *, takes_route: bool = False) -> None:
        self.name = name
        self.takes_route = takes_route
        self.messages: list[Message | Delivery[Options]] = []

    def offer(self, message: Message | Delivery[Options]) -> None:
        self.messages.append(message)


class Options(oscbridge.Options):
    channel: int = 1


def deliver(route: Route, message: Message, **captures: str) -> None:
    call = route.bind(message.address, message.types, captures)
    assert call is not None
    call(message)


# --- options and captures -----------------------------------------------------------------------


@pytest.mark.parametrize("on_change", [False, True])
async def test_route_delivers_its_options_and_captures(
    on_change: bool,
) -> None:
    sink = Sink(takes_route=True)
    route = Route(RouteConfig(on_change=on_change, options={"out": Options(channel=3)}), [sink])
    route.stateful.start()
    deliver(route, Message.of("/x", 1), n="7")
    (message,) = sink.messages
    assert message == Delivery(Message("/x", "i", (1,)), Options(channel=3), {"n": "7"})


@pytest.mark.parametrize("on_change", [False, True])
async def test_route_without_options_delivers_its_captures(
    on_change: bool,
) -> None:
    sink = Sink(takes_route=True)
    route = Route(RouteConfig(on_change=on_change), [sink])
    route.stateful.start()
    deliver(route, Message.of("/x", 1), n="7")
    assert sink.messages == [Delivery(Message.of("/x", 1), None, {"n": "7"})]


@pytest.mark.parametrize("on_change", [False, True])
async def test_route_delivers_to_each_endpoint_its_own_options(on_change: bool) -> None:
    one, two, plain = Sink("one", takes_route=True), Sink("two", takes_route=True), Sink("plain")
    options = {"one": Options(channel=1), "two": Options(channel=2)}
    route = Route(RouteConfig(on_change=on_change, options=options), [one, two, plain])
    route.stateful.start()
    deliver(route, Message.of("/x", 1))
    assert one.messages == [Delivery(Message.of("/x", 1), Options(channel=1), {})]
    assert two.messages == [Delivery(Message.of("/x", 1), Options(channel=2), {})]
    assert plain.messages == [Message.of("/x", 1)]


class Tuned(Endpoint[oscbridge.Options, Delivery[Options]]):
    """Records its messages."""

    seen: asyncio.Queue[Delivery[Options]]

    async def connect(self) -> None:
        self.seen = asyncio.Queue()

    async def send(self, delivery: Delivery[Options]) -> None:
        self.seen.put_nowait(delivery)


@pytest.mark.parametrize("mode", ["asyncio", "threading", "forking"])
async def test_route_options_reach_an_endpoint_in_every_mode(
    mode: str, types: dict[str, type[Endpoint]], running: Running, send: Send
) -> None:
    types["tuned"] = Tuned
    text = f"""
    [bridge.in]
    listen = "udp://127.0.0.1:0"
    mode = "{mode}"
    [endpoint.out]
    type = "tuned"
    [[route]]
    from = "in"
    to = "out"
    match = "/ch/{{n}}"
    tuned = {{ channel = 5 }}
    """
    async with running(text) as app, asyncio.timeout(20):
        await send(app, "in", Message.of("/ch/3", 1))
        endpoint = app.endpoints["out"].endpoint
        assert isinstance(endpoint, Tuned)
        delivery = await endpoint.seen.get()
    assert delivery[1:] == (Options(channel=5), {"n": "3"})


# --- the order of stateful steps ---------------------------------------------------------------


async def test_on_change_precedes_the_limit() -> None:
    sink = Sink()
    route = Route(RouteConfig(on_change=True, limit=0.001), [sink])
    route.stateful.start()
    for value in (1, 1, 1, 2):
        deliver(route, Message.of("/x", value))
    assert [message.args for message in sink.messages] == [(1,)]
    route.stateful.stop()
    assert [message.args for message in sink.messages] == [(1,), (2,)]
    assert route.counts.filtered == {"on_change": 2}


async def test_limit_precedes_debounce() -> None:
    sink = Sink()
    route = Route(RouteConfig(limit=0.001, debounce=60), [sink])
    route.stateful.start()
    for value in (1, 2, 3):
        deliver(route, Message.of("/x", value))
    assert route.counts.filtered == {"limit": 1}
    assert route.stateful.held == 2
    route.stateful.stop()
    assert [message.args for message in sink.messages] == [(3,)]
    assert route.counts.filtered == {"limit": 1, "debounce": 1}
    assert (route.counts.passed, route.stateful.held) == (1, 0)


async def test_message_that_a_ramp_makes_many_of_passes_once() -> None:
    sink = Sink()
    options = {"out": Options(channel=3)}
    route = Route(RouteConfig(ramp=0.1, options=options), [sink])
    route.stateful.start()
    deliver(route, Message.of("/x", 0.0))
    deliver(route, Message.of("/x", 1.0))
    assert (route.counts.passed, route.stateful.held) == (1, 1)
    while route.stateful.held:
        await asyncio.sleep(0)
    assert route.counts.passed == 2
    values = [message.args[0] for message in sink.messages]
    assert len(values) > 3
    assert values == sorted(values)
    assert values[-1] == 1.0


async def test_ramp_with_a_delay_holds_one_message_for_each_that_it_took() -> None:
    sink = Sink()
    route = Route(RouteConfig(ramp=60, delay=60), [sink])
    route.stateful.start()
    for value in (0.0, 1.0, 2.0):
        deliver(route, Message.of("/x", value))
    assert route.stateful.held == 3
    route.stateful.stop()
    assert route.counts.failed == {"stopped": 3}
    assert sink.messages == []


async def test_stop_counts_delayed_messages_and_the_last_one_of_a_limit() -> None:
    sink = Sink()
    route = Route(RouteConfig(limit=0.001, delay=60), [sink])
    route.stateful.start()
    for value in (1, 2):
        deliver(route, Message.of("/x", value))
    route.stateful.stop()
    assert sink.messages == []
    assert route.counts.failed == {"stopped": 2}


async def test_route_without_stateful_steps_passes_every_message() -> None:
    sink = Sink()
    route = Route(RouteConfig(), [sink])
    route.stateful.start()
    for _ in range(3):
        deliver(route, Message.of("/x", 1))
    assert len(sink.messages) == 3


# --- from other threads ------------------------------------------------------------------------


async def from_a_thread(work: Callable[[], None]) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()  # the loop is blocked meanwhile


async def test_messages_from_a_thread_arrive_on_the_loop_in_order() -> None:
    sink = Sink()
    route = Route(RouteConfig(on_change=True), [sink])
    route.stateful.start()

    def work() -> None:
        for value in range(100):
            deliver(route, Message.of("/x", value))

    await from_a_thread(work)
    assert sink.messages == []
    await asyncio.sleep(0)
    assert [message.args[0] for message in sink.messages] == list(range(100))


async def test_burst_from_a_thread_drops_and_counts_the_oldest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(route_module, "MAX_WAITING", 3)
    sink = Sink()
    route = Route(RouteConfig(on_change=True), [sink])
    route.stateful.start()

    def work() -> None:
        for value in range(5):
            deliver(route, Message.of("/x", value))

    await from_a_thread(work)
    await asyncio.sleep(0)
    assert [message.args[0] for message in sink.messages] == [2, 3, 4]
    assert route.counts.failed == {"full": 2}


async def test_stop_delivers_messages_from_threads_first() -> None:
    sink = Sink()
    route = Route(RouteConfig(on_change=True), [sink])
    route.stateful.start()
    await from_a_thread(lambda: deliver(route, Message.of("/x", 1)))
    route.stateful.stop()
    assert len(sink.messages) == 1


def test_messages_after_the_loop_closed_are_counted() -> None:
    route = Route(RouteConfig(on_change=True), [Sink()])

    async def start() -> None:
        route.stateful.start()

    thread = threading.Thread(target=lambda: asyncio.run(start()))
    thread.start()
    thread.join()
    for value in (1, 2):
        deliver(route, Message.of("/x", value))
    assert route.counts.failed == {"stopped": 2}


# --- log lines ---------------------------------------------------------------------------------


def test_dropped_messages_are_logged_once_with_the_route_name(
    caplog: pytest.LogCaptureFixture,
) -> None:
    route = Route(RouteConfig(send="/y {1}"), [Sink()], "route 3")
    call = route.bind("/x", "i", {})
    assert call is not None
    for _ in range(5):
        call(Message.of("/x", 1))
    (record,) = caplog.records
    assert record.message == "route 3: 1 message lost: missing argument {1}"
    assert record.levelno == logging.WARNING
    assert route.counts.failed == {"arguments": 5}


async def test_route_without_name_is_logged_by_its_number_and_match(running: Running) -> None:
    text = """
    [bridge.in]
    listen = "udp://127.0.0.1:0"
    [endpoint.out]
    type = "collect"
    [[route]]
    from = "in"
    to = "out"
    [[route]]
    from = "in"
    to = "out"
    """
    async with running(text) as app:
        assert [repr(route) for route in app.routes] == ["route 1 (*)", "route 2 (*)"]
