"""What programs replace in the objects of this package, as they do with those of python-osc."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Final

__all__ = ["HANDLER_ERRORS", "is_replaced"]

HANDLER_ERRORS: Final[ContextVar[Callable[[Exception], None] | None]] = ContextVar(
    "HANDLER_ERRORS", default=None
)
"""Called with the exception of a handler, in its ``except`` block, instead of logging it."""


def is_replaced(instance: object, name: str, original: object) -> bool:
    """Whether a method is not the original: overridden, or assigned to the object or its class."""
    method = getattr(instance, name)
    return getattr(method, "__func__", None) is not original
