"""A whole tree as JSON: fast, in slices, with the static part of each node kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

import orjson

import oscbridge
from oscbridge_oscquery.node_json import attributes_of, unique_descriptions
from oscbridge_oscquery.values import encode_value, has_same_shape

__all__ = ["MAX_KEPT", "SLICE", "KeptText", "TreeEncoder", "ValueOf"]

SLICE: Final = 1_000
"""Nodes that are encoded before others have the event loop."""

MAX_KEPT: Final = 40_000
"""Nodes whose static part is kept: those of a tree, and of some that rights have filtered."""

ValueOf: TypeAlias = Callable[[str], oscbridge.KeptValue | None]
"""Returns the last value of an address."""

KeptText: TypeAlias = dict[int, tuple[oscbridge.AddressInfo, bytes]]


class TreeEncoder:
    """Encodes nodes. What does not change is encoded once, by the identity of the facts."""

    def __init__(self, value_of: ValueOf) -> None:
        self._value_of = value_of
        self._kept: KeptText = {}

    def forget(self) -> None:
        """The facts have changed."""
        self._kept.clear()

    # --- one node -----------------------------------------------------------------------------

    def types_of(self, info: oscbridge.AddressInfo) -> str:
        """The type tags to state: known ones, otherwise those of the last value."""
        if info.types:
            return info.types
        kept = self._value_of(info.address)
        return "" if kept is None else kept.types

    def value(self, info: oscbridge.AddressInfo) -> list[object] | None:
        """The last value as JSON; None if there is none, or one that does not fit the type."""
        if not info.access & oscbridge.Access.READ:
            return None
        kept = self._value_of(info.address)
        if kept is None or not kept.types:
            return None
        if info.types and not has_same_shape(info.types, kept.types):
            return None
        try:
            return encode_value(oscbridge.Message(info.address, kept.types, kept.args))
        except oscbridge.EncodeError:  # only a plugin can make such a message
            return None

    def attributes(self, node: oscbridge.AddressNode, description: str = "") -> dict[str, object]:
        """The attributes of a node, without ``CONTENTS``."""
        info = node.info
        if info is None:
            return attributes_of(node.path, None, "")
        found = attributes_of(node.path, info, self.types_of(info), description)
        value = self.value(info)
        if value is not None:
            found["VALUE"] = value
        return found

    # --- a tree -------------------------------------------------------------------------------

    def slices(self, node: oscbridge.AddressNode) -> Iterator[bytes]:
        """The parts of the JSON text of a node and everything below it."""
        parts: list[bytes] = []
        count = 0
        for _ in self._encode(node, "", parts):
            count += 1
            if count == SLICE:
                yield b"".join(parts)
                parts.clear()
                count = 0
        yield b"".join(parts)

    def _encode(
        self, root: oscbridge.AddressNode, description: str, parts: list[bytes]
    ) -> Iterator[None]:
        """Append the text of a node to ``parts``; yields once for each node.

        With a stack of its own, as a generator in a generator costs its depth for each node.
        """
        parts.append(self._open(root, description))
        stack = [self._children(root, parts)]
        yield
        while stack:
            found = next(stack[-1], None)
            if found is None:
                stack.pop()
                parts.append(b"}}" if stack or root.children else b"}")
                continue
            before, node, text = found
            parts.append(before)
            parts.append(self._open(node, text))
            if node.children:
                stack.append(self._children(node, parts))
            else:
                parts.append(b"}")
            yield

    def _children(
        self, node: oscbridge.AddressNode, parts: list[bytes]
    ) -> Iterator[tuple[bytes, oscbridge.AddressNode, str]]:
        """The children of a node, each with the text before it and its description."""
        if not node.children:
            return
        parts.append(b',"CONTENTS":{')
        descriptions = unique_descriptions(node.children)
        comma = b""
        for name, child in node.children.items():
            yield comma + orjson.dumps(name) + b":", child, descriptions.get(name, "")
            comma = b","

    def _open(self, node: oscbridge.AddressNode, description: str) -> bytes:
        """The text of a node without what is below it, and without its last brace."""
        info = node.info
        if info is None or description or not info.types:
            return orjson.dumps(self.attributes(node, description))[:-1]
        kept = self._kept.get(id(info))
        if kept is None:
            static = orjson.dumps(attributes_of(node.path, info, info.types))[:-1]
            if len(self._kept) >= MAX_KEPT:
                self._kept.clear()
            self._kept[id(info)] = kept = (info, static)  # with it the identity stays taken
        value = self.value(info)
        return kept[1] if value is None else kept[1] + b',"VALUE":' + orjson.dumps(value)
