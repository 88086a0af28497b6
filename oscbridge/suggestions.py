"""Suggestions for a misspelled name: the nearest known one, or all of them."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["did_you_mean", "suggest"]


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``did you mean 'NAME'?`` with the known name nearest to ``word``.

    Returns an empty string if none is near enough.
    """
    import difflib  # only a misspelled name needs it

    nearest = difflib.get_close_matches(word, list(known), 1)
    return f"did you mean {nearest[0]!r}?" if nearest else ""


def suggest(word: str, known: Iterable[str], title: str = "available") -> str:
    """Return ``did you mean 'NAME'?``, or ``TITLE: a, b, c`` with all known names in order."""
    names = list(known)
    return did_you_mean(word, names) or f"{title}: {', '.join(names) or 'none'}"
