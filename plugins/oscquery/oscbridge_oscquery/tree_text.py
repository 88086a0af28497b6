"""Nodes as lines for a terminal. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Final

import click

import oscbridge
from oscbridge_oscquery.tree_reader import MirroredNode

__all__ = ["message_text", "node_line", "printable", "tree_lines"]

MAX_CHOICES: Final = 8
"""Choices of a range that a line shows."""

_ACCESS: Final = {0: "-", 1: "r", 2: "w", 3: "rw"}


def message_text(message: oscbridge.Message) -> str:
    """A message as ``address ,types values``; text that others have written is escaped."""
    values = [_value(each) for each in message.args]
    return " ".join([printable(message.address), f",{message.types or ''}", *values])


def node_line(node: MirroredNode, width: int = 0) -> str:
    """A node in one line; the address has at least ``width`` characters."""
    info = node.info
    parts = [
        f"{printable(info.address):{width}}",
        f"{info.types or '-':4}",
        f"{_ACCESS[int(info.access)]:2}",
        " ".join(_range(each) for each in info.ranges if each is not None),
        printable(info.unit),
        "" if node.message is None else "= " + " ".join(map(_value, node.message.args)),
        click.style(printable(info.description), dim=True) if info.description else "",
    ]
    return "  ".join(part for part in parts if part).rstrip()


def tree_lines(nodes: Iterable[MirroredNode]) -> Iterator[str]:
    """A line for each node, aligned."""
    found = list(nodes)
    width = min(max((len(node.info.address) for node in found), default=0), 48)
    return (node_line(node, width) for node in found)


def _range(found: oscbridge.ValueRange) -> str:
    if found.choices:
        shown = "|".join(printable(str(each)) for each in found.choices[:MAX_CHOICES])
        return shown + ("|…" if len(found.choices) > MAX_CHOICES else "")
    low = "" if found.minimum is None else f"{found.minimum:g}"
    high = "" if found.maximum is None else f"{found.maximum:g}"
    return f"{low}..{high}"


def _value(value: oscbridge.Argument) -> str:
    if isinstance(value, str):
        return printable(json.dumps(value, ensure_ascii=False))
    if isinstance(value, list):
        return "[" + " ".join(map(_value, value)) + "]"
    return oscbridge.plain_text(value) or "nil"


def printable(text: str) -> str:
    """A text without control characters, which a terminal would obey."""
    return "".join(each if each.isprintable() else "?" for each in text)
