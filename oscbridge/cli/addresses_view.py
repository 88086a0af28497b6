"""The table of ``oscbridge addresses``. Text from the network is escaped."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Final

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from oscbridge.address_space.grouping import AddressGroup, grouped
from oscbridge.address_space.info import Access, AddressInfo, ValueRange
from oscbridge.address_space.info_json import info_of
from oscbridge.address_space.info_text import range_text
from oscbridge.cli.top_cells import line
from oscbridge.errors import OSCBridgeError
from oscbridge.monitoring.control_calls import KnownAddresses

__all__ = ["print_addresses"]

WIDE: Final = 1_000
"""Columns when the output is not a terminal."""

MAX_CELL: Final = 32
"""Characters of ranges, and of a unit."""

_COLUMNS: Final = (
    *(("ADDRESS", 4, 0), ("TYPES", 0, 0), ("RANGE", 0, 0), ("UNIT", 0, 80), ("ACCESS", 0, 0)),
    *(("KNOWN FROM", 1, 100), ("DESCRIPTION", 3, 0)),
)
"""Headings, shares of the remaining width (0: as wide as needed), and the width of a terminal from
which they are shown."""

_ACCESS: Final = {Access.NONE: "-", Access.READ: "r", Access.WRITE: "w", Access.BOTH: "rw"}

_REASONS: Final = {
    "nodes": "more than 20,000 addresses",
    "containers": "more than 20,000 containers",
    "characters": "more than 2,000,000 characters",
    "learned": "more than learn_addresses",
    "captures": "several captures or wildcards in a part of a match, which take long",
    "depth": "more than 32 parts",
    "address": "more than 512 characters",
    "invalid": "not valid addresses",
    "types": "invalid type tags",
    "text": "texts shortened",
}
"""Why something was left out, in words."""


def print_addresses(found: KnownAddresses, *, one_by_one: bool) -> None:
    """Print the table, and notes about it on standard error."""
    try:
        infos = [info_of(each) for each in found.addresses]
    except (KeyError, TypeError) as error:
        raise OSCBridgeError("the bridge runs an incompatible version") from error
    groups = [AddressGroup(each, 1) for each in infos] if one_by_one else list(grouped(infos))
    is_terminal = sys.stdout.isatty()
    console = Console(highlight=False, markup=False, width=None if is_terminal else WIDE)
    if groups:
        table = _table([each.info for each in groups], console.width if is_terminal else None)
        console.print(table, soft_wrap=True)
    for text in _notes(found, len(groups)):
        click.echo(text, err=True)


def _table(infos: Sequence[AddressInfo], terminal: int | None) -> Table:
    """The table; in a terminal of a width, which it fills, with the columns that have content."""
    is_wide = terminal is None
    table = Table(
        box=None, expand=not is_wide, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim"
    )
    rows = [list(_row(info)) for info in infos]
    shown = []
    for index, (heading, ratio, least) in enumerate(_COLUMNS):
        if terminal is None or (terminal >= least and any(row[index] for row in rows)):
            shown.append(index)
            share = None if is_wide or not ratio else ratio
            table.add_column(heading, ratio=share, no_wrap=True, overflow="ellipsis")
    for row in rows:
        table.add_row(*(row[index] for index in shown))
    return table


def _row(info: AddressInfo) -> Iterator[Text]:
    yield line(info.address, "cyan")
    yield line(info.types or "-", "" if info.types else "dim")
    yield line(_ranges(info.ranges))
    yield line(_cut(info.curve or info.unit))
    yield line(_ACCESS[info.access])
    yield line(info.origin, "dim")
    yield line(info.description)


def _ranges(ranges: Sequence[ValueRange | None]) -> str:
    known = ["-" if each is None else range_text(each) for each in ranges]
    if len(set(known)) == 1:
        known = known[:1]
    return _cut(", ".join(known))


def _cut(text: str) -> str:
    return text if len(text) <= MAX_CELL else text[: MAX_CELL - 1] + "…"


def _notes(found: KnownAddresses, lines: int) -> Iterator[str]:
    shown = len(found.addresses)
    if not found.known:
        yield (
            "no known addresses; give an endpoint a profile, or set learn_addresses in [run] to "
            "learn them from messages"
        )
    elif not found.total:
        yield f"none of {_count(found.known)} matches"
    else:
        more = f" of {found.total:,}" if shown < found.total else ""
        ranges = f" in {lines:,} lines; --all lists each" if lines < shown else ""
        yield click.style(f"{_count(shown, more)}{ranges}", dim=True)
    if found.conflict_count:
        address, text = next(iter(found.conflicts.items()))
        yield click.style(
            f"contradictory type tags of {_count(found.conflict_count)}, e.g. {address}: {text}",
            fg="yellow",
        )
    if found.ignored:
        parts = [f"{count:,} ({_REASONS.get(why, why)})" for why, count in found.ignored.items()]
        yield click.style(f"left out or shortened: {', '.join(parts)}", fg="yellow")


def _count(number: int, more: str = "") -> str:
    return f"{number:,}{more} address{'' if number == 1 and not more else 'es'}"
