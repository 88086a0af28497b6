"""Rules about calls that end early: at a cancellation, or as what they wait for fails."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final

from oscbridge.bridge.sinks.connection import CONNECT_TIMEOUT
from oscbridge.errors import EndpointError
from oscbridge.failures import failure_text
from oscbridge.osc import Message
from oscbridge.testing.conformance.checked_type import RuleFailed
from oscbridge.testing.conformance.leftovers import OpenResources
from oscbridge.testing.conformance.life_rules import talk
from oscbridge.testing.conformance.places import waiting_place
from oscbridge.testing.conformance.rule import Rule
from oscbridge.testing.conformance.run import (
    CANCEL_TIMEOUT,
    CheckedEndpoint,
    RuleRun,
    finished,
    start,
)
from oscbridge.testing.conformance.suspensions import Suspensions

__all__ = ["CANCELLATION_RULES"]

MAX_AWAITS: Final = 40
"""Awaits of one method that are tried."""

MAX_TASK_AWAITS: Final = 5
"""Awaits of a background task that are tried."""

BUDGET: Final = 1.5
"""Seconds after which no more awaits of a method are tried."""

TASK_TIME: Final = 0.2
"""Seconds in which a background task is expected to wait for the next time."""


class Panic(BaseException):
    """What a library in another language may raise, e.g. the panic of a Rust extension."""


async def _cancellation(run: RuleRun) -> None:
    await run.start_peer()
    before = OpenResources.take()
    checked = await run.connected()
    await checked.close()
    for what in ("connect", "send", "close"):
        for at in _awaits():
            if not await _interfere(run, checked, what, at, None):
                break
            await checked.close()
            when = f"after {what} was cancelled and close() was called"
            await run.expect_nothing_left(before, when)
    await _cancel_tasks(run, checked, before)


def _awaits() -> Iterator[int]:
    """The numbers of awaits to try."""
    loop = asyncio.get_running_loop()
    until = loop.time() + BUDGET
    for at in range(1, MAX_AWAITS + 1):
        if loop.time() > until:
            return
        yield at


async def _interfere(
    run: RuleRun, checked: CheckedEndpoint, what: str, at: int, error: BaseException | None
) -> bool:
    """Call a method; cancel it, or raise an error, when it waits for the ``at``-th time.

    Returns False after it ended before. The endpoint is then closed.
    """
    if what != "connect":
        await run.connect(checked)
    if what == "send" and not run.kind.is_sink():
        await checked.close()
        return False
    call = _call(checked, what)
    reached = asyncio.Event()
    task: asyncio.Task[BaseException | None]

    def interfere() -> None:
        reached.set()
        if error is None:
            asyncio.get_running_loop().call_soon(task.cancel)

    steps = Suspensions(call, at, run.prefix, act=interfere, error=error)
    task = asyncio.ensure_future(finished(steps))
    waiting = asyncio.ensure_future(reached.wait())
    ended = asyncio.FIRST_COMPLETED
    await asyncio.wait([task, waiting], timeout=CONNECT_TIMEOUT, return_when=ended)
    waiting.cancel()
    await asyncio.wait([task], timeout=CANCEL_TIMEOUT)
    if not task.done():
        place = steps.place or waiting_place(call, run.prefix)
        why = "ignores its cancellation" if steps.has_interfered else "does not return"
        task.cancel()
        raise RuleFailed(f"{what} {why} (at {place}); let asyncio.CancelledError pass")
    result = task.result()
    if not steps.has_interfered:
        checked.raise_wrong(what, result)
        await checked.close()
        return False
    _check_result(what, result, steps.place, error)
    return True


def _call(checked: CheckedEndpoint, what: str) -> Any:
    match what:
        case "connect":
            return checked.endpoint.connect()
        case "close":
            checked.host.cancel_tasks()
            return checked.endpoint.close()
        case _:
            return _send_all([call for _, call in checked.calls_of_send()])


async def _send_all(calls: list[Awaitable[object]]) -> None:
    for call in calls:
        try:
            await call
        except EndpointError:
            pass  # it does not take this message


def _check_result(
    what: str, result: BaseException | None, place: str, error: BaseException | None
) -> None:
    """Raise :class:`RuleFailed` if a call that was interfered with has hidden that."""
    if result is None and what != "close":
        hidden = "its cancellation" if error is None else "the error of what it waits for"
        fix = "let asyncio.CancelledError pass" if error is None else "use 'except Exception'"
        raise RuleFailed(f"{what} hides {hidden} (at {place}), and returns; {fix}")
    if error is None and isinstance(result, Exception):
        raise RuleFailed(
            f"{what} turns its cancellation (at {place}) into {failure_text(result)}, and the "
            "bridge cannot end it; let asyncio.CancelledError pass"
        )
    if isinstance(result, SystemExit | KeyboardInterrupt):
        raise RuleFailed(f"{what} raises {result!r} (at {place}); raise oscbridge.EndpointError")


async def _cancel_tasks(run: RuleRun, checked: CheckedEndpoint, before: OpenResources) -> None:
    """Cancel the endpoint's background tasks at each of their first awaits."""
    for at in range(1, MAX_TASK_AWAITS + 1):
        checked.host.cancel_at = at
        checked.host.cancelled.clear()
        await run.connect(checked)
        if not checked.host.cancelled:
            await checked.close()
            return
        await talk_a_little(run, checked)
        await _soon(lambda: any(each.has_interfered for each in checked.host.cancelled))
        reached = [each for each in checked.host.cancelled if each.has_interfered]
        await checked.close()
        place = reached[0].place if reached else ""
        when = f"after a background task was cancelled{f' at {place}' if place else ''}"
        await run.expect_nothing_left(before, f"{when} and close() was called")
        if not reached:
            return


