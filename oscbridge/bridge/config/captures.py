"""Names in braces that stand for what a route's match captured."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # a forking worker, which needs no options, starts without pydantic
    from pydantic import ValidationInfo

__all__ = ["check_captures", "unknown_capture"]


def check_captures(names: Iterable[str], info: ValidationInfo) -> None:
    """Refuse names that the route's match does not capture.

    For pydantic validators of an endpoint's ``RouteOptions``. Raises ``ValueError`` that says
    what the match captures. Where options are made by themselves no match is known, and nothing
    is refused.
    """
    captures: Sequence[str] | None = (info.context or {}).get("captures")
    if captures is None:
        return
    for name in names:
        if name not in captures:
            raise ValueError(unknown_capture(f"{{{name}}}", captures))


def unknown_capture(placeholder: str, captures: Iterable[str]) -> str:
    """What is wrong with a placeholder that no capture fills."""
    offered = ", ".join(f"{{{name}}}" for name in captures) or "no names"
    return f"{placeholder} is unknown; the match captures {offered}"
