"""The first error in data from outside."""

from __future__ import annotations

from pydantic import ValidationError

__all__ = ["first_error"]


def first_error(error: ValidationError) -> str:
    """The first error, and where it is."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(map(str, first["loc"]))
    return f"{where}: {first['msg']}" if where else str(first["msg"])
