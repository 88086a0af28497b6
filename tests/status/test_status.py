"""The status of a running system: problems by gravity, failing routes, unmatched messages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

import oscbridge
from oscbridge import Endpoint, Message, Options
from oscbridge.bridge.app import App
from oscbridge.bridge.config.config import parse
from oscbridge.bridge.muting import set_muted
from oscbridge.bridge.routes.failures import PERIOD, RouteFailures
from oscbridge.plugins.manager import Plugins
from oscbridge.status.route_status import MAX_TEXT
from oscbridge.status.status import Status, read_status
from oscbridge.udp_client import UDPClient

CONFIGURATION = """
[bridge.stage]
listen = "udp://127.0.0.1:0"
[endpoint.lamp]
type = "lamp"
[[route]]
from = "stage"
match = "/fader"
to = "lamp"
function = "show_of_status:play"
"""

SHOW = """
def play(message):
    if message.args[0] < 0:
        raise ValueError("below zero")
    return message
"""


class Lamp(Endpoint[Options], oscbridge.Serving):
    """Accepts every message, and has three clients."""

    async def send(self, message: Message) -> None:
        pass

    @property
    def client_count(self) -> int:
        return 3


class Unplugged(Endpoint[Options], oscbridge.Serving):
    """Cannot be connected, nor count its clients."""

    async def connect(self) -> None:
        raise OSError("unplugged")

    async def send(self, message: Message) -> None:
        pass

    @property
    def client_count(self) -> int:
        raise RuntimeError("lost count")


@dataclass
class Clock:
    now: float = 100.0
    """Seconds."""


@asynccontextmanager
async def running(text: str) -> AsyncIterator[App]:
    app = App(parse(text, {"lamp": Lamp, "unplugged": Unplugged}, "show.toml"), Plugins([]))
    await app.start()
    try:
        yield app
    finally:
        await app.stop()


@pytest.fixture
async def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[App]:
    (tmp_path / "show_of_status.py").write_text(SHOW)
    monkeypatch.syspath_prepend(tmp_path)
    async with running(CONFIGURATION) as app:
        yield app


def send(app: App, address: str, *args: float) -> None:
    where = app.listeners["stage"].address
    with UDPClient(where.host, where.port) as client:
        client.send(Message.of(address, *args))


async def status_when(app: App, condition: Callable[[Status], object]) -> Status:
    async with asyncio.timeout(10):
        while not condition(status := read_status(app)):
            await asyncio.sleep(0.001)
    return status


# --- readiness -------------------------------------------------------------------------------


async def test_problems_are_listed_with_the_gravest_first_and_routes_are_warnings(app: App) -> None:
    clock = Clock()
    text = CONFIGURATION + '[endpoint.fog]\ntype = "unplugged"\non_start = "retry"\n'
    async with running(text) as other:
        other.problems["stage"] = "address in use"
        other.routes[0].failures = RouteFailures(lambda: clock.now)
        for count in (1, 2):
            send(other, "/fader", -1.0)
            await status_when(other, lambda s, n=count: s.routes[0].failed.get("function") == n)
            clock.now += PERIOD
        status = read_status(other)
    assert status.problems == (
        "bridge.stage: address in use",
        "endpoint.fog: not connected: unplugged",
    )
    (warning,) = status.warnings
    text = "route 1 (/fader): keeps failing: show_of_status:play failed: ValueError: below zero ("
    assert warning.startswith(text)


async def test_single_failure_does_not_make_it_unready(app: App) -> None:
    send(app, "/fader", -1.0)
    status = await status_when(app, lambda status: status.routes[0].last_error)
    assert status.problems == ()
    (route,) = status.routes
    assert route.failing
    text = "show_of_status:play failed: ValueError: below zero ("
    assert route.last_error.startswith(text)
    (warning,) = status.warnings
    assert warning.startswith(f"route 1 (/fader): failing: {text}")


async def test_muted_route_is_not_reported_as_failing(app: App) -> None:
    send(app, "/fader", -1.0)
    await status_when(app, lambda status: status.warnings)
    set_muted(app, ["1"], True)
    status = read_status(app)
    assert (status.warnings, status.problems) == ((), ())
    assert not status.routes[0].failing


def test_route_keeps_failing_after_failures_over_a_whole_period() -> None:
    now = 100.0
    state = RouteFailures(lambda: now)
    assert (state.is_failing, state.is_lasting) == (False, False)
    states = []
    for _ in range(4):
        state.note("x")
        states.append(state.is_lasting)
        now += 4
    assert states == [False, False, False, True]
    now += 7
    assert (state.is_failing, state.is_lasting) == (False, False)
    state.note("x")
    assert (state.is_failing, state.is_lasting) == (True, False)


# --- what sources report ---------------------------------------------------------------------


async def test_last_address_without_a_route_is_reported(app: App) -> None:
    send(app, "/typo")
    status = await status_when(app, lambda status: status.bridges[0].received.unmatched)
    received = status.bridges[0].received
    assert (received.unmatched, received.last_unmatched) == (1, "/typo")


async def test_long_addresses_are_shortened(app: App) -> None:
    send(app, "/" + "x" * 500)
    status = await status_when(app, lambda status: status.bridges[0].received.unmatched)
    assert len(status.bridges[0].received.last_unmatched) == MAX_TEXT


async def test_silence_is_the_time_since_something_arrived(app: App) -> None:
    assert read_status(app).bridges[0].received.silence is None
    send(app, "/fader", 1.0)
    status = await status_when(app, lambda status: status.bridges[0].received.messages)
    silence = status.bridges[0].received.silence
    assert silence is not None
    assert 0 <= silence < 10
    later = await status_when(app, lambda s: (s.bridges[0].received.silence or 0) > silence)
    assert later.endpoints[0].received.silence is None


# --- clients ---------------------------------------------------------------------------------


async def test_clients_of_an_endpoint_are_counted(app: App) -> None:
    assert read_status(app).endpoints[0].clients == 3


async def test_endpoint_that_fails_to_count_its_clients_keeps_its_status() -> None:
    text = '[endpoint.fog]\ntype = "unplugged"\non_start = "retry"\n'
    async with running(text) as app:
        assert read_status(app).endpoints[0].clients is None
