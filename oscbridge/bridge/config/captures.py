"""Placeholders for the names that a route's match captures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # a forking worker, which needs no options, starts without pydantic
    from pydantic import ValidationInfo

__all__ = ["check_captures", "unknown_capture"]


def check_captures(names: Iterable[str], info: ValidationInfo) -> None:
    """Raise ``ValueError`` for a name that the route's match does not capture.

    For pydantic validators of an endpoint's ``RouteOptions``; the error lists the captured
    names. Outside a route no match is known, and every name is accepted.
    """
    captures: Sequence[str] | None = (info.context or {}).get("captures")
    if captures is None:
        return
    for name in names:
        if name not in captures:
            raise ValueError(unknown_capture(f"{{{name}}}", captures))


def unknown_capture(placeholder: str, captures: Iterable[str]) -> str:
    """The error message for a placeholder that no capture fills."""
    available = ", ".join(f"{{{name}}}" for name in captures) or "none"
    return f"unknown placeholder {placeholder}; captured by the match: {available}"
