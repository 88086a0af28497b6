"""Merges two changes of one text, line by line. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Final, NamedTuple

from oscbridge.bridge.config.toml_lines import lines_of

__all__ = ["merged"]

MAX_EXACT: Final = 2_000
"""Lines that are compared one by one; of more, frequent ones are left out."""


class _Hunk(NamedTuple):
    """Lines ``start`` to ``end`` of the base become ``lines``."""

    start: int
    end: int
    lines: Sequence[str]

    @property
    def adds_tables(self) -> bool:
        """Whether it only adds lines, of whole tables."""
        first = (each for each in self.lines if each.strip() and not each.lstrip().startswith("#"))
        return self.start == self.end and next(first, "").startswith("[")


def merged(base: str, ours: str, theirs: str) -> str | None:
    """The base with both changes; None if they concern the same lines, or lines side by side.

    Tables that both add in one place are both kept, theirs first.
    """
    if ours == theirs or base == ours:
        return theirs
    if base == theirs:
        return ours
    lines = lines_of(base)
    left, right = _hunks(lines, ours), _hunks(lines, theirs)
    for one in left:
        for other in right:
            is_apart = one.end < other.start or other.end < one.start
            if one != other and not is_apart and not (one.adds_tables and other.adds_tables):
                return None
    both = sorted(
        [*((h.start, h.end, 1, h) for h in left if h not in right),
         *((h.start, h.end, 0, h) for h in right)],
        key=lambda each: each[:3],
    )  # fmt: skip
    for *_, hunk in reversed(both):
        lines[hunk.start : hunk.end] = _complete(hunk.lines)
    return "".join(lines)


def _complete(lines: Sequence[str]) -> list[str]:
    """The lines, the last one with its end, as others may follow."""
    return [each if each.endswith("\n") else f"{each}\n" for each in lines]


def _hunks(base: Sequence[str], text: str) -> list[_Hunk]:
    lines = lines_of(text)
    start, most = 0, min(len(base), len(lines))
    while start < most and base[start] == lines[start]:
        start += 1
    end = 0  # the same lines at the start and at the end need no search
    while end < most - start and base[-1 - end] == lines[-1 - end]:
        end += 1
    old, new = base[start : len(base) - end], lines[start : len(lines) - end]
    matcher = SequenceMatcher(None, old, new, autojunk=len(old) > MAX_EXACT)
    return [
        _Hunk(start + i1, start + i2, tuple(new[j1:j2]))
        for tag, i1, i2, j1, j2 in matcher.get_opcodes()
        if tag != "equal"
    ]
