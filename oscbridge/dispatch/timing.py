"""Decides when the messages of a time tag run: now, later, or never."""

from __future__ import annotations

import logging
from collections.abc import Callable

from oscbridge.dispatch.scheduler import Scheduler
from oscbridge.dispatch.statistics import Reporting
from oscbridge.osc.timetag import TimeTag

__all__ = ["Timing"]


class Timing(Reporting):
    """Holds messages with a future time tag in a scheduler, if ``strict_timing`` is set."""

    def __init__(self, logger: logging.Logger, scheduler: Scheduler, strict_timing: bool) -> None:
        super().__init__(logger)
        self.scheduler = scheduler
        self.strict_timing = strict_timing

    def _wait(self, timetag: TimeTag, now: int, run: Callable[[], None], count: int) -> bool:
        """Schedule or drop messages with a future time tag. False if they are to run now."""
        if timetag.immediate or not self.strict_timing:
            return False
        due = timetag.unix_ns()
        if due <= now:
            return False
        if self.scheduler.add(due, run, count):
            return True
        if self.scheduler.too_early == "drop":
            self.statistics.dropped["too_early"] += count
            return True
        self.statistics.early += count
        return False
