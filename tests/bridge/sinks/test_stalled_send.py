"""A send that does not return is logged, shown, and makes the endpoint unready."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import pytest

from oscbridge import Endpoint, Message
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
