"""Ranges of values in words."""

from __future__ import annotations

from oscbridge.address_space.info import ValueRange
from oscbridge.osc.text import format_value

__all__ = ["range_text"]


def range_text(values: ValueRange) -> str:
    """A range for a person: ``0 to 1`` or ``"off" | "on"``."""
    low, high = values.minimum, values.maximum
    if values.choices:
        return " | ".join(map(format_value, values.choices))
    if low is None and high is None:
        return "-"
    if low is None:
        return f"up to {high:g}"
    return f"from {low:g}" if high is None else f"{low:g} to {high:g}"
