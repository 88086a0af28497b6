"""Runs a rule on an event loop of its own, which nothing of the plugin survives."""

from __future__ import annotations

import asyncio
import gc
import os
import time
import warnings
from collections.abc import Awaitable, Callable
from functools import cache, partial
from typing import Any, Final, Literal, NoReturn, TypeAlias
from unittest.mock import patch

from oscbridge.failures import defined_at, failure_text
from oscbridge.testing.conformance.checked_type import CheckedType, RuleFailed, RuleNotRun
from oscbridge.testing.conformance.loop_watch import BlockedLoop
from oscbridge.testing.conformance.process_state import WholeProcess
from oscbridge.testing.conformance.run import RuleRun, finished

__all__ = ["Outcome", "run_isolated"]

Outcome: TypeAlias = Literal["passed", "failed", "not run"]

RULE_TIMEOUT: Final = 30.0
"""Seconds for a rule."""

END_TIMEOUT: Final = 1.0
"""Seconds for what a rule has left to end."""


def run_isolated(
    body: Callable[[RuleRun], Awaitable[None]], subject: CheckedType
) -> tuple[Outcome, str, float]:
    """Run the body of a rule. Returns its outcome, the text about it, and the seconds."""
    began = time.perf_counter()
    before = WholeProcess()
    try:
        outcome, text = _run_on_new_loop(body, subject)
    finally:
        before.restore()  # the next rule must see what the plugin changes
    if outcome == "failed":  # what it has left must not be reported again, by something else
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            gc.collect()
    return outcome, text, time.perf_counter() - began


def _run_on_new_loop(
    body: Callable[[RuleRun], Awaitable[None]], subject: CheckedType
) -> tuple[Outcome, str]:
    loop = asyncio.new_event_loop()
    run = RuleRun(subject, loop)
    loop.set_exception_handler(lambda _loop, context: run.unhandled.append(_text_of(context)))
    run.recorder.start(loop)
    run.watch.start()
    end = partial(_refuse_to_end, os.getpid(), os._exit)
    try:
        asyncio.set_event_loop(loop)
        with patch.object(os, "_exit", end):
            error = loop.run_until_complete(_run(body, run))
    except (BlockedLoop, SystemExit, GeneratorExit) as escaped:  # of a callback or a task
        error = escaped
    except RuntimeError as stopped:
        error = _foreign_loop("it stops the event loop", subject, stopped)
    except asyncio.CancelledError as cancelled:
        error = _foreign_loop("it cancels tasks that are not its own", subject, cancelled)
    finally:
        _end(loop, run)
        run.watch.stop()
        run.recorder.stop()
        asyncio.set_event_loop(None)
        loop.close()
    return _outcome(error, run)


def _foreign_loop(does: str, subject: CheckedType, cause: BaseException) -> RuleFailed:
    """The failure of an endpoint that ends the rule itself."""
    place = defined_at(subject.endpoint)
    failure = RuleFailed(
        f"{does}; the loop belongs to the bridge and all other endpoints ({place})"
    )
    failure.__cause__ = cause
    return failure


def _refuse_to_end(pid: int, end: Callable[[int], NoReturn], status: int) -> NoReturn:
    """What ``os._exit`` does during a rule: the process would end without a result."""
    if os.getpid() != pid:  # a child process of the plugin
        end(status)
    raise SystemExit(f"os._exit({status})")


async def _run(body: Callable[[RuleRun], Awaitable[None]], run: RuleRun) -> BaseException | None:
    task = asyncio.ensure_future(finished(body(run)))
    await asyncio.wait([task], timeout=RULE_TIMEOUT)
    if not task.done():
        task.cancel()
        return RuleFailed(f"still running after {RULE_TIMEOUT:g} s")
    return task.result()


def _end(loop: asyncio.AbstractEventLoop, run: RuleRun) -> None:
    """Kill the peer, cancel all tasks, and collect the errors that nothing has handled."""
    loop.run_until_complete(finished(_cancel_all(run)))
    loop.run_until_complete(finished(loop.shutdown_asyncgens()))
    gc.collect()
    loop.set_exception_handler(lambda _loop, _context: None)


async def _cancel_all(run: RuleRun) -> None:
    if run.peer is not None:
        await asyncio.wait([asyncio.ensure_future(finished(run.peer.kill()))], timeout=END_TIMEOUT)
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    if tasks:
        _, pending = await asyncio.wait(tasks, timeout=END_TIMEOUT)
        _stubborn_tasks().extend(pending)
    await asyncio.sleep(0)  # transports that were closed call back


@cache
def _stubborn_tasks() -> list[asyncio.Task[Any]]:
    """Tasks that ignore their cancellation, kept: closing their coroutines might never end."""
    return []


def _outcome(error: BaseException | None, run: RuleRun) -> tuple[Outcome, str]:
    match error:
        case None if run.unhandled:
            return "failed", (
                f"nothing handles {run.unhandled[0]}; start tasks with self.start_task(), and "
                "catch the errors of callbacks"
            )
        case None:
            return "passed", ""
        case RuleNotRun():
            return "not run", str(error)
        case RuleFailed():
            return "failed", str(error)
        case _:
            return "failed", f"raises {failure_text(error)}"


def _text_of(context: dict[str, Any]) -> str:
    error = context.get("exception")
    if isinstance(error, BaseException):
        return failure_text(error)
    return str(context.get("message", "an error"))
