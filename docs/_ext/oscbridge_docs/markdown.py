"""Pieces of Markdown."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence

__all__ = ["cell", "code", "paragraphs", "table"]


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; its cells are Markdown."""
    lines = [columns, ["---"] * len(columns), *([cell(each) for each in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def cell(text: str) -> str:
    """Text in a cell: on one line, and with no end of the cell."""
    return " ".join(text.split()).replace("|", "\\|")


def code(text: str) -> str:
    """Code within a line."""
    return f"`{text}`"


def paragraphs(doc: str | None) -> str:
    """A docstring as Markdown, each paragraph on one line."""
    parts = inspect.cleandoc(doc or "").replace("``", "`").split("\n\n")
    return "\n\n".join(" ".join(part.split()) for part in parts)
