"""The messages from the bridge about addresses and their values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from oscbridge_ui.protocol_base import ProtocolModel
from oscbridge_ui.value_rows import ValueRow

__all__ = [
    "TreeNode",
    "ValueHistory",
    "ValuesState",
]


class TreeNode(ProtocolModel):
    """A branch of the tree of addresses."""

    name: str
    count: int
    """Addresses at it and below."""
    leaf: bool
    """Whether it has no children."""


class ValueHistory(ProtocolModel):
    """The first number of an address, one per second, the last that of now; None is not known."""

    address: str
    values: Sequence[float | None]


class ValuesState(ProtocolModel):
    """A window of the list of addresses, or the changes in it."""

    type: Literal["values"] = "values"
    time: float
    """Unix time; it does not jump when the clock is set."""
    total: int
    """Addresses that are known."""
    live: int
    stale: int
    found: int
    """Addresses that fit the query."""
    first: int
    order: Sequence[str] | None
    """The addresses of the window; None if they are unchanged."""
    rows: Sequence[ValueRow]
    histories: Sequence[ValueHistory]
    """Of rows that are new in the window, the last minute; of chosen ones, ten minutes."""
    tree: Mapping[str, Sequence[TreeNode]] | None
    """The children of open branches: of those that are new or have changed, a part in each
    message. None if none has."""
    sources: Sequence[str] | None
    forgotten: int
