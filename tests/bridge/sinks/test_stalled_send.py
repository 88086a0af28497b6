"""A send that does not return is logged, shown, and makes the endpoint unready."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable

import pytest

from oscbridge import Endpoint, Message, NotConnected
from oscbridge.bridge.sinks import connection, runner
from oscbridge.bridge.sinks.stall_watch import StallWatch
from oscbridge.logs.rate_limited import RateLimitedLog
from oscbridge.status.status import read_status

CONFIG = '[endpoint.in]\ntype = "source"\n[endpoint.desk]\ntype = "stuck"\nstall_timeout = 0.1\n'
ROUTE = '[[route]]\nfrom = "in"\nto = "desk"\n'


class Stuck(Endpoint):
    """Its ``send`` waits until it is freed."""

    def __init__(self, name: str, options: object) -> None:
        super().__init__(name, options)  # type: ignore[arg-type]
        self.freed = asyncio.Event()

    async def send(self, message: Message) -> None:
        await self.freed.wait()


def test_look_counts_from_the_first_look_without_progress() -> None:
    now = [0.0]
    log = RateLimitedLog(logging.getLogger("test"))
    watch, attempt = StallWatch(5.0, lambda: now[0], log), object()
    seen = []
    for time, attempted, left in (
        (1, attempt, 3),
        (5, attempt, 3),
        (6, attempt, 3),
        (7, attempt, 2),
        (12, attempt, 2),
        (13, object(), 2),
        (20, None, 0),
        (30, None, 0),
    ):
        now[0] = time
        watch.look(attempted, left, None)
        seen.append(watch.problem)
    stalled = "send in progress for 5 s"
    assert seen == ["", "", stalled, "", stalled, "", "", ""]


@pytest.mark.parametrize("policy", ["drop_oldest", "latest"])
async def test_send_that_does_not_return_makes_the_endpoint_unready(
    policy: str,
    types: dict[str, type[Endpoint]],
    running: Callable[..., object],
    caplog: pytest.LogCaptureFixture,
) -> None:
    types["stuck"] = Stuck
    async with running(CONFIG + f'policy = "{policy}"\n' + ROUTE) as app:  # type: ignore[attr-defined]
        app.endpoints["in"].endpoint.receive(Message.of("/x"))
        async with asyncio.timeout(10):
            while not read_status(app).problems:
                app.flush_reports()  # like the timer that runs once per second
                await asyncio.sleep(0.01)
        (problem,) = read_status(app).problems
        assert problem.startswith("endpoint.desk: send in progress for ")
        app.endpoints["desk"].endpoint.freed.set()
        async with asyncio.timeout(10):
            while read_status(app).problems:
                app.flush_reports()
                await asyncio.sleep(0.01)
        assert app.endpoints["desk"].sent == 1
    (line,) = [each for each in caplog.messages if "send in progress" in each]
    assert "test_stalled_send.py:" in line


async def test_send_that_waits_by_design_is_not_reported(
    types: dict[str, type[Endpoint]], running: Callable[..., object]
) -> None:
    types["stuck"] = Stuck
    async with running(CONFIG + 'policy = "block"\n' + ROUTE) as app:  # type: ignore[attr-defined]
        app.endpoints["in"].endpoint.receive(Message.of("/x"))
        for _ in range(30):
            app.flush_reports()
            await asyncio.sleep(0.01)
        assert read_status(app).problems == ()
        app.endpoints["desk"].endpoint.freed.set()


class Deaf(Endpoint):
    """Its ``connect``, or its ``close``, ignores its cancellation until it is freed."""

    place = "connect"

    def __init__(self, name: str, options: object) -> None:
        super().__init__(name, options)  # type: ignore[arg-type]
        self.freed = asyncio.Event()

    async def _wait(self) -> None:
        while not self.freed.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await self.freed.wait()

    async def connect(self) -> None:
        if self.place == "connect":
            await self._wait()
        elif not self.freed.is_set():
            raise NotConnected("not there")

    async def close(self) -> None:
        if self.place == "close":
            await self._wait()

    async def send(self, message: Message) -> None:
        """Nothing."""


@pytest.mark.parametrize("place", ["connect", "close"])
async def test_connect_or_close_that_does_not_return_is_a_problem(
    place: str,
    types: dict[str, type[Endpoint]],
    running: Callable[..., object],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in (connection, runner):
        monkeypatch.setattr(module, "CONNECT_TIMEOUT", 0.02)
    monkeypatch.setattr(connection, "CLOSE_TIMEOUT", 0.02)
    monkeypatch.setattr(runner, "CONNECT_GRACE", 0.1)
    monkeypatch.setattr(Deaf, "place", place)
    types["stuck"] = Deaf
    text = CONFIG + 'on_start = "retry"\n' + ROUTE
    async with running(text) as app:  # type: ignore[attr-defined]
        async with asyncio.timeout(10):
            while "in progress" not in "".join(read_status(app).problems):
                app.flush_reports()
                await asyncio.sleep(0.01)
        app.endpoints["desk"].endpoint.freed.set()
        async with asyncio.timeout(10):
            while read_status(app).problems:
                app.flush_reports()
                await asyncio.sleep(0.01)
    (line,) = [each for each in caplog.messages if "in progress" in each]
    assert line.startswith("connect or close in progress for ")
    assert f"waiting at {__file__}:" in line
