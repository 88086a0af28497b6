"""Ranges of numbers in mapped addresses: ``/ch/{01..32}/mix/fader``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product
from math import prod
from typing import Final

from oscbridge.errors import PatternError

__all__ = ["MAX_RANGE", "count_addresses", "expand_addresses", "expand_range"]

MAX_RANGE: Final = 1_024
"""Numbers of one range."""

_RANGE: Final = re.compile(r"([0-9]{1,9})\.\.([0-9]{1,9})")
_IN_ADDRESS: Final = re.compile(r"\{([^{}]*)\}")


def expand_range(text: str) -> tuple[str, ...] | None:
    """The numbers of ``01..32``, padded with zeros as the first one; None if it is not a range.

    Raises :class:`PatternError` for a range that goes down or is too long.
    """
    found = _RANGE.fullmatch(text)
    if found is None:
        return None
    low, high = int(found[1]), int(found[2])
    if low > high:
        raise PatternError(f"the range {{{text}}} goes down; write {{{found[2]}..{found[1]}}}")
    if high - low >= MAX_RANGE:
        raise PatternError(f"the range {{{text}}} has more than {MAX_RANGE} numbers")
    width = len(found[1]) if found[1].startswith("0") else 1
    return tuple(f"{number:0{width}}" for number in range(low, high + 1))


def count_addresses(address: str) -> int:
    """The number of addresses that :func:`expand_addresses` gives. Raises :class:`PatternError`."""
    return prod(len(each) for each in _choices(address))


def expand_addresses(address: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """All addresses that an address with ranges and alternatives means, in order.

    Each comes with the texts chosen for its braces: ``/ch/{01..32}/{mix,eq}/on`` begins with
    ``/ch/01/mix/on`` and ``("01", "mix")``. ``{name}`` is a capture and stays as it is. Raises
    :class:`PatternError`.
    """
    parts = _IN_ADDRESS.split(address)
    for chosen in product(*_choices(address)):
        texts = list(parts)
        texts[1::2] = chosen
        yield "".join(texts), chosen


def _choices(address: str) -> list[tuple[str, ...]]:
    return [_alternatives(text) for text in _IN_ADDRESS.findall(address)]


def _alternatives(text: str) -> tuple[str, ...]:
    """What braces in a mapped address stand for; a capture only for itself."""
    texts = [each for piece in text.split(",") for each in expand_range(piece) or (piece,)]
    return tuple(dict.fromkeys(texts)) if len(texts) > 1 else (_single(text, texts[0]),)


def _single(text: str, expanded: str) -> str:
    return expanded if ".." in text else f"{{{text}}}"
