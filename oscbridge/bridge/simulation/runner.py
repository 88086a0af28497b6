"""Runs the tests of a configuration, each with fresh routes on a clock of its own."""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from oscbridge.bridge.config.resolved import Configuration
from oscbridge.bridge.routes.trace_steps import TraceState
from oscbridge.bridge.routing import Hooks
from oscbridge.bridge.simulation.cases import Case, ForbiddenMessage, SentMessage
from oscbridge.bridge.simulation.clock import SimulatedLoop
from oscbridge.bridge.simulation.comparison import Line, ReceivedMessage, compare
from oscbridge.bridge.simulation.output import MAX_LINES, captured
from oscbridge.bridge.simulation.simulated_app import SimulatedApp
from oscbridge.errors import DecodeError, EncodeError
from oscbridge.expressions.expression import CLOCK
from oscbridge.failures import failure_text
from oscbridge.osc import Message, decode_message, encode_message

__all__ = ["CaseResult", "Moment", "run_case"]

MAX_SECONDS: Final = 2 * 86_400.0
"""Simulated time of a test: messages with a longer delay do not arrive."""

MAX_TURNS: Final = 100_000
"""Turns of the event loop in a test, about one per timer."""

MAX_RECEIVED: Final = 10_000
"""Messages that may arrive in a test."""

MAX_MOMENTS: Final = 100
"""Messages of a test whose way through the routes can be shown."""

MAX_PRINTED: Final = 2_000
"""Characters that functions of routes print in a test, as they are kept."""


@dataclass(frozen=True)
class Moment:
    """When a message was sent, for its trace."""

    sent: SentMessage
    state: TraceState
    now: float
    """Unix time."""
    received: int = 0
    """Messages that had arrived before."""


@dataclass(frozen=True)
class CaseResult:
    """How a test ended."""

    case: Case
    comparisons: tuple[tuple[str, tuple[Line, ...]], ...] = ()
    """For each endpoint under ``expect``, its messages."""
    forbidden: tuple[tuple[ForbiddenMessage, ReceivedMessage], ...] = ()
    """Messages that arrived although ``never`` forbids them."""
    moments: tuple[Moment, ...] = ()
    """The first :data:`MAX_MOMENTS` messages that were sent, in order."""
    received: tuple[ReceivedMessage, ...] = ()
    """All messages that arrived, in order."""
    errors: tuple[str, ...] = ()
    """Messages that routes lost, a function that failed, or a limit that was reached."""
    printed: str = ""
    """What functions of routes printed."""
    duration: float = 0.0
    """Real time in seconds."""

    @property
    def passed(self) -> bool:
        """Whether everything was as expected."""
        matches = all(line.is_match for _, lines in self.comparisons for line in lines)
        return matches and not self.forbidden and not self.errors


def run_case(configuration: Configuration, hooks: Hooks, case: Case) -> CaseResult:
    """Run one test. Opens nothing. Functions of routes run."""
    began = time.perf_counter()
    run = _Run(case)
    context = contextvars.copy_context()
    with captured() as output:
        context.run(run.play, configuration, hooks)
    printed = output.printed.getvalue()
    return run.result(output.log, printed, time.perf_counter() - began)


class _Run:
    """One run of a test."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._errors: list[str] = []
        self._lost = 0
        """Messages that routes lost; the log has the reasons."""
        self._received: list[ReceivedMessage] = []
        self._moments: list[Moment] = []
        self._loop = SimulatedLoop(max_seconds=MAX_SECONDS, max_turns=MAX_TURNS)

    def play(self, configuration: Configuration, hooks: Hooks) -> None:
        """Send the messages, and wait until no route holds any."""
        loop, now = self._loop, self._case.now
        began = time.time() if now is None else now
        CLOCK.set(lambda: began + loop.elapsed)
        try:
            app = SimulatedApp(configuration, hooks, self._record)
            loop.run_until_complete(self._send(app))
            if tasks := asyncio.all_tasks(loop):
                loop.run_until_complete(_cancel(tasks))
        except Exception as error:
            self._errors.append(f"the test cannot run: {failure_text(error)}")
        finally:
            loop.close()

    async def _send(self, app: SimulatedApp) -> None:
        loop = self._loop
        app.start_routes()
        for each in self._case.sent:
            await loop.until(each.at)
            if len(self._moments) < MAX_MOMENTS:
                now, before = CLOCK.get()(), len(self._received)
                state = app.put_traced(each.source, each.message)
                self._moments.append(Moment(each, state, now, before))
            else:
                app.put(each.source, each.message)
        await loop.idle()
        if loop.limit_reached:
            self._errors.append(f"stopped after {loop.limit_reached}")
        counts = [each for r in app.routes for each in (r.counts, r.results) if each is not None]
        self._lost += sum(each.failed.total() for each in counts)
        self._lost += sum(each.statistics.failed for each in app.dispatchers.values())
        app.stop_routes()

    def _record(self, to: str, message: Message) -> None:
        if len(self._received) >= MAX_RECEIVED:
            self._loop.stop_at(f"{MAX_RECEIVED:,} messages")
            return
        try:
            message = decode_message(encode_message(message))  # so that its floats have 32 bits
        except (EncodeError, DecodeError) as error:
            self._errors.append(f"{to}: cannot be sent: {error}")
            return
        self._received.append(ReceivedMessage(self._loop.elapsed, to, message))

    def result(self, log: Sequence[str], printed: str, duration: float) -> CaseResult:
        """The messages that arrived, compared with the expected ones."""
        expected, received = self._case.expected, tuple(self._received)
        errors = [*self._errors, *(log or ["messages were lost"] if self._lost else ())]
        return CaseResult(
            self._case,
            tuple(
                (
                    name,
                    tuple(
                        compare(
                            [each for each in expected if each.to == name],
                            [each for each in received if each.to == name],
                        )
                    ),
                )
                for name in dict.fromkeys(each.to for each in expected)
            ),
            tuple(
                (forbidden, each)
                for forbidden in self._case.forbidden
                for each in received
                if forbidden.matches(each.to, each.message)
            ),
            tuple(self._moments),
            received,
            tuple(errors[:MAX_LINES]),
            printed[:MAX_PRINTED],
            duration,
        )


async def _cancel(tasks: Collection[asyncio.Task[object]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
