"""Separates the lines of an error that quote the file from those that name the problem."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["is_excerpt"]

_EXCERPT: Final = re.compile(r" {2,}\d* *\|")


def is_excerpt(line: str) -> bool:
    """Whether a line of an error is not one itself, but the line of the file or the caret."""
    return _EXCERPT.match(line) is not None
