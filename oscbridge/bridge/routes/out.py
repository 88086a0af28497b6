"""The type of a step that is bound to a head."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from oscbridge.osc import Message

__all__ = ["Out"]

Out: TypeAlias = Callable[[Message], None]
"""Takes each message: a step, all further steps, or the endpoints behind them."""
