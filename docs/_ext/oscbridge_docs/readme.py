"""Parts of files outside of ``docs`` that pages of the manual show."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from oscbridge_docs.links import ROOT

__all__ = ["PARTS"]

_SECTION: Final = re.compile(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_HEADING: Final = re.compile(r"^#(#+ )", re.MULTILINE)


def _whole(name: str) -> tuple[Path, str]:
    """All of a file."""
    file = ROOT / name
    return file, file.read_text(encoding="utf-8")


def _marked(mark: str) -> tuple[Path, str]:
    """The part of README between two comments, one level up."""
    file, text = _whole("README.md")
    _, found, rest = text.partition(f"<!-- {mark} -->\n")
    assert found, f"README.md: no comment {mark!r}"
    return file, _HEADING.sub(r"\1", rest.partition("<!-- end of")[0])


def _section(name: str, slug: str) -> tuple[Path, str]:
    """The text under a heading of the second level, by its anchor."""
    file, text = _whole(name)
    for title, content in _SECTION.findall(text):
        if title.lower().replace(" ", "-") == slug:
            return file, content.strip()
    raise ValueError(f"{name}: no section {slug!r}")


PARTS: Final[Mapping[str, Callable[..., tuple[Path, str]]]] = {
    "readme": _whole,
    "readme-part": _marked,
    "readme-section": _section,
}
