"""What becomes of the messages that a sender has taken from its queue."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence

from oscbridge.bridge.routes.config import MAX_ADDRESSES
from oscbridge.bridge.sinks.connection import EndpointConnection
from oscbridge.bridge.sinks.last_values import LastValues
from oscbridge.bridge.sinks.losses import report_losses
from oscbridge.bridge.sinks.noting_sink import NotingSink
from oscbridge.bridge.sinks.role import Role
from oscbridge.bridge.sinks.role_gate import PatientGate, RoleGate
from oscbridge.bridge.sinks.unsettled import Loss, Settled, UnsettledBatch
from oscbridge.contract.delivery import Deliverable, Delivery
from oscbridge.contract.endpoint import AnyEndpoint, Endpoint
from oscbridge.errors import BadMessage, PartialDelivery, PoisonMessage
from oscbridge.failures import failure_text
from oscbridge.logs.rate_limited import RateLimitedLog
from oscbridge.osc import Message

__all__ = ["Settling"]


class Settling:
    """Counts the messages of a batch as sent or lost, and shows those that were sent.

    ``count`` is called with a reason and a number for messages that are lost, ``on_poison`` with
    each message that ends connections, and the explanation.
    """

    def __init__(
        self,
        endpoint: AnyEndpoint,
        connection: EndpointConnection,
        reporter: RateLimitedLog,
        count: Callable[[str, int], None],
        max_addresses: int = MAX_ADDRESSES,
        on_poison: Callable[[Deliverable, str], None] | None = None,
    ) -> None:
        self.sent = 0
        """Messages that were delivered."""
        self.watcher: Callable[[Message], None] | None = None
        """Called with every delivered message."""
        self._max_addresses = max_addresses
        self.latest: LastValues | None = None
        """The last message of each address, if the endpoint asks for it."""
        if endpoint.keeps_last_values:
            self.latest = LastValues(max_addresses, self._warn)
        self._target = self._endpoint = endpoint
        self._note: Callable[[Sequence[Deliverable]], None] | None = None
        self._role: Role | None = None
        self._is_patient = False
        self._outdated: UnsettledBatch | None = None
        """The batch that waited for its connection when the role was lost."""
        self._connection = connection
        self._reporter = reporter
        self._count = count
        self._on_poison = on_poison
        self._batch = UnsettledBatch(())
        self._tries = 0
        self._ended = False
        self._by_batch = type(endpoint).send_batch is not Endpoint.send_batch

    def note_sent(self, note: Callable[[Sequence[Deliverable]], None] | None) -> None:
        """Call ``note`` with messages that are about to be sent; None ends that, and its cost."""
        self._note = note
        self._use_target()

    def follow(self, role: Role | None, *, is_patient: bool) -> None:
        """Send only while a role allows it; None ends that, and its cost.

        ``is_patient``: messages wait for that instead of being dropped.
        """
        self._role, self._is_patient = role, is_patient
        self._use_target()

    def _use_target(self) -> None:
        """Put the sinks that are needed now in front of the endpoint."""
        endpoint = self._target if self._note is None else NotingSink(self._target, self._note)
        if self._role is not None:
            gate = PatientGate if self._is_patient else RoleGate
            endpoint = gate(endpoint, self._role)
        self._endpoint = endpoint

    def outdate_batch(self) -> None:
        """Send nothing of the current batch after a reconnection."""
        self._outdated = self._batch

    def _continue_with(self, messages: Sequence[Deliverable]) -> UnsettledBatch:
        """Make a batch with the unsettled messages of the current one, which stays outdated."""
        is_outdated = self._batch is self._outdated and self._batch.pending > 0
        self._batch = batch = UnsettledBatch(messages)
        if is_outdated:
            self._outdated = batch
        return batch

    def _warn(self) -> None:
        """Say once that not all last values are kept."""
        text = "more than %d addresses: snapshots are incomplete; raise max_addresses in [run]"
        self._endpoint.log.warning(text, self._max_addresses)

    @property
    def pending(self) -> int:
        """Messages taken from the queue that do not count as sent or lost yet."""
        return self._batch.pending

    def end(self, *, in_order: bool = False) -> int:
        """Stop, even if the endpoint ignores its cancellation.

        Returns the number of messages that are not settled; ``in_order`` counts those as well
        that are settled while one before them is not.
        """
        if not in_order:
            self._settled(self._batch.settle_early())
        self._ended = True
        left, self._batch = self._batch.pending, UnsettledBatch(())
        return left

    def _settle_some(self, error: PartialDelivery) -> bool:
        """Settle what an endpoint says was accepted and rejected. Whether that was anything."""
        if not self._by_batch:
            return False  # one message has no parts
        unsettled = self._batch.unsettled
        before = len(unsettled)
        outcomes: dict[int, Loss | None] = {_index(each): None for each in error.accepted}
        rejected = {_index(each): _checked(bad) for each, bad in error.rejected.items()}
        outcomes |= {index: Loss(bad.reason, bad) for index, bad in rejected.items()}
        for index, bad in rejected.items():
            if self._on_poison is not None and isinstance(bad, PoisonMessage) and index < before:
                self._on_poison(unsettled[index], str(bad))
        self._settled(self._batch.settle(outcomes))
        return len(self._batch.unsettled) < before

    def _lose(self, reason: str, count: int, error: BaseException) -> None:
        """Give up the first ``count`` messages that are not settled."""
        loss = Loss(reason, error)
        self._settled(self._batch.settle(dict.fromkeys(range(count), loss)))

    def _accept_all(self) -> None:
        """Count a whole batch as sent, of which nothing is settled yet."""
        messages = self._batch.accept_all()
        if not self._ended:
            self._tries = 0
            self._delivered(messages)

    def _settled(self, settled: Settled) -> None:
        """Count messages as sent or lost."""
        if self._ended:
            return
        self._tries = 0
        if settled.accepted:
            self._delivered(settled.accepted)
        if settled.lost:
            report_losses(settled.lost, self._count, self._reporter)

    def _delivered(self, messages: Sequence[Deliverable]) -> None:
        self.sent += len(messages)
        connection = self._connection
        connection.useful = True
        if connection.is_recovering:
            connection.recovered()
        if self.latest is not None:
            self.latest.add(messages)
        if self.watcher is not None:
            self._show(messages, self.watcher)

    def _show(self, messages: Sequence[Deliverable], watcher: Callable[[Message], None]) -> None:
        try:
            for each in messages:
                watcher(each.message if isinstance(each, Delivery) else each)
        except Exception as error:  # the messages are delivered all the same
            text = f"a watcher failed: {failure_text(error)}"
            self._reporter.report("watcher", text, error=error)


def _index(value: int) -> int:
    """An index as a plain number. Raises what a plugin's index raises."""
    return int(operator.index(value))


def _checked(error: object) -> BadMessage:
    """Raises ``TypeError`` if a plugin rejects a message with something else."""
    if not isinstance(error, BadMessage):
        raise TypeError(f"a rejected message needs a BadMessage, got {type(error).__name__}")
    return error
