"""Addresses as a tree: ``/a/b`` and ``/a/c`` are below ``/a``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from oscbridge.address_space.info import AddressInfo

__all__ = ["AddressNode", "tree_of"]

_NONE: Final[Mapping[str, AddressNode]] = MappingProxyType({})


class AddressNode:
    """A node of a tree of addresses. Immutable."""

    __slots__ = ("children", "info", "path")

    def __init__(self, path: str) -> None:
        self.path = path
        """Its address; ``/`` is the root."""
        self.info: AddressInfo | None = None
        """The facts; None if it is only a container."""
        self.children: Mapping[str, AddressNode] = _NONE
        """The nodes below it, by their names, in the order of the book."""

    def __repr__(self) -> str:
        return f"AddressNode({self.path!r})"

    @property
    def name(self) -> str:
        """The last part of its path; empty for the root."""
        return self.path[self.path.rfind("/") + 1 :]

    def find(self, path: str) -> AddressNode | None:
        """The node with a path that begins at this one; a slash at its end does not matter."""
        node: AddressNode | None = self
        names = path.strip("/")
        for name in names.split("/") if names else ():
            node = None if node is None else node.children.get(name)
        return node

    def walk(self) -> Iterator[AddressNode]:
        """This node and all below it, depth first."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting.extend(reversed(list(node.children.values())))


def tree_of(infos: Iterable[AddressInfo]) -> AddressNode:
    """The root of a tree of these addresses, each of which begins with ``/``."""
    root = AddressNode("/")
    containers: dict[str, AddressNode] = {"": root}
    for info in infos:
        _node(info.address, containers).info = info
    return root


def _node(path: str, nodes: dict[str, AddressNode]) -> AddressNode:
    """The node with a path, made with its containers if it is missing."""
    missing: list[str] = []
    while path not in nodes:
        missing.append(path)
        path = path[: path.rfind("/")]
    node = nodes[path]
    for path in reversed(missing):
        below = nodes[path] = AddressNode(path)
        if node.children is _NONE:
            node.children = {}
        assert isinstance(node.children, dict)
        node.children[below.name] = below
        node = below
    return node
