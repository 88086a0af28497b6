"""Captures of many addresses at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final, TypeAlias

from oscbridge.address_space.address_book import AddressBook
from oscbridge.osc.pattern import Pattern, Subject
from oscbridge.osc.pattern_parser import Capture, LiteralText, parse_pattern

__all__ = ["MAX_SLOW", "CapturePattern"]

_Captures: TypeAlias = Mapping[str, str]

MAX_SLOW: Final = 2_000
"""Addresses of which captures are found where that takes long."""

_WITHIN: Final = "([^/]+)"
_ACROSS: Final = "(.+)"


class CapturePattern:
    """A mapped address whose captures are wanted.

    Where no part of it has two captures, a regular expression finds the same and is faster; it
    has nothing to try again, so that no address takes long.
    """

    def __init__(self, text: str) -> None:
        self._pattern = Pattern(text, mapped=True)
        expression = _expression(text)
        self.is_simple = expression is not None
        """Whether there is only one way to read an address."""
        self.left_out = 0
        """Addresses that :meth:`find` left out the last time, as they would take too long."""
        self.capture: Callable[[str], _Captures | None] = self._capture
        """The captures of an address; None if it does not match."""
        if expression is not None:
            names, find = self._pattern.captures, re.compile(expression, re.DOTALL).fullmatch

            def capture(address: str) -> _Captures | None:
                found = find(address)
                return None if found is None else dict(zip(names, found.groups(), strict=True))

            self.capture = capture

    def _capture(self, address: str) -> _Captures | None:
        return self._pattern.capture(Subject(address))

    def find(self, book: AddressBook) -> Iterator[tuple[str, _Captures]]:
        """The addresses that match, in order, with their captures."""
        if self.is_simple and self._pattern.captures:
            found = ((address, self.capture(address)) for address in book)
            yield from ((address, captures) for address, captures in found if captures)
            return
        found_addresses = self._pattern.find(book.subjects)
        self.left_out = max(0, len(found_addresses) - MAX_SLOW)
        for address in found_addresses[:MAX_SLOW]:
            if (captures := self.capture(address)) is not None:
                yield address, captures


def _expression(text: str) -> str | None:
    """The regular expression; None if a part has several captures, or there are wildcards."""
    expression, captures = "", 0
    for token in parse_pattern(text, mapped=True):
        match token:
            case LiteralText(literal):
                expression += re.escape(literal)
                if "/" in literal:
                    captures = 0
            case Capture(_, crosses):
                expression += _ACROSS if crosses else _WITHIN
                captures += 1
            case _:
                return None
        if captures > 1:
            return None
    return expression
