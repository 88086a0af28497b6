"""A whole tree as JSON: fast, in slices, with the text of each node kept until it changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple, TypeAlias, TypeVar

import orjson

import oscbridge
from oscbridge_oscquery.node_json import attributes_of, unique_descriptions
from oscbridge_oscquery.values import encode_value, has_same_shape

__all__ = ["MAX_KEPT", "SLICE", "TreeEncoder", "ValueOf"]

SLICE: Final = 2_000
"""Texts that are joined before others have the event loop: those of about 1,000 nodes."""

MAX_KEPT: Final = 40_000
"""Nodes whose text is kept: those of a tree, and of some that rights have filtered."""

ValueOf: TypeAlias = Callable[[str], oscbridge.KeptValue | None]
"""Returns the last value of an address."""

_READ: Final = oscbridge.Access.READ.value
"""Operations on enumerations are slow."""

_KeptT = TypeVar("_KeptT")


class _KeptText(NamedTuple):
    """The text of a node. With its facts their identity stays taken."""

    info: oscbridge.AddressInfo
    value: oscbridge.KeptValue | None
    text: bytes


class TreeEncoder:
    """Encodes nodes; each once, until its facts or its value are others."""

    def __init__(self, value_of: ValueOf) -> None:
        self._value_of = value_of
        self._texts: dict[int, _KeptText] = {}
        self._families: dict[
            int, tuple[oscbridge.AddressNode, Sequence[tuple[oscbridge.AddressNode, str]]]
        ] = {}
        """The children of nodes."""

    def forget(self) -> None:
        """The facts have changed."""
        self._texts.clear()
        self._families.clear()

    # --- one node -----------------------------------------------------------------------------

    def types_of(self, info: oscbridge.AddressInfo) -> str:
        """The type tags to state: known ones, otherwise those of the last value."""
        if info.types:
            return info.types
        kept = self._value_of(info.address)
        return "" if kept is None else kept.types

    def value(self, info: oscbridge.AddressInfo) -> list[object] | None:
        """The last value as JSON; None if there is none, or one that does not fit the type."""
        if not info.access.value & _READ:
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

    def slices(self, root: oscbridge.AddressNode) -> Iterator[bytes]:
        """The parts of the JSON text of a node and everything below it."""
        parts = [orjson.dumps(self.attributes(root))[:-1]]
        if not root.children:
            yield parts[0] + b"}"
            return
        parts.append(b',"CONTENTS":{')
        stack = [iter(self._children(root))]
        comma = b""
        while stack:
            for node, description in stack[-1]:
                parts.append(comma + self._text(node, description))
                if node.children:
                    parts.append(b',"CONTENTS":{')
                    stack.append(iter(self._children(node)))
                    comma = b""
                    break
                parts.append(b"}")
                comma = b","
            else:
                stack.pop()
                parts.append(b"}}")
                comma = b","
            if len(parts) >= SLICE:
                yield b"".join(parts)
                parts.clear()
        yield b"".join(parts)

    def _children(self, node: oscbridge.AddressNode) -> Sequence[tuple[oscbridge.AddressNode, str]]:
        """The children of a node, each with the description that replaces its own, if any."""
        found = self._families.get(id(node))
        if found is None:
            descriptions = unique_descriptions(node.children)
            children = [
                (child, descriptions.get(name, "")) for name, child in node.children.items()
            ]
            self._families[id(node)] = found = (node, children)
            self._forget_many(self._families)
        return found[1]

    def _text(self, node: oscbridge.AddressNode, description: str) -> bytes:
        """``"name":{...``: a node without the nodes below it, and without its last brace."""
        info = node.info
        if info is None:
            return _container(node)
        if description or not info.types:
            return _named(node, self.attributes(node, description))
        value = self._value_of(info.address)
        kept = self._texts.get(id(info))
        if kept is None or kept.value is not value:
            text = _named(node, self.attributes(node))
            self._texts[id(info)] = kept = _KeptText(info, value, text)
            self._forget_many(self._texts)
        return kept.text

    @staticmethod
    def _forget_many(kept: dict[int, _KeptT]) -> None:
        if len(kept) > MAX_KEPT:
            kept.clear()


def _container(node: oscbridge.AddressNode) -> bytes:
    """A node without facts; most nodes of a tree may be such ones."""
    path = orjson.dumps(node.path)
    return b'"%b:{"FULL_PATH":%b,"ACCESS":0' % (path[path.rindex(b"/") + 1 :], path)


def _named(node: oscbridge.AddressNode, attributes: dict[str, object]) -> bytes:
    return orjson.dumps(node.name) + b":" + orjson.dumps(attributes)[:-1]
