"""Decides when the messages of a time tag run: now, later, or never."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from oscbridge.dispatch.scheduler import Scheduler
from oscbridge.dispatch.statistics import Reporting, name_of_client
from oscbridge.net.socket_address import ClientAddress
from oscbridge.osc.timetag import TimeTag

__all__ = ["Timing"]

FAR_AHEAD: Final = 2_000_000_000
"""Nanoseconds in the future from which a time tag is logged: more than senders plan ahead."""


class Timing(Reporting):
    """Holds messages with a future time tag in a scheduler, if ``strict_timing`` is set."""

    def __init__(self, logger: logging.Logger, scheduler: Scheduler, strict_timing: bool) -> None:
        super().__init__(logger)
        self.scheduler = scheduler
        self.strict_timing = strict_timing
        self.forwards_tags = False
        """Whether messages run at once and hand their time tags on (:class:`ForwardedTag`)."""

    def _wait(
        self,
        timetag: TimeTag,
        now: int,
        run: Callable[[], None],
        count: int,
        client_address: ClientAddress,
    ) -> bool:
        """Schedule or drop messages with a future time tag. False if they are to run now."""
        if timetag.immediate or not self.strict_timing or self.forwards_tags:
            return False
        due = timetag.unix_ns()
        if due <= now:
            return False
        waits = self.scheduler.add(due, run, count)
        if due - now > FAR_AHEAD:
            self._report_far_ahead((due - now) / 1e9, waits, client_address)
        if waits:
            return True
        if self.scheduler.too_early == "drop":
            self.statistics.dropped["too_early"] += count
            return True
        self.statistics.early += count
        return False

    def _report_far_ahead(self, seconds: float, waits: bool, client: ClientAddress) -> None:
        """Log that the clock of a sender may be wrong, and what to change."""
        scheduler = self.scheduler
        limits = f"{self.part}.limits." if self.part.startswith("bridge.") else ""
        horizon = f"{limits}horizon ({scheduler.horizon:g} s)"
        outcome = "dropped" if scheduler.too_early == "drop" else "handled at once"
        advice = f", or raise {horizon} to make them wait"
        if waits:
            outcome = "held until then"
            advice = f", or lower {horizon} to handle them at once"
        elif seconds <= scheduler.horizon:
            outcome += f", as {limits}max_pending ({scheduler.max_pending}) messages wait already"
            advice = ""
        if self.part.startswith("endpoint."):  # those have no such key
            advice = ""
        text = f"messages from {name_of_client(client)} are {seconds:,.1f} s ahead of this "
        self._errors_log.report(
            "ahead", f"{text}computer's clock and are {outcome}; correct the sender's clock{advice}"
        )
