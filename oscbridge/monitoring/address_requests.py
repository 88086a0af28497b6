"""The request that lists known addresses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final

from oscbridge.address_space.address_book import AddressBook
from oscbridge.address_space.info import AddressInfo
from oscbridge.address_space.info_json import JSONInfo, json_of
from oscbridge.address_space.info_text import range_text
from oscbridge.address_space.limits import MAX_NODES
from oscbridge.bridge.addresses.space import AddressSpace
from oscbridge.errors import PatternError
from oscbridge.monitoring.address_table import Row
from oscbridge.monitoring.control_requests import BadRequest, Request, number
from oscbridge.suggestions import suggest

__all__ = ["MAX_ABOUT", "about", "answer_addresses", "described", "viewed_in"]

BATCH: Final = 500
"""Addresses in one line: other requests are answered in between."""

MAX_ABOUT: Final = 100
"""Characters about an address in ``top``."""

MAX_CONFLICTS: Final = 100
"""Conflicts that are listed; the others are only counted."""


def viewed_in(request: Request, names: Sequence[str]) -> Sequence[str]:
    """The endpoint whose view a request is about, if there is such an endpoint."""
    name = request.get("visible_to")
    return [name] if isinstance(name, str) and name in names else []


def answer_addresses(
    request: Request, space: AddressSpace, names: Sequence[str]
) -> Iterator[Mapping[str, object]]:
    """Lines with addresses, then a line about all of them. Raises :class:`BadRequest`.

    ``match`` selects some, ``part`` those that the peers of a bridge or endpoint know,
    ``visible_to`` those that an endpoint sees, and ``limit`` the first ones.
    """
    match = request.get("match")
    if not isinstance(match, str | None):
        raise BadRequest("match: expected a pattern")
    limit = int(number(request.get("limit", MAX_NODES), "limit", 0, MAX_NODES))
    book = _book(request, space, names)
    try:
        chosen = book.matching(match) if match else list(book)
    except PatternError as error:
        raise BadRequest(str(error)) from None
    conflicts = dict(space.conflicts)
    summary = {
        "total": len(chosen),
        "known": len(book),
        "ignored": dict(space.ignored),
        "conflicts": dict(islice(conflicts.items(), MAX_CONFLICTS)),
        "conflict_count": len(conflicts),
    }
    return _lines(book, chosen[:limit], summary)


def described(rows: Iterable[Row], space: AddressSpace) -> list[Row]:
    """Rows with the facts about their addresses."""
    known = space.known
    return [
        row if (info := known.get(row.address)) is None else row._replace(about=about(info))
        for row in rows
    ]


def about(info: AddressInfo) -> str:
    """A range and a description, truncated."""
    ranges = dict.fromkeys(range_text(each) for each in info.ranges if each is not None)
    text = "  ".join(filter(None, (", ".join(ranges), info.description)))
    return text if len(text) <= MAX_ABOUT else text[: MAX_ABOUT - 1] + "…"


def _lines(
    book: AddressBook, chosen: Sequence[str], summary: Mapping[str, object]
) -> Iterator[Mapping[str, object]]:
    for start in range(0, len(chosen), BATCH):
        infos: list[JSONInfo] = [json_of(book[each]) for each in chosen[start : start + BATCH]]
        yield {"addresses": infos}
    yield summary


def _book(request: Request, space: AddressSpace, names: Sequence[str]) -> AddressBook:
    for key, book_of in (("part", space.book), ("visible_to", space.visible_to)):
        name = request.get(key)
        if name is not None:
            if name not in names:
                hint = suggest(str(name), names)
                raise BadRequest(f"{name!r}: no such bridge or endpoint; {hint}")
            return book_of(str(name))
    return space.known
