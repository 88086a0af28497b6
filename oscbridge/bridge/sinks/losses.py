"""Counting and logging messages that an endpoint did not accept."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from oscbridge.bridge.sinks.drops import EXPECTED, several, text_of_reason
from oscbridge.bridge.sinks.unsettled import Loss
from oscbridge.errors import EndpointError
from oscbridge.failures import failure_text, text_of
from oscbridge.logs.rate_limited import RateLimitedLog

__all__ = ["report_losses"]


def report_losses(
    losses: Sequence[Loss], count: Callable[[str, int], None], log: RateLimitedLog
) -> None:
    """Count and log losses, those with the same text together."""
    groups: dict[tuple[str, str], list[Loss]] = {}
    for loss in losses:
        groups.setdefault((text_of_reason(loss.reason), _text_of(loss.error)), []).append(loss)
    for (reason, text), group in groups.items():
        error = group[0].error
        count(reason, len(group))
        if reason in EXPECTED:
            continue
        log.report(
            reason,
            f"{several(len(group))} lost: {text}",
            level=logging.ERROR,
            count=len(group),
            error=None if isinstance(error, EndpointError | OSError) else error,
        )


def _text_of(error: BaseException) -> str:
    if isinstance(error, EndpointError | OSError):
        return text_of(error) or type(error).__name__
    return failure_text(error)  # a mistake in the endpoint
