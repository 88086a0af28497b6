"""The routes in ``oscbridge top``. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.table import Table
from rich.text import Text

from oscbridge.cli.top_cells import RIGHT, columns, line, number, reasons
from oscbridge.cli.top_rates import growth
from oscbridge.monitoring.snapshots import Snapshot
from oscbridge.status.route_status import RouteMessages, RouteStatus

__all__ = ["routes"]

NAME: Final = 20
WIDE_NAME: Final = 40
"""Columns of a name, of a way and of a match, at most."""

OTHERS: Final = 67
"""Columns of the others in a wide terminal."""

STATE: Final = 15
"""Columns of a state."""


def routes(now: Snapshot, before: Snapshot | None, lines: int, wide: int) -> Table:
    """At most ``lines`` routes, in the order of the file.

    ``wide`` is the width of the terminal, 0 for a narrow one.
    If there are more, failing and muted ones have priority, then the busiest.
    """
    known = now.status.routes
    old = {} if before is None else {each.id: each for each in before.status.routes}
    rates = {each.id: _rates(now, before, each, old.get(each.id)) for each in known}
    shown = _most_important(known, rates, lines)
    has_states = any(map(_state, shown))
    width = min((wide - OTHERS) // 3, WIDE_NAME) if wide else NAME
    table = columns(
        *(("ROUTE", width), *([("STATE", STATE)] if has_states else []), ("FROM → TO", width)),
        *([("MATCH", width)] if wide else []),
        *(("IN/S", RIGHT), ("OUT/S", RIGHT), *([("HELD", RIGHT)] if wide else [])),
        ("DROPPED", 0),
    )
    for each in shown:
        came, went = rates[each.id]
        last = old.get(each.id)
        table.add_row(
            line(each.name or f"{each.number} {each.match}", _style(each)),
            *([line(_state(each), "yellow" if each.muted else "dim")] if has_states else []),
            _way(each),
            *([line(each.match)] if wide else []),
            number(came),
            number(went),
            *([_held(each)] if wide else []),
            reasons(each.failed, None if last is None else last.failed),
        )
    if len(shown) < len(known):
        table.add_row(Text(f"… {len(known) - len(shown)} more", "dim"))
    return table


def _most_important(
    known: Sequence[RouteStatus], rates: dict[str, tuple[float, float]], lines: int
) -> list[RouteStatus]:
    """As many as fit, above a line about the others."""
    if len(known) <= lines:
        return list(known)
    order = sorted(known, key=lambda each: (not each.failing, not each.muted, -rates[each.id][0]))
    return sorted(order[: lines - 1], key=lambda each: each.number)


def _rates(
    now: Snapshot, before: Snapshot | None, route: RouteStatus, old: RouteStatus | None
) -> tuple[float, float]:
    """Messages per second that it takes, and that it hands to endpoints."""
    taken = growth(now, before, route.messages.taken, None if old is None else old.messages.taken)
    passed = None if old is None else _last(old).passed
    return taken, growth(now, before, _last(route).passed, passed)


def _last(route: RouteStatus) -> RouteMessages:
    """The messages after its function, if it has one."""
    return route.messages if route.results is None else route.results


def _held(route: RouteStatus) -> Text:
    held = _last(route).held
    return Text(f"{held:,}", "" if held else "dim")


def _way(route: RouteStatus) -> Text:
    sources, to = line(", ".join(route.sources), "cyan"), line(", ".join(route.to), "green")
    return Text.assemble(sources, (" → ", "dim"), to, no_wrap=True, overflow="ellipsis")


def _state(route: RouteStatus) -> str:
    words = [word for word, on in (("disabled", not route.enabled), ("muted", route.muted)) if on]
    return ", ".join(words)


def _style(route: RouteStatus) -> str:
    if route.failing:
        return "bold red"
    return "bold" if route.enabled and not route.muted else "dim"
