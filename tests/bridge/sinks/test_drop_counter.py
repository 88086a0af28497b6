"""Counts of lost messages that an endpoint reports."""

from __future__ import annotations

import logging

import pytest

from oscbridge.bridge.sinks.drops import DropCounter
from oscbridge.logs.rate_limited import RateLimitedLog


def test_negative_count_is_logged_once_and_not_counted(caplog: pytest.LogCaptureFixture) -> None:
    drops = DropCounter(RateLimitedLog(logging.getLogger("oscbridge.endpoint.desk")))
    drops.drop("slow_client", 2)
    for _ in range(3):
        drops.drop("slow_client", -5)
    assert drops.counts == {"slow_client": 2}
    (line,) = [each for each in caplog.records if each.levelno == logging.ERROR]
    text = "-5 is not a valid number of lost messages (slow_client); it is not counted"
    assert line.getMessage() == text
