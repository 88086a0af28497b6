"""``oscbridge.parsing.ntp`` compared with the module of python-osc."""

from __future__ import annotations

import math
from typing import Any

import pytest
import pythonosc.parsing.ntp
from hypothesis import given
from hypothesis import strategies as st

from oscbridge.parsing import ntp

# From 1968 to 2036, where both read time stamps alike; python-osc loses a microsecond.
stamps = st.integers(1 << 63, (1 << 64) - 1)
times = st.floats(-61_000_000.0, 2_085_978_495.0)
MICROSECOND = 1e-6


def test_immediately_equals_that_of_python_osc() -> None:
    assert ntp.IMMEDIATELY == pythonosc.parsing.ntp.IMMEDIATELY


@given(st.integers(0, (1 << 64) - 1))
def test_parse_timestamp_splits_as_python_osc_does(stamp: int) -> None:
    assert ntp.parse_timestamp(stamp) == pythonosc.parsing.ntp.parse_timestamp(stamp)
    assert ntp.parse_timestamp(stamp)._fields == ("seconds", "fraction")


@given(stamps)
def test_ntp_to_system_time_agrees_with_python_osc(stamp: int) -> None:
    data = stamp.to_bytes(8, "big")
    expected = pythonosc.parsing.ntp.ntp_to_system_time(data)
    assert abs(ntp.ntp_to_system_time(data) - expected) < MICROSECOND


@given(times)
def test_system_time_to_ntp_agrees_with_python_osc(seconds: float) -> None:
    made = int.from_bytes(ntp.system_time_to_ntp(seconds), "big")
    expected = int.from_bytes(pythonosc.parsing.ntp.system_time_to_ntp(seconds), "big")
    assert abs(made - expected) / 2**32 < MICROSECOND
    assert abs(ntp.ntp_to_system_time(made.to_bytes(8, "big")) - seconds) < MICROSECOND


@given(times)
def test_epochs_differ_as_in_python_osc(seconds: float) -> None:
    theirs = pythonosc.parsing.ntp
    assert ntp.system_time_to_ntp_epoch(seconds) == theirs.system_time_to_ntp_epoch(seconds)
    assert ntp.ntp_time_to_system_epoch(seconds) == theirs.ntp_time_to_system_epoch(seconds)


@pytest.mark.parametrize("data", [b"", b"\0" * 7, b"\0" * 9, "text", None])
def test_ntp_to_system_time_rejects_other_than_eight_bytes(data: Any) -> None:
    with pytest.raises(ntp.NtpError):
        ntp.ntp_to_system_time(data)


@pytest.mark.parametrize("seconds", [None, "1", math.nan, math.inf, -1e9, 1e12])
def test_system_time_to_ntp_rejects_unrepresentable_times(seconds: Any) -> None:
    with pytest.raises(ntp.NtpError):
        ntp.system_time_to_ntp(seconds)
