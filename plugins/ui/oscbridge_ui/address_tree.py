"""The addresses as a tree of their parts, with the number of addresses in each branch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from oscbridge_ui.values_messages import TreeNode

__all__ = ["AddressTree"]

MAX_CHILDREN: Final = 1_000
"""Children of one branch that are shown."""

MAX_DEPTH: Final = 16
"""Levels of branches. Below, the rest of an address is one name: each level costs memory."""


class AddressTree:
    """Counts addresses by branch."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._children: dict[str, dict[str, None]] = {}

    def update(self, addresses: Iterable[str]) -> None:
        """Count these, and no others."""
        self._counts, self._children = {}, {}
        counts, children = self._counts, self._children
        for address in addresses:
            path = ""
            for name in address.split("/", MAX_DEPTH)[1:]:
                parent, path = path, f"{path}/{name}"
                if path not in counts:
                    children.setdefault(parent, {})[name] = None
                    counts[path] = 0
                counts[path] += 1

    def children(self, path: str) -> Sequence[TreeNode]:
        """The branches below a path; "" is the root."""
        names = sorted(self._children.get(path, ()), key=_natural)[:MAX_CHILDREN]
        return tuple(
            TreeNode(
                name=name,
                count=self._counts[f"{path}/{name}"],
                leaf=f"{path}/{name}" not in self._children,
            )
            for name in names
        )


def _natural(name: str) -> tuple[str, int, str]:
    head = name.rstrip("0123456789")
    digits = name[len(head) :][:18]
    return head, int(digits or -1), name
