"""The text of a TOML file as blocks of lines, one for each table that can be edited. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from oscbridge.bridge.config.editing.edits import EditRefused
from oscbridge.bridge.config.problem import KeyPath, path_text
from oscbridge.bridge.config.toml_lines import TomlExpression, expressions

__all__ = ["FileBlocks", "TableBlock", "blocks_of", "line_of"]


@dataclass(frozen=True)
class TableBlock:
    """The lines of one table, with the comment directly above it and the tables inside it."""

    path: KeyPath
    """``("route", 2)``, ``("endpoint", "desk")``, ``("run",)``."""
    start: int
    """Index of its first line."""
    header: int
    """Index of the line with its header."""
    end: int
    """Index of the line after its last key."""


class FileBlocks:
    """The lines of a file, and where its tables are."""

    def __init__(self, text: str, blocks: Sequence[TableBlock]) -> None:
        self.lines = text.split("\n")
        """Without line ends; the last one is empty if the text ends with a line end."""
        self.blocks = blocks

    def find(self, path: KeyPath) -> TableBlock:
        """The block of a table. Raises :class:`EditRefused` if it has not exactly one."""
        found = [block for block in self.blocks if block.path == path]
        if len(found) == 1:
            return found[0]
        what = "is not written under a header of its own" if not found else "has several parts"
        raise EditRefused(f"{path_text(path)}: the table {what}; change the text of the file")

    def routes(self) -> Sequence[TableBlock]:
        """The blocks of the routes, in order."""
        return [block for block in self.blocks if block.path[0] == "route"]

    def text(self, block: TableBlock, *, with_comment: bool = True) -> str:
        """The lines of a block."""
        return "\n".join(self.lines[block.start if with_comment else block.header : block.end])

    def replace(self, start: int, end: int, lines: Sequence[str]) -> str:
        """The text of the file with other lines in place of some."""
        return "\n".join([*self.lines[:start], *lines, *self.lines[end:]])


def blocks_of(text: str) -> FileBlocks:
    """The blocks of a text with the line end ``\\n``. Raises :class:`EditRefused`."""
    try:
        parts = list(expressions(text))
    except ValueError as error:
        raise EditRefused(f"not valid TOML: {error}; change the text of the file") from None
    found: list[TableBlock] = []
    routes: Counter[str] = Counter()
    line, comment, last = 0, 0, None
    for part in parts:
        count = part.text.count("\n") or 1
        match part.kind:
            case "table" | "list":
                path = _owner(part, routes)
                if last is not None and last.path == path:
                    last = found[-1] = TableBlock(path, last.start, last.header, line + count)
                else:
                    last = TableBlock(path, comment, line, line + count)
                    found.append(last)
            case "key":
                if last is not None:
                    end = line + count
                    last = found[-1] = TableBlock(last.path, last.start, last.header, end)
        line += count
        if part.kind != "blank" or not part.text.strip():
            comment = line
    return FileBlocks(text, found)


def _owner(part: TomlExpression, routes: Counter[str]) -> KeyPath:
    """The path of the table that a header belongs to."""
    first = part.path[0]
    if part.kind == "list" and len(part.path) == 1:
        routes[first] += 1
    if routes[first]:
        return (first, routes[first] - 1)
    return part.path[:2] if first in ("bridge", "endpoint", "variables") else part.path[:1]


def line_of(text: str, path: KeyPath) -> int:
    """The number of the line where a key is, or the table around it; 0 if neither is found."""
    try:
        parts = list(expressions(text))
    except ValueError:
        return 0
    best, best_length, line = 0, 0, 1
    counts: Counter[str] = Counter()
    inside: KeyPath = ()
    for part in parts:
        here: KeyPath = ()
        if part.kind == "key":
            here = (*inside, *part.path)
        elif part.kind != "blank":
            owner = _owner(part, counts)
            is_listed = isinstance(owner[-1], int)
            here = inside = (*owner, *part.path[1 if is_listed else len(owner) :])
        common = _common(here, path)
        if common > best_length and (common == len(here) or part.kind == "key"):
            best, best_length = line, common
        line += part.text.count("\n") or 1
    return best


def _common(one: KeyPath, other: KeyPath) -> int:
    """How many steps at the start of two paths are the same."""
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count
