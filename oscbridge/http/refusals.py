"""Counts and logs the clients that a server refuses."""

from __future__ import annotations

import logging
from typing import Final

from oscbridge.logs.rate_limited import RateLimitedLog

__all__ = ["Refusals"]

MAX_REFUSALS: Final = 16
"""Refused clients and reasons that are logged one by one; the others share a line."""


class Refusals:
    """The refused clients of a server that is not an endpoint."""

    def __init__(self, log: logging.Logger, part: str) -> None:
        """``part``: what log lines name, e.g. ``http``."""
        self.count = 0
        self._log = RateLimitedLog(log, kinds=MAX_REFUSALS)
        self._log.part = part

    def refused(self, client: str) -> None:
        """Count and log a client; ``client`` says which one, and why."""
        self.count += 1
        self._log.report(client, f"refused {client}")

    def flush(self, *, everything: bool = False) -> None:
        """Log overdue summaries; with ``everything``, all. To be called about once per second."""
        self._log.flush(everything=everything)
