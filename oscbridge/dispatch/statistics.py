"""What a dispatcher counts and reports."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field

from oscbridge.dispatch.handler import ClientAddress
from oscbridge.errors import DecodeError
from oscbridge.logs.rate_limited import RateLimitedLog

__all__ = ["Reporting", "Statistics", "name_of"]


@dataclass(slots=True)
class Statistics:
    """What a dispatcher has counted."""

    packets: int = 0
    messages: int = 0
    unmatched: int = 0
    """Messages for which there was no handler."""
    failed: int = 0
    """Calls of handlers that raised."""
    early: int = 0
    """Messages with a future time tag that ran at once, as the scheduler would not keep them."""
    closed: Counter[str] = field(default_factory=Counter)
    """Connections that a server ended or did not accept, by reason."""
    dropped: Counter[str] = field(default_factory=Counter)
    """Messages that were lost between the server and its handlers, by reason."""
    bad: Counter[str] = field(default_factory=Counter)
    """Packets that were no OSC, by :attr:`DecodeError.reason`."""


class Reporting:
    """Counts what goes wrong, and reports it at a bounded rate."""

    def __init__(self, logger: logging.Logger) -> None:
        self.statistics = Statistics()
        self._reporter = RateLimitedLog(logger)

    @property
    def part(self) -> str:
        """What the log names beside a report, as ``bridge.stage``; nothing by default."""
        return self._reporter.part

    @part.setter
    def part(self, part: str) -> None:
        self._reporter.part = part

    def flush_reports(self, *, everything: bool = False) -> None:
        """Tell what was counted and is overdue. To be called about once a second.

        At the end, tell ``everything``.
        """
        self._reporter.flush(everything=everything)

    def report_bad(self, error: DecodeError, client_address: ClientAddress) -> None:
        """Count and report a packet that is no OSC."""
        self.statistics.bad[error.reason] += 1
        self._reporter.report(error.reason, f"bad packet from {_name(client_address)}: {error}")

    def report_closed(self, reason: str, client_address: ClientAddress) -> None:
        """Count and report a connection that a server ended, or did not accept."""
        self.statistics.closed[reason] += 1
        self._reporter.report(reason, f"closed the connection of {_name(client_address)}: {reason}")

    def report_failure(self, name: str, error: BaseException, where: str = "") -> None:
        """Count and report a handler that raised. ``name`` is its kind for the reports."""
        self.statistics.failed += 1
        text = f"{name}{where} raised {error!r}"
        self._reporter.report(name, text, level=logging.ERROR, error=error)


def name_of(awaitable: object) -> str:
    """What a report calls a coroutine, without what makes each one another."""
    return f"coroutine handler {getattr(awaitable, '__qualname__', type(awaitable).__name__)}"


def _name(client_address: ClientAddress) -> str:
    return f"{client_address[0]}:{client_address[1]}"
