"""The pages of the documentation: as they are, and as the manual shows them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from oscbridge_docs.expand import expand
from oscbridge_docs.links import DOCS, ROOT

__all__ = ["DOCS", "PAGES", "ROOT", "Block", "blocks", "name_of", "rows", "section", "shown"]

PATTERNS = ("*.md", "docs/**/*.md", "docker/**/*.md", "plugins/*/README.md", "examples/*/README.md")
PAGES = sorted(
    {page for pattern in PATTERNS for page in ROOT.glob(pattern)} - {ROOT / "docs/_build"}
)
"""All pages. A new one is tested as soon as it exists."""

_BLOCK = re.compile(r"^```([^\n`]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A block of code."""

    language: str
    text: str


def name_of(page: Path) -> str:
    """How tests call a page."""
    return str(page.relative_to(ROOT))


def blocks(text: str) -> Iterator[Block]:
    """All blocks of code of a page."""
    for found in _BLOCK.finditer(text):
        yield Block(found[1], found[2])


def shown(name: str) -> str:
    """The text of a page of ``docs`` with all that is generated."""
    page = DOCS / name
    return expand(page.read_text(encoding="utf-8"), page)


def section(text: str, heading: str) -> str:
    """The text under a heading, e.g. ``## Limits``, up to the next one of its level or above."""
    level = len(heading.partition(" ")[0])
    found, is_inside, is_code = list[str](), False, False
    for line in text.splitlines(keepends=True):
        is_code ^= line.startswith("```")
        if is_inside and not is_code and re.match(rf"#{{1,{level}}} ", line):
            break
        if is_inside:
            found.append(line)
        is_inside |= line.strip() == heading
    assert is_inside, f"no heading {heading!r}"
    return "".join(found)


def rows(text: str) -> list[list[str]]:
    """The rows of the first table in a text."""
    found = re.search(r"^\| --- .*\n((?:\|.*\n)+)", text, re.MULTILINE)
    assert found, "no table"
    lines = found[1].splitlines()
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row.strip())[1:-1]] for row in lines]
