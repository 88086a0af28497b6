"""Rules that an endpoint follows in a running bridge: when its peer ends, and at a reload."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Final

from oscbridge.bridge.sinks.policies import RunnerOptions
from oscbridge.bridge.sinks.runner import EndpointRunner
from oscbridge.contract.abilities import Reconfigurable, Serving
from oscbridge.contract.delivery import Delivery
from oscbridge.contract.endpoint import Endpoint
from oscbridge.errors import ConfigurationError, OSCBridgeError
from oscbridge.failures import defined_at, failure_text
from oscbridge.osc import Message
from oscbridge.testing.bridge import RunningBridge, running_bridge
from oscbridge.testing.conformance.checked_type import RuleFailed, RuleNotRun
from oscbridge.testing.conformance.peer import Peer
from oscbridge.testing.conformance.rule import Rule
from oscbridge.testing.conformance.run import RuleRun, join, start
from oscbridge.testing.waiting import becomes_true
from oscbridge.toml_text import TomlTable, toml_table

__all__ = ["BRIDGE_RULES"]

COUNT: Final = 20
"""Messages that are sent while the peer is there, and while it is not."""

CONNECT_SECONDS: Final = 5.0
"""Seconds for a connection."""

NOTICE_SECONDS: Final = 3.0
"""Seconds for an endpoint to notice that its peer has ended, while it is sent messages."""

LOST_IN_TRANSIT: Final = 3
"""Messages that may be on their way, one after the other, when the peer ends."""

ARRIVAL_SECONDS: Final = 3.0
"""Seconds for messages to arrive."""

SETTLE_SECONDS: Final = 0.1
"""Seconds in which no more messages may arrive."""

RETRY_INTERVAL: Final = 0.05
"""Seconds between two attempts to connect."""

NAME: Final = "checked"


class _RunningEndpoint:
    """An endpoint with its send queue and its counters, and messages for it."""

    def __init__(self, run: RuleRun, peer: Peer) -> None:
        self._message = peer.message
        self.has_clients = peer.is_client
        options = RunnerOptions("drop_oldest", "retry", queue_size=10_000)
        endpoint = run.new_endpoint().endpoint
        self.runner = EndpointRunner(endpoint, run.subject.type_name, options, waits=_waits)

    def offer(self, count: int = 1) -> None:
        """Put messages into the send queue."""
        item = Delivery(self._message, None, {}) if self.runner.takes_route else self._message
        for _ in range(count):
            self.runner.offer(item)

    @property
    def reported_losses(self) -> int:
        """Messages that the endpoint or the bridge counts as lost."""
        return sum(self.runner.drops.values()) + sum(self.runner.client_drops.values())

    @property
    def unexplained(self) -> int:
        """Messages that count as sent, without those that are reported as lost after that."""
        client_drops = sum(self.runner.client_drops.values())
        return self.runner.sent - client_drops - self.runner.unreachable_errors

    @property
    def has_noticed(self) -> bool:
        """Whether anything shows that the peer has ended."""
        runner, endpoint = self.runner, self.runner.endpoint
        if self.has_clients and isinstance(endpoint, Serving):
            return endpoint.client_count == 0
        return not runner.connected or bool(self.reported_losses or runner.unreachable_errors)


async def _peer_loss(run: RuleRun) -> None:
    peer = await run.start_peer()
    if peer is None:
        raise RuleNotRun(f"needs a peer: set {run.hint_at_peer}")
    if not run.kind.is_sink():
        raise RuleNotRun("it is not a sink")
    if not peer.has_connections:
        raise RuleNotRun("its protocol has no connections")
    running = _RunningEndpoint(run, peer)
    try:
        await running.runner.start()
        await _expect_connected(running, peer)
        await _expect_delivery(run, running, peer)
        await peer.kill()
        await _expect_notice(run, running)
        await _expect_no_loss(run, running, peer)
    finally:
        await running.runner.stop()
    counts = running.runner.counts()
    lost = counts.offered - counts.sent - sum(counts.dropped.values()) - counts.queued
    if lost != counts.in_flight:
        raise RuleFailed(f"{lost - counts.in_flight} messages are in no counter: {counts}")


async def _expect_connected(running: _RunningEndpoint, peer: Peer) -> None:
    runner = running.runner

    def is_connected() -> bool:
        if runner.unreachable_errors and not runner.connected:
            running.offer()  # it finds out when it sends something
        return runner.connected

    if not await becomes_true(is_connected, CONNECT_SECONDS):
        raise RuleFailed(
            f"not connected {CONNECT_SECONDS:g} s after its peer started: {runner.problem}"
        )
    await join(peer, runner.endpoint)


async def _expect_delivery(run: RuleRun, running: _RunningEndpoint, peer: Peer) -> None:
    """While the peer is there, messages arrive."""
    before = peer.received
    running.offer(COUNT)
    runner = running.runner
    if not await becomes_true(lambda: not runner.queued, ARRIVAL_SECONDS):
        raise RuleFailed(f"{runner.queued} of {COUNT} messages are not sent to the running peer")
    if runner.drops:
        raise RuleFailed(f"messages to the running peer are dropped: {dict(runner.drops)}")
    if before is None:
        return
    if not await becomes_true(lambda: _received(peer) - before >= COUNT, ARRIVAL_SECONDS):
        raise RuleFailed(
            f"{COUNT} messages count as sent, and the running peer has received "
            f"{_received(peer) - before} ({_send_of(run)})"
        )
    await becomes_true(lambda: not runner.counts().in_flight, ARRIVAL_SECONDS)
    await asyncio.sleep(SETTLE_SECONDS)
    if (arrived := _received(peer) - before) > COUNT:
        raise RuleFailed(
            f"{COUNT} messages were sent, and the running peer has received {arrived}; send each "
            f"once ({_send_of(run)})"
        )


async def _expect_notice(run: RuleRun, running: _RunningEndpoint) -> None:
    """After the end of the peer, the endpoint reports that in one way or another."""
    loop = asyncio.get_running_loop()
    until, before = loop.time() + NOTICE_SECONDS, running.unexplained
    while not running.has_noticed:
        if loop.time() > until:
            raise RuleFailed(
                f"its peer has ended, and {running.unexplained - before} messages count as sent "
                "since then; raise oscbridge.NotConnected in send, or call "
                f"self.host.connection_lost(error) ({_send_of(run)})"
            )
        running.offer()
        await asyncio.sleep(0.01)
    lost = running.unexplained - before
    if lost > LOST_IN_TRANSIT and not running.has_clients:
        raise RuleFailed(
            f"its peer has ended, and {lost} messages count as sent that nobody has received; "
            "await in send until they are on their way, or count lost ones with "
            f"self.host.client_dropped() ({_send_of(run)})"
        )
    for reason in ("error", "bad"):
        if wrong := running.runner.drops.get(reason):
            raise RuleFailed(
                f"its peer has ended, and {wrong} messages are dropped as {reason!r}; raise "
                f"oscbridge.NotConnected in send, to keep them ({_send_of(run)})"
            )


async def _expect_no_loss(run: RuleRun, running: _RunningEndpoint, peer: Peer) -> None:
    """Messages that are offered while it is not connected wait for the peer, or are counted."""
    runner = running.runner
    is_waiting = not runner.connected and not runner.unreachable_errors
    sent, lost, before = runner.sent, running.reported_losses, peer.received
    if is_waiting:
        running.offer(COUNT)
        await asyncio.sleep(2 * RETRY_INTERVAL)
        if runner.sent - sent:
            raise RuleFailed(
                f"{runner.sent - sent} messages count as sent though its peer is not running "
                f"({_send_of(run)})"
            )
    await start(peer)
    await _expect_connected(running, peer)
    if not is_waiting:
        running.offer(COUNT)
    if not await becomes_true(lambda: not runner.queued, ARRIVAL_SECONDS):
        raise RuleFailed(
            f"{runner.queued} messages are not sent after its peer has started again"
            + (f": {runner.problem}" if runner.problem else "")
        )
    if before is None:
        return

    def accounted() -> int:
        assert before is not None
        return _received(peer) - before + running.reported_losses - lost

    if not await becomes_true(lambda: accounted() >= COUNT, ARRIVAL_SECONDS):
        raise RuleFailed(
            f"{COUNT} messages were sent after its peer had started again; {accounted()} of them "
            f"have arrived or are counted as dropped ({_send_of(run)})"
        )


def _received(peer: Peer) -> int:
    return peer.received or 0


def _send_of(run: RuleRun) -> str:
    """The place of ``send`` or ``send_batch``."""
    kind = run.kind
    by_batch = kind.send_batch is not Endpoint.send_batch
    return defined_at(kind.send_batch if by_batch else kind.send)


def _waits() -> Iterator[float]:
    while True:
        yield RETRY_INTERVAL


async def _reload(run: RuleRun) -> None:
    peer = await run.start_peer()
    checked = await run.connected()  # whether it can be, and its update
    try:
        _check_update(run, checked.endpoint.options, checked.endpoint)
    finally:
        await checked.close()
    options: TomlTable
    options = {"type": run.subject.type_name, "on_start": "retry", **run.subject.table(peer)}
    text = _configuration(options)
    types = {run.subject.type_name: run.kind}
    try:
        async with running_bridge(text, types, installed=False) as bridge:
            await _expect_ready(bridge, "at the start")
            before = len(bridge.log)
            await _reload_with(bridge, text, "with equal options")
            await asyncio.sleep(2 * RETRY_INTERVAL)
            _check_connection_stays(run, bridge.log[before:])
            restarting = _configuration({**options, "queue": 999})
            await _reload_with(bridge, restarting, "that restarts it")
            if not run.kind.is_sink():
                return
            bridge.offer(NAME, _example(peer))
            is_sent = lambda: not bridge.endpoint_status(NAME).queued  # noqa: E731
            if not await becomes_true(is_sent, ARRIVAL_SECONDS):
                raise RuleFailed("a message is not sent after a reload that restarted it")
    except AssertionError as error:
        raise RuleFailed(str(error)) from error


def _check_connection_stays(run: RuleRun, log: list[str]) -> None:
    for line in log:
        if issubclass(run.kind, Reconfigurable) and "not connected" in line:
            place = defined_at(run.kind.update)
            raise RuleFailed(
                f"after a reload with equal options: {line.partition(': ')[2]}; update returns "
                f"True only if it continues without a new connection ({place})"
            )


def _check_update(run: RuleRun, options: object, endpoint: object) -> None:
    if not isinstance(endpoint, Reconfigurable):
        return
    place = defined_at(type(endpoint).update)
    try:
        answer: object = endpoint.update(options)
    except (OSError, ConfigurationError) as error:
        raise RuleFailed(f"update rejects equal options: {error} ({place})") from error
    except BaseException as error:
        raise RuleFailed(f"update raises {failure_text(error)}") from error
    if not isinstance(answer, bool):
        raise RuleFailed(
            f"{run.kind.__name__}.update returns {answer!r}; return True if it continues with the "
            f"options, False to be made again ({place})"
        )


async def _reload_with(bridge: RunningBridge, text: str, what: str) -> None:
    try:
        changes = await bridge.reload(text)
    except OSCBridgeError as error:
        raise RuleFailed(f"a reload {what} is rejected: {error}") from error
    if changes.problems:
        raise RuleFailed(f"a reload {what}: {changes.problems[0]}")
    await _expect_ready(bridge, f"after a reload {what}")


async def _expect_ready(bridge: RunningBridge, when: str) -> None:
    def text() -> str:
        return bridge.endpoint_status(NAME).problem or "it connects for too long"

    if not await becomes_true(lambda: bridge.endpoint_status(NAME).connected, CONNECT_SECONDS):
        raise RuleFailed(f"not connected {when}: {text()}")


def _example(peer: Peer | None) -> Message:
    return Message.of("/example", 1) if peer is None else peer.message


def _configuration(options: TomlTable) -> str:
    return toml_table(f"[endpoint.{NAME}]", options)


BRIDGE_RULES = (
    Rule("peer-loss", "no message is lost uncounted when the peer ends", _peer_loss),
    Rule("reload", "a reload keeps it or restarts it, and messages flow again", _reload),
)
