"""The functions of ``oscbridge.parsing.osc_types``, which programs for python-osc call."""

from __future__ import annotations

import pytest

from oscbridge.parsing import osc_types


@pytest.mark.parametrize(
    ("data", "expected"), [(b"", 0.0), (b"\x3f\x80", 1.0), (b"\x3f\x80\0\0", 1.0)]
)
def test_get_float_adds_missing_zeros(data: bytes, expected: float) -> None:
    assert osc_types.get_float(data, 0) == (expected, 4)


def test_get_float_rejects_an_index_after_the_end() -> None:
    with pytest.raises(osc_types.ParseError):
        osc_types.get_float(b"\0\0\0\1", 9)
