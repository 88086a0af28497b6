"""The first error in data from outside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pydantic import ValidationError

__all__ = ["first_error"]

_MUST: Final[Mapping[str, str]] = {
    "address": "must start with '/' and have no spaces",
    "colour": "must be '#' with six digits, e.g. '#2b8ed6'",
    "types": "must be type tags, e.g. 'ff'",
}
"""What keys must be: more than that they match a pattern."""


def first_error(error: ValidationError) -> str:
    """The first error, and where it is."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(map(str, first["loc"]))
    if first["type"] == "string_pattern_mismatch":
        return f"{where}: {_MUST.get(str(first['loc'][-1]), 'is not valid')}"
    return f"{where}: {first['msg']}" if where else str(first["msg"])