async def talk_a_little(run: RuleRun, checked: CheckedEndpoint) -> None:
    """Let messages pass, whether they arrive or not."""
    if run.peer is not None:
        await run.peer.say()
    if run.kind.is_sink():
        try:
            await checked.send()
        except (EndpointError, OSError):
            pass


async def _soon(condition: Callable[[], bool]) -> None:
    """Wait until a condition is true, for a short time."""
    loop = asyncio.get_running_loop()
    until = loop.time() + TASK_TIME
    while not condition() and loop.time() < until:  # noqa: ASYNC110  # no event exists
        await asyncio.sleep(0.002)  # no event exists


_ODD: Final = (
    Message("/", ""),
    Message.of("/example"),
    Message.of("/example", "text", b"\x00", 1, 2.5),
    Message.of("/example", float("nan")),
    Message.of(f"/{'long/' * 200}", -(2**31)),
)
"""Messages that endpoints may reject."""


async def _base_exceptions(run: RuleRun) -> None:
    run.peer = run.subject.new_peer()
    checked = run.new_endpoint()
    if run.peer is not None:
        try:
            await checked.connect()  # the peer is not there
        except (OSError, EndpointError):
            pass
        await checked.close()
        await start(run.peer)
    before = OpenResources.take()
    await run.connect(checked)
    if run.kind.is_sink():
        for message in _ODD:
            for what, call in checked.calls_of_send(message):
                error = await finished(call)
                if error is not None and not isinstance(error, Exception):
                    checked.raise_wrong(what, error)
    await checked.close()
    for what in ("connect", "send"):
        for at in _awaits():
            if not await _interfere(run, checked, what, at, Panic("of a library")):
                break
            await checked.close()
            when = f"after what {what} waits for has raised a BaseException, and close()"
            await run.expect_nothing_left(before, when)
    await run.connect(checked)
    await talk(run, checked)
    await checked.close()


CANCELLATION_RULES = (
    Rule(
        "cancellation",
        "connect, send, close and background tasks may be cancelled at every await",
        _cancellation,
    ),
    Rule(
        "base-exceptions",
        "a BaseException costs one call, and none comes from the plugin",
        _base_exceptions,
    ),
)
