"""Matches that can be turned round: literal text and captures only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from typing import Final

from oscbridge.bridge.addresses.capturing import CapturePattern
from oscbridge.errors import PatternError
from oscbridge.osc.number_range import expand_addresses
from oscbridge.osc.pattern import Pattern, is_pattern
from oscbridge.osc.pattern_parser import Capture, LiteralText, parse_pattern, with_stars
from oscbridge.templates.placeholders import Placeholder

__all__ = ["MAX_SHAPES", "AddressShape", "shapes_of", "take_apart"]

MAX_SHAPES: Final = 1_024
"""Addresses that one match is written out to."""


class AddressShape:
    """An address of literal text and captures: ``/ch/{n}/mix/fader``."""

    def __init__(self, text: str, tokens: Sequence[LiteralText | Capture]) -> None:
        self.text = text
        self._tokens = tuple(tokens)

    @property
    def is_literal(self) -> bool:
        """Whether it stands for one address."""
        return all(isinstance(token, LiteralText) for token in self._tokens)

    @cached_property
    def pattern(self) -> CapturePattern:
        """The pattern that matches it."""
        return CapturePattern(self.text)

    @cached_property
    def _captures(self) -> Mapping[str, str]:
        """Its captures as written, by name."""
        return {
            token.name: f"{{{token.name}{'*' if token.crosses else ''}}}"
            for token in self._tokens
            if isinstance(token, Capture)
        }

    def fill(self, captures: Mapping[str, str]) -> str:
        """The address with these captures."""
        return "".join(
            token.text if isinstance(token, LiteralText) else captures[token.name]
            for token in self._tokens
        )

    def pattern_of(self, parts: Sequence[str | Placeholder]) -> str | None:
        """An address template as a pattern with the same captures.

        None if not each capture is in it once: then it cannot be turned round.
        """
        names = [part.name for part in parts if isinstance(part, Placeholder)]
        if sorted(names) != sorted(self._captures):
            return None
        text = "".join(p if isinstance(p, str) else self._captures[p.name] for p in parts)
        try:
            Pattern(text, mapped=True)
        except PatternError:  # a capture of several parts that is not at the end
            return None
        return text


def shapes_of(match: str) -> Iterator[AddressShape]:
    """A match with its ranges and alternatives written out, without those with wildcards."""
    for text, _ in islice(expand_addresses(with_stars(match)), MAX_SHAPES):
        tokens = parse_pattern(text, mapped=True)
        known = [token for token in tokens if isinstance(token, LiteralText | Capture)]
        if len(known) == len(tokens):
            yield AddressShape(text, known)


def take_apart(parts: Sequence[str | Placeholder]) -> tuple[str, str] | None:
    """The texts before and after ``{address}``; None if there is something else."""
    texts = [part if isinstance(part, str) else "\0" for part in parts]
    if sum(not isinstance(part, str) for part in parts) != 1:
        return None
    start, _, end = "".join(texts).partition("\0")
    return None if is_pattern(start + end) else (start, end)
