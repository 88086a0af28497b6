"""Placeholders for the names that a route's match captures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from oscbridge.templates.placeholders import unknown_capture

if TYPE_CHECKING:
    from pydantic import ValidationInfo

__all__ = ["check_captures"]


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
