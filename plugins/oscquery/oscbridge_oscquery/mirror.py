"""What a client knows of its server: the nodes, and the last value of each. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

import oscbridge
from oscbridge_oscquery.tree_reader import MAX_NODES, MirroredNode

__all__ = ["Mirror"]


class Mirror:
    """The mirrored tree."""

    def __init__(self) -> None:
        self._nodes: dict[str, MirroredNode] = {}
        self._values: dict[str, tuple[str | None, tuple[oscbridge.Argument, ...]]] = {}
        """Values that have been passed on."""

    def __len__(self) -> int:
        return len(self._nodes)

    def __contains__(self, address: str) -> bool:
        return address in self._nodes

    def infos(self) -> list[oscbridge.AddressInfo]:
        """The facts of all nodes."""
        return [node.info for node in self._nodes.values()]

    def readable(self) -> Iterator[str]:
        """The addresses of the nodes that have a value to listen to."""
        for address, node in self._nodes.items():
            if node.info.access & oscbridge.Access.READ:
                yield address

    def replace(self, path: str, nodes: Iterable[MirroredNode]) -> bool:
        """Replace a subtree. Returns whether facts have changed.

        Nodes above :data:`MAX_NODES` of the whole tree are left out.
        """
        if path == "/":
            old, kept = self._nodes, dict[str, MirroredNode]()
        else:
            old = {each: node for each, node in self._nodes.items() if _is_below(each, path)}
            kept = {each: node for each, node in self._nodes.items() if each not in old}
        room = max(MAX_NODES - len(kept), 0)
        new = {node.info.address: node for node in islice(nodes, room)}
        self._nodes = {**kept, **new}
        for address in old:
            if address not in new:
                self._values.pop(address, None)
        return [node.info for node in old.values()] != [node.info for node in new.values()]

    def values(self) -> Iterator[oscbridge.Message]:
        """The values of the tree that have not been passed on or overtaken."""
        for node in self._nodes.values():
            if node.message is not None:
                yield node.message

    def is_news(self, message: oscbridge.Message) -> bool:
        """Whether a value differs from the last one that was passed on; notes it."""
        value = (message.types, message.args)
        if self._values.get(message.address) == value:
            return False
        self.note(message)
        return True

    def note(self, message: oscbridge.Message) -> None:
        """A value has been passed on."""
        address = message.address
        node = self._nodes.get(address)
        if node is None:
            return
        self._values[address] = (message.types, message.args)
        if node.message is not None:  # that of the tree is older
            self._nodes[address] = node._replace(message=None)

    def common_path(self, addresses: Iterable[str]) -> str:
        """The deepest path above all addresses, or the only one: the one to poll."""
        parts: list[str] | None = None
        for address in addresses:
            other = address.split("/")
            if parts is None:
                parts = other
                continue
            length = 0
            for one, two in zip(parts, other, strict=False):
                if one != two:
                    break
                length += 1
            parts = parts[:length]
        return "/".join(parts or ()) or "/"


def _is_below(address: str, path: str) -> bool:
    return address == path or address.startswith(f"{path}/")
