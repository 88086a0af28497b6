"""Rules about what runs beside an endpoint: others of its type, the process, the log."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, TypeAlias

from oscbridge.errors import EndpointError
from oscbridge.failures import defined_at, failure_text
from oscbridge.testing.conformance.checked_type import RuleFailed, RuleNotRun
from oscbridge.testing.conformance.life_rules import listen, send_burst, talk
from oscbridge.testing.conformance.peer import Peer
from oscbridge.testing.conformance.process_state import WholeProcess
from oscbridge.testing.conformance.rule import Rule
from oscbridge.testing.conformance.run import CheckedEndpoint, RuleRun, start
from oscbridge.testing.waiting import becomes_true

__all__ = ["NEIGHBOUR_RULES"]

SENT: Final = 5
"""Messages that are sent to one of two endpoints."""

ARRIVAL_SECONDS: Final = 3.0
"""Seconds for them to arrive."""

SETTLE_SECONDS: Final = 0.1
"""Seconds in which nothing else may arrive."""

MIN_LOGGED: Final = 8
"""Messages after which as many lines of log, from level INFO on, are too many."""

LOG_SECONDS: Final = 5.0
"""Seconds after which no more of them are sent."""

MAX_SHOWN: Final = 100
"""Characters of a line that are shown."""


async def _two_endpoints(run: RuleRun) -> None:
    first_peer = await run.start_peer()
    if first_peer is None:
        raise RuleNotRun(f"needs a peer: set {run.hint_at_peer}")
    first = await run.connected()
    run.peer = second_peer = run.subject.new_peer()
    assert second_peer is not None
    try:
        await start(second_peer)
        second = await run.connected()
        await _expect_apart(run, (second, second_peer), (first, first_peer), "")
        await _expect_apart(run, (first, first_peer), (second, second_peer), "")
        await first.close()
        when = "after the other was closed, "
        await _expect_apart(run, (second, second_peer), (first, first_peer), when)
        await second.close()
    finally:
        await second_peer.kill()
        run.peer = first_peer


_Side: TypeAlias = tuple[CheckedEndpoint, Peer]


async def _expect_apart(run: RuleRun, one: _Side, other: _Side, when: str) -> None:
    """Messages of an endpoint go to its own peer, and those of its peer come to it."""
    (endpoint, peer), (others_endpoint, others_peer) = one, other
    two = f"{when}one of two endpoints of {run.kind.__name__}"
    fix = f"keep connections in attributes of self, not of the class ({defined_at(run.kind)})"
    before, others = peer.received, others_peer.received or 0
    heard = others_endpoint.host.incoming
    if run.kind.is_sink():
        try:
            for _ in range(SENT):
                await endpoint.send()
        except (OSError, EndpointError) as error:
            raise RuleFailed(f"{two} cannot send: {failure_text(error)}; {fix}") from error
        if before is not None and not await becomes_true(
            lambda: (peer.received or 0) - before >= SENT, ARRIVAL_SECONDS
        ):
            found = (peer.received or 0) - before
            raise RuleFailed(f"{two} sends {SENT} messages, and its peer receives {found}; {fix}")
    await listen(endpoint, peer, SENT)
    await asyncio.sleep(SETTLE_SECONDS)
    if (others_peer.received or 0) - others >= SENT:
        raise RuleFailed(f"{two} sends messages to the peer of the other; {fix}")
    if others_endpoint.host.incoming - heard >= SENT:
        raise RuleFailed(f"{two} receives the messages of the other; {fix}")


async def _process(run: RuleRun) -> None:
    await run.start_peer()
    before = WholeProcess()
    checked = await run.connected()
    try:
        await talk(run, checked)
        changed = before.changes()
    finally:
        await checked.close()
    for what in changed or before.changes():
        raise RuleFailed(
            f"{run.kind.__name__} changes {what}, which the whole bridge shares; leave it as it "
            f"is ({defined_at(run.kind)})"
        )


async def _logging(run: RuleRun) -> None:
    await run.start_peer()
    checked = await run.connected()
    with _recorded(checked.endpoint.log) as records:
        sent = await send_burst(checked) if run.kind.is_sink() else 0
        until = asyncio.get_running_loop().time() + LOG_SECONDS
        while 0 < sent < MIN_LOGGED and asyncio.get_running_loop().time() < until:
            sent += await send_burst(checked)  # the machine is busy, or the endpoint slow
        await checked.close()
    if len(records) >= sent >= MIN_LOGGED:
        last = records[-1]
        raise RuleFailed(
            f"{len(records)} lines of log for {sent} messages, the last is "
            f"{last.getMessage()[:MAX_SHOWN]!r} ({last.pathname}:{last.lineno}); use "
            "self.log.debug, or count with self.host, which limits the lines"
        )


@contextmanager
def _recorded(log: logging.Logger) -> Iterator[list[logging.LogRecord]]:
    """The lines of a logger from level INFO on, which are not shown."""
    recorder = _Recorder()
    level, propagate = log.level, log.propagate
    log.setLevel(logging.INFO)
    log.propagate = False
    log.addHandler(recorder)
    try:
        yield recorder.records
    finally:
        log.removeHandler(recorder)
        log.propagate = propagate
        log.setLevel(level)


class _Recorder(logging.Handler):
    """Keeps the lines of a logger and its children."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


NEIGHBOUR_RULES = (
    Rule("two-endpoints", "two endpoints of the type do not disturb each other", _two_endpoints),
    Rule("process", "nothing that the whole process shares is changed", _process),
    Rule("logging", "no line of log is written for each message", _logging),
)
