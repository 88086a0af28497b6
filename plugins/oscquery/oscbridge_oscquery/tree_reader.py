"""Trees of other servers: read tolerantly, and bounded in every way. Pure.

A tree that cannot be trusted decides nothing but facts: the place of a node in the tree is its
address, whatever ``FULL_PATH`` says, and a value that does not fit its type is left out.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

import orjson

import oscbridge
from oscbridge_oscquery.paths import MAX_DEPTH, is_address
from oscbridge_oscquery.values import MAX_VALUES, ValueMismatch, decode_value, is_type_tags

__all__ = ["MAX_NODES", "MAX_TREE", "MirroredNode", "TreeReader", "load_json"]

MAX_TREE: Final = 16 << 20
"""Bytes of a tree."""

MAX_ITEMS: Final = 800_000
"""Commas and brackets of a tree, which bound the memory that it takes: 40 for each node."""

MAX_NODES: Final = 20_000
"""Nodes of a tree that are read."""

MAX_OVERLOADS: Final = 8
"""Overloads of a node that are read."""

MAX_TEXT: Final = 1_000
MAX_TAGS: Final = 32
MAX_CHOICES: Final = 256
"""Characters of a text, tags of a node, and choices of a range that are read."""


class MirroredNode(NamedTuple):
    """A node of another server."""

    info: oscbridge.AddressInfo
    message: oscbridge.Message | None
    """Its value as a message, if it has a valid one."""


def load_json(data: bytes) -> object:
    """A document that is within the limits. Raises :class:`oscbridge.DecodeError`."""
    if len(data) > MAX_TREE:
        raise oscbridge.DecodeError("size", f"an answer of more than {MAX_TREE >> 20} MiB")
    if data.count(b",") + data.count(b"[") + data.count(b"{") > MAX_ITEMS:
        raise oscbridge.DecodeError("size", f"an answer with more than {MAX_ITEMS} values")
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        pass
    try:  # with NaN or in Latin-1, as some servers write it
        text = data.decode("utf-8-sig", "replace").replace("NaN", "null")
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise oscbridge.DecodeError("json", f"an answer is not valid JSON: {error}") from None


class TreeReader:
    """Reads one tree. What it leaves out is counted by reason."""

    def __init__(self, origin: str = "") -> None:
        self.ignored: Counter[str] = Counter()
        self._origin = origin
        self._count = 0

    def nodes(self, path: str, document: object) -> Iterator[MirroredNode]:
        """The nodes of a document that the server has sent for a path, depth first."""
        stack = [(path, document)]
        while stack:
            address, node = stack.pop()
            if not isinstance(node, Mapping):
                self.ignored["node"] += 1
                continue
            self._count += 1
            if self._count > MAX_NODES:
                self.ignored["nodes"] += 1 + len(stack)
                return
            found = self._node(address, node)
            if found is not None:
                yield found
            contents = node.get("CONTENTS")
            if isinstance(contents, Mapping):
                stack += reversed(list(self._children(address, contents)))
            elif contents is not None:
                self.ignored["contents"] += 1

    def _children(
        self, path: str, contents: Mapping[object, object]
    ) -> Iterator[tuple[str, object]]:
        prefix = "" if path == "/" else path
        if prefix.count("/") >= MAX_DEPTH:
            self.ignored["depth"] += len(contents)
            return
        for name, child in contents.items():
            address = f"{prefix}/{name}"
            if not isinstance(name, str) or "/" in name or not name or not is_address(address):
                self.ignored["name"] += 1
            elif self._count + 1 > MAX_NODES:
                self.ignored["nodes"] += 1
            else:
                yield address, child

    def _node(self, address: str, node: Mapping[object, object]) -> MirroredNode | None:
        types = self._types(node.get("TYPE"))
        if address == "/" or (not types and "CONTENTS" in node):
            return None  # only a container
        info = oscbridge.AddressInfo(
            address,
            types or "",
            ranges=_ranges(node.get("RANGE"), types),
            unit=_first_text(node.get("UNIT")),
            access=_access(node.get("ACCESS")),
            description=_text(node.get("DESCRIPTION")),
            tags=_texts(node.get("TAGS"), MAX_TAGS),
            origin=self._origin,
            clip_modes=_per_tag(node.get("CLIPMODE"), types),
            extended_types=_per_tag(node.get("EXTENDED_TYPE"), types),
            overloads=self._overloads(node.get("OVERLOADS")),
            critical=node.get("CRITICAL") is True,
        )
        return MirroredNode(info, self._message(address, types, node.get("VALUE")))

    def _types(self, value: object) -> str:
        if value is None:
            return ""
        text = value.strip().removeprefix(",") if isinstance(value, str) else "?"
        if is_type_tags(text):
            return text
        self.ignored["type"] += 1
        return ""

    def _overloads(self, value: object) -> tuple[str, ...]:
        if not isinstance(value, list):
            return ()
        nodes = [each for each in value[:MAX_OVERLOADS] if isinstance(each, Mapping)]
        found = (self._types(each.get("TYPE")) for each in nodes)
        return tuple(dict.fromkeys(filter(None, found)))

    def _message(self, address: str, types: str, value: object) -> oscbridge.Message | None:
        if value is None or not types or value == []:
            return None
        try:
            found, args = decode_value(types, value)
            return oscbridge.Message(address, found, args)
        except ValueMismatch:
            self.ignored["value"] += 1
            return None


def _access(value: object) -> oscbridge.Access:
    """What can be done with a node; without a valid statement, everything."""
    if isinstance(value, int | float) and value in (0, 1, 2, 3):
        return oscbridge.Access(int(value))
    return oscbridge.Access.BOTH


def _ranges(value: object, types: str) -> tuple[oscbridge.ValueRange | None, ...]:
    if isinstance(value, Mapping):
        value = [value]
    if not isinstance(value, list) or not types:
        return ()
    found = tuple(_range(each) for each in value[:MAX_VALUES])
    return found if any(found) else ()


def _range(value: object) -> oscbridge.ValueRange | None:
    if not isinstance(value, Mapping):
        return None
    low, high = _number(value.get("MIN")), _number(value.get("MAX"))
    if low is not None and high is not None and low > high:
        low = high = None
    values = value.get("VALS")
    choices = tuple(
        each
        for each in (values[:MAX_CHOICES] if isinstance(values, list) else ())
        if isinstance(each, int | str) or (isinstance(each, float) and math.isfinite(each))
    )
    if low is None and high is None and not choices:
        return None
    return oscbridge.ValueRange(low, high, choices)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return value


def _text(value: object) -> str:
    return value[:MAX_TEXT] if isinstance(value, str) else ""


def _first_text(value: object) -> str:
    for each in value if isinstance(value, list) else (value,):
        if isinstance(each, str):
            return each[:MAX_TEXT]
    return ""


def _texts(value: object, most: int) -> tuple[str, ...]:
    if not isinstance(value, list):
        return ()
    return tuple(_text(each) for each in value[:most] if isinstance(each, str) and each)


def _per_tag(value: object, types: str) -> tuple[str, ...]:
    """One text for each type tag; empty without any text."""
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list) or not types:
        return ()
    found = tuple(_text(each) for each in value[:MAX_VALUES])
    return found if any(found) else ()
