"""The counters of a source: a bridge, or an endpoint that messages come from."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from oscbridge.dispatch.dispatcher import Dispatcher
from oscbridge.status.route_status import shortened

__all__ = ["Received", "read_received"]


@dataclass(frozen=True)
class Received:
    """Counters of a source since it was started."""

    packets: int
    messages: int
    """Messages in valid packets: routed, unmatched, dropped or held."""
    routed: int
    """Messages that were passed to a route."""
    unmatched: int
    """Messages that matched no route."""
    failed: int
    """Route calls that raised an exception."""
    early: int
    """Messages with a future time tag that ran immediately."""
    held: int
    """Messages waiting for their time tag, or for a process that is to handle them."""
    bad: Mapping[str, int]
    """Rejected packets, and messages of bundles with an unknown type tag, by reason."""
    closed: Mapping[str, int]
    """Connections closed or rejected, by reason."""
    dropped: Mapping[str, int]
    """Received messages that did not reach the routes, by reason."""
    kernel_dropped: int | None
    """Datagrams that the kernel dropped before they were received; None if it does not count."""
    last_unmatched: str = ""
    """The address of the latest message that matched no route, shortened."""
    last_failure: str = ""
    """The latest failure of a route call, human-readable and shortened."""
    silence: float | None = None
    """Seconds since something arrived, accurate to one second; None if nothing has."""
    tolerated: Mapping[str, int] = field(default_factory=dict)
    """Messages that were accepted although they deviate from OSC, by deviation."""

    @property
    def lost(self) -> dict[str, int]:
        """All of ``dropped``, and the datagrams that the kernel dropped as ``kernel``."""
        kernel = {} if self.kernel_dropped is None else {"kernel": self.kernel_dropped}
        return {**kernel, **self.dropped}


def read_received(dispatcher: Dispatcher) -> Received:
    """The counters as they are now."""
    dispatcher.note_activity()
    heard = dispatcher.last_heard
    counts = dispatcher.statistics.copy()
    return Received(
        packets=counts.packets,
        messages=counts.messages,
        routed=counts.routed,
        unmatched=counts.unmatched,
        failed=counts.failed,
        early=counts.early,
        held=counts.held,
        bad=counts.bad,
        tolerated=counts.tolerated,
        closed=counts.closed,
        dropped=counts.dropped,
        kernel_dropped=counts.kernel_dropped,
        last_unmatched=shortened(dispatcher.last_unmatched),
        last_failure=shortened(dispatcher.last_failure),
        silence=None if heard is None else time.monotonic() - heard,
    )
