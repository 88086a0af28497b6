"""The bridge's side of one endpoint as a sink: its state, its counters, and the way in."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from oscbridge.bridge.sinks.background_tasks import BackgroundTasks
from oscbridge.bridge.sinks.connection import EndpointConnection
from oscbridge.bridge.sinks.counts import SinkCounts
from oscbridge.bridge.sinks.drops import STANDBY, text_of_reason
from oscbridge.bridge.sinks.host import EndpointHost
from oscbridge.bridge.sinks.latency import Latency, LatencySampler
from oscbridge.bridge.sinks.policies import RunnerOptions
from oscbridge.bridge.sinks.role import Role
from oscbridge.bridge.sinks.send_queue import SendQueue
from oscbridge.bridge.sinks.sender import Sender
from oscbridge.bridge.sinks.stall_watch import StallWatch
from oscbridge.contract.delivery import Deliverable
from oscbridge.contract.endpoint import AnyEndpoint
from oscbridge.dispatch.cache import Watcher
from oscbridge.dispatch.turn import Turn
from oscbridge.errors import NotConnected
from oscbridge.osc import Message

__all__ = ["SinkSide"]


class SinkSide(EndpointHost):
    """The half of an endpoint runner that routes, status and monitoring see."""

    is_dry: bool
    options: RunnerOptions
    turn: Turn
    _connecting: StallWatch
    _connection: EndpointConnection
    _sampler: LatencySampler
    _sender: Sender
    _stalls: StallWatch
    _tasks: BackgroundTasks

    def __init__(self, endpoint: AnyEndpoint) -> None:
        super().__init__(endpoint)
        self._open_queue: SendQueue | None = None
        """The queue while it accepts messages."""
        self._is_accepting = False
        """Whether it accepts messages, unless the role forbids it."""
        self._role: Role | None = None
        self._ending_send: object = None
        """The send that was in progress when the role was lost."""
        self._offered = 0
        self._counting = threading.Lock()

    # --- its state ---------------------------------------------------------------------------

    @property
    def connected(self) -> bool:
        return self._connection.is_open and not self._connection.is_doubted

    @property
    def is_open(self) -> bool:
        """Whether it is connected, even if its peer is reported as unreachable."""
        return self._connection.is_open

    @property
    def problem(self) -> str:
        """Why it is not connected, or that a send does not return; human-readable."""
        hangs = self._connecting.problem  # then the problem of the connection is an earlier one
        return hangs or self._connection.problem or self._stalls.problem

    def counts(self) -> SinkCounts:
        """All counters of its messages at one time. On the event loop."""
        with ExitStack() as locks:
            locks.enter_context(self._counting)
            if self.queue is not None:
                locks.enter_context(self.queue.lock)
            pending, drops = self._sender.pending, dict(self.drops)
            return SinkCounts(self.offered, self.sent, drops, self.queued - pending, pending)

    @property
    def queue_problem(self) -> str:
        """Why the send queue does not keep messages as its policy promises."""
        return "" if self.queue is None else self.queue.problem

    @property
    def offered(self) -> int:
        """Messages from routes: each is sent, dropped, queued or in flight."""
        queued = 0 if self.queue is None else self.queue.offered
        return self._offered + self._sender.offered + queued

    @property
    def queued(self) -> int:
        """Messages in the send queue, also on disk, and those in flight.

        After a stop, those that stay on disk.
        """
        return self._sender.pending + (0 if self.queue is None else len(self.queue))

    @property
    def sent(self) -> int:
        return self._sender.sent

    @property
    def patience(self) -> float:
        """Seconds for which messages may wait, as a :class:`Paced` endpoint sends later."""
        return 0.0 if self._open_queue is None else self._sender.patience

    @property
    def latency(self) -> Latency:
        """From routed to delivered, of a sample of messages."""
        return self._sampler.latency

    def note_sent(self, note: Callable[[Sequence[Deliverable]], None] | None) -> None:
        """Call ``note`` with messages that are about to be sent; None ends that, and its cost."""
        if not self.is_dry:
            self._sender.note_sent(note)

    def watch(self, incoming: Watcher | None, outgoing: Watcher | None) -> None:
        """Call these with each message received from it, and each message delivered to it.

        None stops watching. They are called on the event loop, the first also on other threads,
        and must not wait.
        """
        self.dispatcher.watch(incoming)
        self._sender.watcher = outgoing

    @property
    def failed_tasks(self) -> int:
        """Background tasks of the endpoint that died."""
        return self._tasks.died

    @property
    def forgotten_addresses(self) -> int:
        """Addresses whose last value was forgotten, as there are too many."""
        return 0 if self._sender.latest is None else self._sender.latest.forgotten

    def last_values(self) -> list[Message]:
        """The last message of each address that was sent to the endpoint, oldest first."""
        with self._counting:  # while it stands by, other threads update them
            return [] if self._sender.latest is None else self._sender.latest.values()

    # --- for routes: a sink ------------------------------------------------------------------

    def offer(self, message: Deliverable) -> None:
        """Queue a message for delivery. From any thread; never raises."""
        queue = self._open_queue  # another thread may set it to None
        if queue is None:
            self._discard(message)
        elif not (self.turn.has_one and self._sender.deliver_alone(message)):
            queue.put(message)

    def _discard(self, message: Deliverable) -> None:
        """Drop a message that finds no open queue; another bridge delivers it, or nobody."""
        stands_by = self._is_accepting and self.queue is not None
        reason = STANDBY if stands_by else "closed"
        with self._counting:
            self._offered += 1
            self._drops.count(reason, 1)
            if stands_by and self._sender.latest is not None:
                self._sender.latest.add((message,))
        self._drops.log(reason, 1)

    def dropped(self, reason: str, count: int, why: str = "") -> None:
        """Count and log messages that the endpoint loses, and that were never offered to it.

        They count as offered, too: otherwise its counters would not add up. From any thread.
        """
        reason, why = text_of_reason(reason), text_of_reason(why)
        if self._drops.is_valid(reason, count):
            with self._counting:
                self._offered += count
                self._drops.count(reason, count)
            self._drops.log(reason, count, why)

    # --- main and backup -----------------------------------------------------------------------

    def follow(self, role: Role | None) -> None:
        """Deliver only while a role allows it; with None always. On the event loop."""
        if role is not self._role:
            self._role = role
            self._sender.follow(role, is_patient=self.options.policy == "spool")
        self.role_changed()

    def role_changed(self) -> None:
        """Accept messages, or drop those that wait; those on disk stay there."""
        was_open = self._open_queue is not None
        self._admit()
        if self._open_queue is not None:
            self._ending_send = None
        elif was_open and self.queue is not None:
            self._ending_send = self._sender.attempt
            if self.options.policy != "spool":
                self._sender.outdate_batch()
            self.queue.clear(STANDBY)

    def end_send(self) -> None:
        """Cancel the send that was in progress when the role was lost: connect again."""
        sending, self._ending_send = self._ending_send, None
        if sending is not None and sending is self._sender.attempt:
            self.connection_lost(NotConnected("the lease ended during a send"))

    @property
    def is_sending(self) -> bool:
        """Whether a send is in progress that began before the role was lost."""
        return self._ending_send is not None and self._ending_send is self._sender.attempt

    @property
    def _may_send(self) -> bool:
        return self._role is None or self._role.may_send

    def _admit(self) -> None:
        """Open or close the way into the queue."""
        is_open = self._is_accepting and (self._role is None or self._role.is_leader)
        self._open_queue = self.queue if is_open else None
