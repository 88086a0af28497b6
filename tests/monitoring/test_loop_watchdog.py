"""The watchdog names what blocks an event loop, while it is blocked."""

from __future__ import annotations

import asyncio
import ctypes
import logging
import re
import selectors
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from oscbridge.monitoring.loop_watchdog import LoopWatchdog
from oscbridge.net.direct_readers import busy_since, new_event_loop


class Lines(logging.Handler):
    """Keeps the lines and when they were logged."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[tuple[float, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append((time.monotonic(), record.getMessage()))


@contextmanager
def logged() -> Iterator[list[tuple[float, str]]]:
    handler = Lines()
    logger = logging.getLogger("oscbridge.monitoring.loop_watchdog")
    logger.addHandler(handler)
    try:
        yield handler.lines
    finally:
        logger.removeHandler(handler)


def block_until(condition: Callable[[], object]) -> float:
    """Block the loop, at most for 20 s. Returns the time of the end."""
    end = time.monotonic() + 20
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return time.monotonic()


async def test_blocked_loop_is_reported_while_it_is_blocked() -> None:
    with logged() as lines:
        watchdog = LoopWatchdog(0.1)
        ended = block_until(lambda: lines)
        while len(lines) < 2:
            await asyncio.sleep(0.01)
        watchdog.stop()
    (at, text), (_, over) = lines
    assert at <= ended
    assert text.startswith("event loop blocked for 0.")
    assert f"{__file__}:" in text
    assert " in block_until" in text
    assert over.startswith("event loop was blocked for ")


@pytest.mark.skipif(sys.platform == "win32", reason="sleep() of the C library")
async def test_function_that_lets_no_other_thread_run_is_reported_afterwards() -> None:
    with logged() as lines:
        watchdog = LoopWatchdog(0.1)
        await asyncio.sleep(0)
        ctypes.PyDLL(None).sleep(3)  # keeps the interpreter's lock
        while not any(text.startswith("no thread of this process could run") for _, text in lines):
            await asyncio.sleep(0.01)
        watchdog.stop()


async def test_loop_that_is_not_blocked_is_not_reported(caplog: pytest.LogCaptureFixture) -> None:
    watchdog = LoopWatchdog(1.0)
    await asyncio.sleep(0)
    watchdog.stop()
    assert caplog.records == []


class CountedWatchdog(LoopWatchdog):
    """Calls ``on_wait`` each time before it waits."""

    def __init__(self, timeout: float, on_wait: Callable[[], object]) -> None:
        self.on_wait = on_wait
        super().__init__(timeout)

    def _wait(self, wait: Callable[[float], bool], seconds: float) -> bool:
        self.on_wait()
        return super()._wait(wait, seconds)


@pytest.mark.parametrize("make_loop", [asyncio.new_event_loop, new_event_loop])
def test_loop_that_waits_is_not_woken(
    make_loop: Callable[[], asyncio.AbstractEventLoop], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a busy machine the loop may not wait yet at the first looks."""

    async def run() -> None:
        loop = asyncio.get_running_loop()
        woken, counts = [], []
        wake, is_left_alone = loop.call_soon_threadsafe, asyncio.Event()

        def count_and_wake(call: Callable[[], object]) -> None:
            woken.append(call)
            wake(call)

        def look() -> None:
            counts.append(len(woken))
            if len(counts) >= 4 and counts[-4] == counts[-1]:
                wake(is_left_alone.set)

        monkeypatch.setattr(loop, "call_soon_threadsafe", count_and_wake)
        watchdog = CountedWatchdog(0.1, look)
        try:
            async with asyncio.timeout(20):
                await is_left_alone.wait()
        finally:
            watchdog.stop()

    with asyncio.Runner(loop_factory=make_loop) as runner:
        runner.run(run())


async def test_function_that_waits_in_a_selector_is_reported() -> None:
    with logged() as lines, selectors.DefaultSelector() as selector:
        watchdog = LoopWatchdog(0.1)
        block_until(lambda: selector.select(0.5) or lines)
        while len(lines) < 2:
            await asyncio.sleep(0.01)
        watchdog.stop()
    assert " in select" in lines[0][1]


@pytest.mark.skipif(sys.platform != "linux", reason="the loop for epoll")
def test_loop_for_epoll_knows_since_when_it_is_busy() -> None:
    async def run() -> None:
        loop = asyncio.get_running_loop()
        started = time.monotonic()
        await asyncio.sleep(0.01)  # until a timer is due
        began = busy_since(loop, 0.0)
        assert started < began <= time.monotonic()
        time.sleep(0.01)
        assert busy_since(loop, 0.0) == began

    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(run())


@pytest.mark.skipif(sys.platform != "linux", reason="the loop for epoll")
def test_block_is_reported_with_the_time_since_the_turn_began() -> None:
    """Also if the watchdog has looked a long time after the beginning."""
    began, is_late = time.monotonic(), threading.Event()

    def reports() -> list[tuple[float, float]]:
        """When each was logged, and its seconds."""
        found = [(at, re.match(r"event loop blocked for ([0-9.]+) s", text)) for at, text in lines]
        return [(at, float(each[1])) for at, each in found if each is not None]

    class LateWatchdog(LoopWatchdog):
        def _is_idle(self) -> bool:
            is_late.wait(20)
            return False

    async def run() -> None:
        watchdog = LateWatchdog(0.1)
        await asyncio.sleep(0.01)
        time.sleep(0.5)
        is_late.set()
        block_until(reports)
        watchdog.stop()

    with logged() as lines, asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(run())
    at, seconds = reports()[0]
    assert 0.5 <= seconds <= at - began + 0.05
