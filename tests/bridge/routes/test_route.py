"""Routes: what endpoints are told of them, and the way from threads to the steps on the loop."""

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
from oscbridge.bridge.routes.pure_steps import PureSteps, RouteSpec
from oscbridge.bridge.routes.route import Route, StatefulOptions, StatefulSteps
from oscbridge.endpoint import Routed

Running = Callable[..., AbstractAsyncContextManager[App]]
Send = Callable[..., Awaitable[None]]


class Sink:
    """The near side of an endpoint."""

    type = "test"
    routed = True

    def __init__(self, name: str = "out", *, takes_route: bool = False) -> None:
        self.name = name
        self.takes_route = takes_route
        self.messages: list[Message] = []

    def offer(self, message: Message) -> None:
        self.messages.append(message)


class Options(oscbridge.Options):
    channel: int = 1


def deliver(tail: StatefulSteps, message: Message, **captures: str) -> None:
    call = Route(PureSteps(RouteSpec()), tail).bind(message.address, message.types, captures)
    assert call is not None
    call(message)


# --- what an endpoint is told ------------------------------------------------------------------


@pytest.mark.parametrize("memory", [StatefulOptions(), StatefulOptions(on_change=True)])
async def test_an_endpoint_with_options_gets_them_with_the_captures(
    memory: StatefulOptions,
) -> None:
    sink = Sink(takes_route=True)
    tail = StatefulSteps([sink], {"out": Options(channel=3)}, memory)
    tail.start()
    deliver(tail, Message.of("/x", 1), n="7")
    (message,) = sink.messages
    assert message[:3] == ("/x", "i", (1,))
    assert message.route == Routed(Options(channel=3), {"n": "7"})


@pytest.mark.parametrize("memory", [StatefulOptions(), StatefulOptions(on_change=True)])
async def test_an_endpoint_whose_route_has_no_options_gets_the_captures(
    memory: StatefulOptions,
) -> None:
    sink = Sink(takes_route=True)
    tail = StatefulSteps([sink], {}, memory)
    tail.start()
    deliver(tail, Message.of("/x", 1), n="7")
    assert sink.messages[0].route == Routed(None, {"n": "7"})


@pytest.mark.parametrize("memory", [StatefulOptions(), StatefulOptions(on_change=True)])
async def test_each_endpoint_gets_its_own_options_and_others_none(memory: StatefulOptions) -> None:
    one, two, plain = Sink("one", takes_route=True), Sink("two", takes_route=True), Sink("plain")
    options = {"one": Options(channel=1), "two": Options(channel=2)}
    tail = StatefulSteps([one, two, plain], options, memory)
    tail.start()
    deliver(tail, Message.of("/x", 1))
    assert one.messages[0].route == Routed(Options(channel=1), {})
    assert two.messages[0].route == Routed(Options(channel=2), {})
    assert plain.messages[0].route is None


class Tuned(Endpoint):
    """Remembers what routes tell it."""

    class RouteOptions(oscbridge.Options):
        channel: int = 1

    seen: asyncio.Queue[Message]

    async def connect(self) -> None:
        self.seen = asyncio.Queue()

    async def send(self, message: Message) -> None:
        self.seen.put_nowait(message)


@pytest.mark.parametrize("mode", ["asyncio", "threading", "forking"])
async def test_a_route_s_options_reach_a_real_endpoint_in_every_mode(
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
        message = await endpoint.seen.get()
    assert message.route == Routed(Tuned.RouteOptions(channel=5), {"n": "3"})


# --- the order of what remembers ---------------------------------------------------------------


async def test_what_does_not_change_takes_nothing_of_the_limit() -> None:
    sink = Sink()
    tail = StatefulSteps([sink], {}, StatefulOptions(on_change=True, limit=0.001))
    tail.start()
    for value in (1, 1, 1, 2):
        deliver(tail, Message.of("/x", value))
    assert [message.args for message in sink.messages] == [(1,)]
    tail.stop()
    assert [message.args for message in sink.messages] == [(1,), (2,)]
    assert tail.drops == {"unchanged": 2}


async def test_a_stop_counts_what_a_delay_holds_the_last_of_a_limit_too() -> None:
    sink = Sink()
    tail = StatefulSteps([sink], {}, StatefulOptions(limit=0.001, delay=60))
    tail.start()
    for value in (1, 2):
        deliver(tail, Message.of("/x", value))
    tail.stop()
    assert sink.messages == []
    assert tail.drops == {"stopped": 2}


async def test_without_memory_nothing_is_remembered() -> None:
    sink = Sink()
    tail = StatefulSteps([sink], {}, StatefulOptions())
    tail.start()
    for _ in range(3):
        deliver(tail, Message.of("/x", 1))
    assert len(sink.messages) == 3


# --- from other threads ------------------------------------------------------------------------


async def from_a_thread(work: Callable[[], None]) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()  # the loop stands still meanwhile


async def test_messages_from_a_thread_come_to_the_loop_in_order() -> None:
    sink = Sink()
    tail = StatefulSteps([sink], {}, StatefulOptions(on_change=True))
    tail.start()

    def work() -> None:
        for value in range(100):
            deliver(tail, Message.of("/x", value))

    await from_a_thread(work)
    assert sink.messages == []
    await asyncio.sleep(0)
    assert [message.args[0] for message in sink.messages] == list(range(100))


async def test_a_burst_from_a_thread_is_bounded_and_the_oldest_are_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(route_module, "MAX_WAITING", 3)
    sink = Sink()
    tail = StatefulSteps([sink], {}, StatefulOptions(on_change=True))
    tail.start()

    def work() -> None:
        for value in range(5):
            deliver(tail, Message.of("/x", value))

    await from_a_thread(work)
    await asyncio.sleep(0)
    assert [message.args[0] for message in sink.messages] == [2, 3, 4]
    assert tail.drops == {"full": 2}


async def test_a_stop_takes_what_comes_from_threads_first() -> None:
    sink = Sink()
    tail = StatefulSteps([sink], {}, StatefulOptions(on_change=True))
    tail.start()
    await from_a_thread(lambda: deliver(tail, Message.of("/x", 1)))
    tail.stop()
    assert len(sink.messages) == 1


def test_what_comes_when_the_loop_is_closed_is_counted() -> None:
    tail = StatefulSteps([Sink()], {}, StatefulOptions(on_change=True))

    async def start() -> None:
        tail.start()

    thread = threading.Thread(target=lambda: asyncio.run(start()))
    thread.start()
    thread.join()
    for value in (1, 2):
        deliver(tail, Message.of("/x", value))
    assert tail.drops == {"stopped": 2}


# --- reports -----------------------------------------------------------------------------------


def test_what_a_route_loses_is_reported_once_with_its_name(
    caplog: pytest.LogCaptureFixture,
) -> None:
    route = Route(
        PureSteps(RouteSpec(send="/y {1}")),
        StatefulSteps([Sink()], {}, StatefulOptions()),
        "route 3",
    )
    call = route.bind("/x", "i", {})
    assert call is not None
    for _ in range(5):
        call(Message.of("/x", 1))
    (record,) = caplog.records
    assert record.message == "route 3: 1 message lost: missing argument {1}"
    assert record.levelno == logging.WARNING
    assert route.steps.drops == {"arguments": 5}


async def test_a_route_is_called_by_its_number_in_the_file(running: Running) -> None:
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
        assert [repr(wired.route) for wired in app.routes] == ["route 1", "route 2"]
