"""Links of Markdown files in the repository, and the same links in the manual."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

__all__ = ["DOCS", "ROOT", "Link", "links_of", "pages_without_source", "rewrite_links"]

ROOT: Final = Path(__file__).parents[3]
DOCS: Final = ROOT / "docs"

_LINK: Final = re.compile(
    r"(?ms:^(?P<fence>`{3,}).*?^(?P=fence)$)"  # a block of code
    r"|\[(?P<text>(?:[^\]`]|`[^`\n]*`)*)\]\((?P<target>[^)\s]+)\)"
    r"|(?P<ticks>`+)(?!`)[^\n]*?(?<!`)(?P=ticks)(?!`)"  # code within a line
)
"""Links, and code, which may contain text that looks like one."""
_INCLUDED: Final = re.compile(r"^```\{generated\} readme (\S+)$", re.MULTILINE)


class Link(NamedTuple):
    """A link to another place of the repository."""

    target: str
    """The file or folder, relative to the file with the link; empty for the file itself."""
    anchor: str


def links_of(text: str) -> Iterator[Link]:
    """The links of a text that lead to files or headings, in order."""
    for found in _LINK.finditer(text):
        if found["target"] is not None and not _is_external(found["target"]):
            target, _, anchor = found["target"].partition("#")
            yield Link(target, anchor)


def rewrite_links(text: str, folder: Path, page_folder: Path) -> str:
    """Text of a file in ``folder``, with the links that it needs on a page in another folder."""

    def rewritten(found: re.Match[str]) -> str:
        if found["target"] is None or _is_external(found["target"]):
            return found[0]
        target, hash_, anchor = found["target"].partition("#")
        if not target:
            return found[0]
        file = _on_site(folder / target)
        if file.is_dir() or (file.suffix == ".md" and not file.is_relative_to(DOCS)):
            return found["text"]  # the manual does not have it
        return f"[{found['text']}]({os.path.relpath(file, page_folder)}{hash_}{anchor})"

    return _LINK.sub(rewritten, text)


def _is_external(target: str) -> bool:
    return "://" in target or target.startswith("mailto:")


def _on_site(target: Path) -> Path:
    """Where the manual has a file or folder of the repository."""
    target = Path(os.path.normpath(target))
    pages = _pages()
    found = pages.get(target) or pages.get(target / "README.md") or target
    if ROOT / "examples" in (found, *found.parents):
        found = DOCS / "how-to" / "examples.md"
    return found


@cache
def _pages() -> dict[Path, Path]:
    """The pages that show a file from elsewhere, by that file."""
    found = {
        ROOT / name: page
        for page in DOCS.rglob("*.md")
        for name in _INCLUDED.findall(page.read_text(encoding="utf-8"))
    }
    return {ROOT / "README.md": DOCS / "index.md", **found}


def pages_without_source() -> list[str]:
    """The pages that show a file which this tree does not have, relative to ``docs``."""
    return [
        str(page.relative_to(DOCS))
        for source, page in _pages().items()
        if not source.is_file() and page != DOCS / "index.md"
    ]
