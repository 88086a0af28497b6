"""Suggestions for a misspelled name: the nearest known one, all of them, or a valid one."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

__all__ = ["did_you_mean", "nearest", "plain_name", "suggest"]


def nearest(word: str, known: Iterable[str], likeness: float = 0.6) -> str:
    """Return the known name that is most like ``word``; empty if none is at least so much alike.

    ``likeness`` is 0 for names that have nothing in common, and 1 for the same.
    """
    import difflib  # 5 ms that only a misspelled name needs

    return next(iter(difflib.get_close_matches(word, list(known), 1, likeness)), "")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``did you mean 'NAME'?`` with the known name nearest to ``word``.

    Returns an empty string if none is near enough.
    """
    found = nearest(word, known)
    return f"did you mean {found!r}?" if found else ""


def suggest(word: str, known: Iterable[str], title: str = "available") -> str:
    """Return ``did you mean 'NAME'?``, or ``TITLE: a, b, c`` with all known names in order."""
    names = list(known)
    return did_you_mean(word, names) or f"{title}: {', '.join(names) or 'none'}"


def plain_name(name: str) -> str:
    """A name like this one, of letters a-z, digits, ``-`` and ``_``."""
    letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9_-]+", "-", letters).strip("-") or "NAME"
