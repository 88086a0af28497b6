"""Counters and error logging of a dispatcher."""

from __future__ import annotations

import logging
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Final

from oscbridge.errors import DecodeError
from oscbridge.logs.rate_limited import RateLimitedLog
from oscbridge.net.socket_address import ClientAddress

__all__ = ["Reporting", "Statistics", "name_of", "name_of_client"]


@dataclass(slots=True)
class Statistics:
    """Counters of a dispatcher."""

    packets: int = 0
    messages: int = 0
    routed: int = 0
    """Messages that were passed to at least one handler."""
    unmatched: int = 0
    """Messages without a handler."""
    failed: int = 0
    """Calls of handlers that raised an exception."""
    early: int = 0
    """Messages that ran before their time tag, as the scheduler rejected them."""
    closed: Counter[str] = field(default_factory=Counter)
    """Connections that a server closed or refused, by reason."""
    dropped: Counter[str] = field(default_factory=Counter)
    """Messages that were dropped between the server and its handlers, by reason."""
    bad: Counter[str] = field(default_factory=Counter)
    """Packets that were not valid OSC, and messages of bundles that were discarded, by
    :attr:`DecodeError.reason`."""
    tolerated: Counter[str] = field(default_factory=Counter)
    """Messages that were accepted although they deviate from OSC, by deviation
    (:mod:`oscbridge.osc.lenient`)."""
    kernel_dropped: int | None = None
    """Datagrams that the kernel dropped before the server could read them; None if unknown."""

    @property
    def held(self) -> int:
        """Messages that wait for their time tag, or for a process that is to handle them.

        So ``messages = routed + unmatched + dropped + held``.
        """
        return self.messages - self.routed - self.unmatched - self.dropped.total()

    def copy(self) -> Statistics:
        """The counters at one time, while other threads and processes may count."""
        # ``messages`` last: a message is counted there before it is counted anywhere else, except
        # that the child of a worker reports what it has routed before the worker reports.
        closed, dropped, bad = self.closed.copy(), self.dropped.copy(), self.bad.copy()
        tolerated = self.tolerated.copy()
        counted = replace(self, closed=closed, dropped=dropped, bad=bad, tolerated=tolerated)
        counted.messages = self.messages
        counted.messages -= min(counted.held, 0)
        return counted


class Reporting:
    """Counts errors, and logs them at a limited rate."""

    def __init__(self, logger: logging.Logger) -> None:
        self.statistics = Statistics()
        self.last_failure = ""
        """The latest failure, human-readable; empty if there was none."""
        self.last_unmatched = ""
        """The address of the latest message without a handler; empty if there was none."""
        self.last_heard: float | None = None
        """When something arrived last, in seconds of :func:`time.monotonic`."""
        self._heard = 0
        self._deviating: set[tuple[object, str]] = set()
        """Hosts and their deviations that were logged."""
        self._errors_log = RateLimitedLog(logger)

    @property
    def part(self) -> str:
        """The part that log lines name, for example ``bridge.stage``; by default empty."""
        return self._errors_log.part

    @part.setter
    def part(self, part: str) -> None:
        self._errors_log.part = part

    def flush_reports(self, *, everything: bool = False) -> None:
        """Log overdue summaries. To be called about once per second.

        ``everything`` logs all of them, for the end.
        """
        self.note_activity()
        self._errors_log.flush(everything=everything)

    def note_activity(self) -> None:
        """Update :attr:`last_heard`, which is as exact as this is called often.

        So a message costs nothing for it.
        """
        counts = self.statistics
        heard = counts.packets + counts.messages + counts.bad.total()
        if heard != self._heard:
            self._heard = heard
            self.last_heard = time.monotonic()

    def count_unmatched(self, address: str) -> None:
        """Count a message without a handler."""
        self.statistics.unmatched += 1
        self.last_unmatched = address

    def report_bad(self, error: DecodeError, client_address: ClientAddress) -> None:
        """Count and log a packet that is not valid OSC."""
        self.statistics.bad[error.reason] += 1
        self._errors_log.report(
            error.reason, f"bad packet from {name_of_client(client_address)}: {error}"
        )

    def report_deviation(self, deviation: str, what: str, client_address: ClientAddress) -> None:
        """Count a message that deviates from OSC and was accepted; log it once per peer.

        A peer is a host here: many programs send each packet from another port.
        """
        self.statistics.tolerated[deviation] += 1
        key = (client_address[0], deviation)
        if key in self._deviating or len(self._deviating) >= MAX_DEVIATING:
            return
        self._deviating.add(key)
        text = f"accepted {what} from {name_of_client(client_address)}: {_DEVIATIONS[deviation]}"
        self._errors_log.report(key, f"{text}; logged once per peer and counted")

    def report_dropped(self, reason: str, count: int, why: str) -> None:
        """Count and log received messages that will reach no handler."""
        self.statistics.dropped[reason] += count
        messages = "1 message" if count == 1 else f"{count} messages"
        self._errors_log.report(reason, f"{messages} lost: {why}", count=count)

    def report_closed(self, reason: str, client_address: ClientAddress, why: str = "") -> None:
        """Count and log a connection that a server closed or refused.

        ``why``: for the log, where the reason says too little.
        """
        self.statistics.closed[reason] += 1
        text = f"connection of {name_of_client(client_address)} closed: {why or reason}"
        self._errors_log.report(reason, text)

    def report_failure(self, name: str, error: BaseException, where: str = "") -> None:
        """Count and log an exception of a handler. Lines with the same ``name`` are summarised."""
        self.statistics.failed += 1
        self.last_failure = text = f"{name}{where} raised {error!r}"
        self._errors_log.report(name, text, level=logging.ERROR, error=error)


MAX_DEVIATING: Final = 1_024
"""Hosts and deviations that are logged; more are only counted."""

_DEVIATIONS: Final = {
    "address": "its address does not begin with '/'",
    "text": "its text is not UTF-8 and is read as Latin-1",
    "padding": "its padding is missing, surplus or counted in characters",
    "truncated": "the last number lacks its final zero bytes",
}


def name_of(awaitable: object) -> str:
    """The name of a coroutine in the log, without its address."""
    return f"coroutine handler {getattr(awaitable, '__qualname__', type(awaitable).__name__)}"


def name_of_client(client_address: ClientAddress) -> str:
    """Its host and port, for the log; a device at a serial port, for example, has none."""
    return f"{client_address[0]}:{client_address[1]}" if client_address[0] else "its peer"
