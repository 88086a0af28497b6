"""Recognizes regular expressions where an address pattern of OSC is expected. Pure.

Most of them are valid patterns that match nothing a device sends: ``(``, ``.``, ``+`` and ``\\``
are ordinary characters of addresses.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

__all__ = ["regular_expression_hint"]

MAX_READ: Final = 1_000
"""Characters of a pattern that are searched."""

_CAPTURE: Final = "write {name} for one part of the address, or * for any text"
_DIGITS: Final = "write {name} for one part, or a range such as {1..16}"


def _group_fix(found: re.Match[str]) -> str:
    choices = found["inner"].removeprefix("?:").split("|")
    if len(choices) > 1 and all(re.fullmatch(r"[\w-]+", each) for each in choices):
        return f"write {{{','.join(choices)}}}"
    return _CAPTURE


_SIGNS: Final[tuple[tuple[str, Callable[[re.Match[str]], str]], ...]] = (
    (r"^\^", lambda _: "a pattern always matches the whole address; remove it"),
    (
        r"""(?x)\((?P<inner>
          \?(?:[:=!]|P?<) [^()]*
        | [^()]* (?:\.[*+] | \| | \\[dwsDWS] | \[\^ | \]\+) [^()]*
        )\)""",
        _group_fix,
    ),
    (r"\[\^/\][*+]?", lambda _: _CAPTURE),
    (r"\[\^(?P<set>[^\[\]]+)\]", lambda found: f"write [!{found['set']}]"),
    (r"(?:\\d|\[0-9\])\+|\\d(?:[*{]|(?=/|$))", lambda _: _DIGITS),
    (r"\[[^\[\]]+\]\+|\\[wsDWS](?:[*+{]|(?=/|$))|(?<=/)\.\+", lambda _: _CAPTURE),
    (r"\\(?P<plain>[./])", lambda found: f"write {found['plain']}"),
    (r"(?<=/)\.\*(?=[^/])", lambda _: "write *"),
)
"""Parts that an address pattern hardly ever has, and what to write instead."""

_SUSPICIOUS: Final = ("(", "\\", "^", "+", ".*")
"""One of these is in each of them: the expressions are compiled only where they may be found."""


def regular_expression_hint(pattern: str) -> str:
    """The problem of a pattern that is written as a regular expression, and its fix; or "".

    Whatever can be meant as an address pattern is not reported, for example ``/a.*``, which
    matches ``/a.b``, and ``/(x)``. Nor is ``.*`` as a whole part, which is read as ``*``.
    """
    if not any(each in pattern for each in _SUSPICIOUS):
        return ""
    for sign, fix in _SIGNS:
        if found := re.search(sign, pattern[:MAX_READ]):
            text = f"{found[0]!r} looks like a regular expression, which an address pattern is not"
            return f"{text}; {fix(found)}"
    return ""
