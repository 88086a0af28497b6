"""The view of ``oscbridge top``: from snapshots of a process to renderables of rich. Pure.

Names, addresses and values come from the network. They are never interpreted as markup, and
control characters are escaped.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple, TypeAlias

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from oscbridge.bridge.sinks.drops import STANDBY
from oscbridge.cli.top_cells import (
    BAR,
    RIGHT,
    SHORT_BAR,
    age,
    bar,
    columns,
    curve,
    cut,
    duration,
    line,
    number,
    per_second,
    reasons,
)
from oscbridge.cli.top_notes import notes
from oscbridge.cli.top_rates import growth, rates, received
from oscbridge.cli.top_routes import routes
from oscbridge.logs.format import visible
from oscbridge.monitoring.address_table import Row
from oscbridge.monitoring.control_client import RunningProcess
from oscbridge.monitoring.snapshots import Snapshot
from oscbridge.status.leader_status import LeaderStatus
from oscbridge.status.status import BridgeStatus, EndpointStatus

__all__ = ["HISTORY", "Order", "View", "rates", "view"]

HISTORY: Final = 40
"""Snapshots whose rates are drawn as a curve."""

WIDE: Final = 110
"""Columns from which types, peers and delays are shown, and longer bars."""

NAME: Final = 20
"""Columns of a name."""

PLACE: Final = 44
"""Columns of an address or location, at most."""

MORE_COLUMNS: Final = 8
"""Columns that endpoints need more than bridges in a narrow terminal."""

FRESH: Final = 5
"""Seconds for which a value counts as new."""

MAX_PROBLEMS: Final = 5
"""Problems that are shown, at most."""

MAX_LINES: Final = 1_000
"""Lines of a snapshot that is not printed to a terminal."""

Order: TypeAlias = Literal["rate", "recent"]


class View(NamedTuple):
    """The input of a view."""

    process: RunningProcess
    now: Snapshot
    before: Snapshot | None
    """The previous snapshot, for the rates."""
    history: Sequence[tuple[float, float]]
    """Messages per second in and out, of the last snapshots, the latest last."""
    order: Order
    width: int
    """Columns of the terminal."""
    height: int | None
    """Lines of the terminal; None for any number."""
    hint: str = ""
    """A line about the keys."""


def view(shown: View) -> RenderableType:
    """One screen, no higher than the terminal."""
    status, wide = shown.now.status, shown.width >= WIDE
    problems = cut([_problem(each) for each in status.problems], MAX_PROBLEMS, _and_more)
    noted = notes(shown.now, shown.before)
    parts: list[RenderableType] = [_title(shown), _totals(shown), *problems, *noted]
    room = MAX_LINES if shown.height is None else shown.height - len(parts) - bool(shown.hint)
    # Endpoints have priority: messages are lost there.
    if status.bridges:
        lines = min(len(status.bridges), max(room // 2 - 4, 1))
        parts += ["", _bridges(shown, lines)]
        room -= lines + 2
    if status.endpoints:
        lines = min(len(status.endpoints), max(room - 5, 1))
        parts += ["", _endpoints(shown, lines)]
        room -= lines + 2
    share = max(room // 2 - 3, room - len(shown.now.rows) - 4)
    if (lines := min(len(status.routes), share)) > 0:
        parts += ["", routes(shown.now, shown.before, lines, shown.width if wide else 0)]
        room -= lines + 2
    if room > 2:
        lines = min(len(shown.now.rows), room - 2)
        parts += ["", _addresses(shown, lines)]
        room -= lines + 2
    if shown.hint:
        parts += [""] * room
        parts.append(line(shown.hint, "dim"))
    return Group(*parts)


# --- the parts ---------------------------------------------------------------------------------


def _title(shown: View) -> RenderableType:
    process = shown.process
    left = Text.assemble(
        ("oscbridge ", "bold"),
        (visible(process.configuration), "bold cyan"),
        (f"  pid {process.pid}  up {duration(time.time() - process.since)}", "dim"),
        no_wrap=True,
        overflow="ellipsis",
    )
    table = Table.grid(expand=True)
    table.add_column(ratio=1)
    table.add_column(justify="right")
    now = (time.strftime("%H:%M:%S"), "dim")
    table.add_row(left, Text.assemble(*_role(shown.now.status.leader), now))
    return table


def _role(leader: LeaderStatus | None) -> list[tuple[str, str]]:
    """The role of a bridge with a backup."""
    if leader is None:
        return []
    style = "bold green" if leader.role == "leader" else "bold yellow"
    return [("  ", ""), (visible(leader.text), style), ("  ", "")]


def _totals(shown: View) -> RenderableType:
    status = shown.now.status
    coming, going = shown.history[-1] if shown.history else (0.0, 0.0)
    dropped = sum(sum(each.lost.values()) for each in status.endpoints)
    dropped += sum(sum(each.failed.values()) for each in status.routes)
    dropped += sum(sum(each.lost.values()) for each in received(shown.now))
    bad = sum(sum(each.bad.values()) for each in received(shown.now))
    return Text.assemble(
        ("in ", "dim"),
        (f"{per_second(coming)}/s ", "bold"),
        (curve([each for each, _ in shown.history]), "cyan"),
        ("  out ", "dim"),
        (f"{per_second(going)}/s ", "bold"),
        (curve([each for _, each in shown.history]), "green"),
        ("  bad ", "dim"),
        (f"{bad:,}", "yellow" if bad else "dim"),
        ("  dropped ", "dim"),
        (f"{dropped:,}", "yellow" if dropped else "dim"),
        no_wrap=True,
        overflow="ellipsis",
    )


def _problem(text: str) -> Text:
    return line(f"✖ {text}", "bold red")


def _and_more(count: int) -> Text:
    return Text(f"… {count} more", "bold red")


def _bridges(shown: View, lines: int) -> Table:
    table = columns(
        *(("BRIDGE", NAME), ("WHERE", _place(shown)), ("MODE", NAME)),
        *(("IN/S", RIGHT), ("BAD/S", RIGHT), ("DROPPED", 0)),
    )
    before = {} if shown.before is None else {e.name: e for e in shown.before.status.bridges}
    rows = [_bridge(each, before.get(each.name), shown) for each in shown.now.status.bridges]
    for row in cut(rows, lines, lambda count: [Text(f"… {count} more", "dim")]):
        table.add_row(*row)
    return table


def _bridge(now: BridgeStatus, before: BridgeStatus | None, shown: View) -> list[Text]:
    old = None if before is None else before.received
    bad = _per_second(
        shown, sum(now.received.bad.values()), None if old is None else sum(old.bad.values())
    )
    return [
        line(now.name, "bold red" if now.problem else "bold"),
        line(now.address, "cyan"),
        line(now.mode),
        number(_per_second(shown, now.received.messages, None if old is None else old.messages)),
        number(bad, "yellow"),
        reasons(now.received.lost, None if old is None else old.lost),
    ]


def _endpoints(shown: View, lines: int) -> Table:
    wide = shown.width >= WIDE
    table = columns(
        *(("ENDPOINT", NAME), *([("TYPE", NAME)] if wide else [])),
        ("WHERE", _place(shown, 0 if wide else MORE_COLUMNS)),
        *([("CLIENTS", RIGHT)] if _has_clients(shown) else []),
        *(("HEARD", RIGHT), ("IN/S", RIGHT), ("QUEUE", NAME), ("OUT/S", RIGHT)),
        *([("DELAY", RIGHT)] if wide else []),
        ("DROPPED", 0),
    )
    before = {} if shown.before is None else {e.name: e for e in shown.before.status.endpoints}
    rows = [_endpoint(each, before.get(each.name), shown) for each in shown.now.status.endpoints]
    for row in cut(rows, lines, lambda count: [Text(f"… {count} more", "dim")]):
        table.add_row(*row)
    return table


def _endpoint(now: EndpointStatus, before: EndpointStatus | None, shown: View) -> list[Text]:
    style = "bold" if now.connected else "bold red" if now.needed else "bold dim"
    is_well = now.connected and not now.problem
    where = line(now.where, "cyan") if is_well else line(now.problem or "not yet", "red")
    wide = shown.width >= WIDE
    old = None if before is None else before.received.messages
    silence = now.received.silence
    queue = bar(now.queued + now.in_flight, now.queue_size, BAR if wide else SHORT_BAR)
    return [
        line(now.name, style),
        *([line(now.type)] if wide else []),
        where,
        *([Text("" if now.clients is None else f"{now.clients:,}")] if _has_clients(shown) else []),
        line("-" if silence is None else age(silence), "dim"),
        number(_per_second(shown, now.received.messages, old)),
        queue if now.is_sink else line("source", "dim"),
        number(_per_second(shown, now.sent, None if before is None else before.sent)),
        *([_delay(now, before)] if wide else []),
        _lost(now, before),
    ]


def _lost(now: EndpointStatus, before: EndpointStatus | None) -> Text:
    """The messages that were lost, and those that another bridge delivers."""
    lost = reasons(now.lost, None if before is None else before.lost)
    if not now.standby:
        return lost
    stood_by = Text(f"{now.standby:,} {STANDBY}", "dim", no_wrap=True, overflow="ellipsis")
    return lost.append(", ").append(stood_by) if any(now.lost.values()) else stood_by


def _has_clients(shown: View) -> bool:
    """Whether an endpoint serves clients."""
    return any(each.clients is not None for each in shown.now.status.endpoints)


def _place(shown: View, others: int = 0) -> int:
    """Columns that remain for the location."""
    return min(max(shown.width - 58 - others, 12), PLACE)


def _addresses(shown: View, lines: int) -> Table:
    now = shown.now
    sort = {"rate": "busiest first", "recent": "latest first"}[shown.order]
    heading = f"ADDRESS  {now.addresses:,}, {sort}"
    peers = shown.width >= WIDE
    table = columns(
        *(("FROM → TO", NAME), (heading, 0), *([("PEER", NAME)] if peers else [])),
        *(("/S", RIGHT), ("AGE", RIGHT), ("LAST VALUE", 0)),
    )
    key = _by_rate if shown.order == "rate" else _by_age
    for row in sorted(now.rows, key=key)[:lines]:
        style = "" if row.age < FRESH else "dim"
        tags = f",{row.types}  " if row.types else ""
        about = (f"   {visible(row.about)}" if row.about and peers else "", "dim italic")
        table.add_row(
            _way(row),
            line(row.address, style),
            *([line(row.peer, "dim")] if peers else []),
            number(row.rate),
            line(age(row.age), "dim"),
            Text.assemble((visible(tags), "dim"), (visible(row.values), style), about),
        )
    return table


def _way(row: Row) -> Text:
    """``stage → web``. A message that is sent nowhere has nothing after the arrow."""
    return Text.assemble(
        (visible(", ".join(row.sources)), "cyan"),
        (" → " if row.sources else "→ ", "dim"),
        (visible(", ".join(row.sinks)), "green"),
    )


def _by_rate(row: Row) -> tuple[float, str]:
    # Two digits: otherwise rows would swap places all the time.
    return -float(f"{row.rate:.2g}"), row.address


def _by_age(row: Row) -> tuple[float, str]:
    return round(row.age), row.address


def _per_second(shown: View, now: int, before: int | None) -> float:
    return growth(shown.now, shown.before, now, before)


def _delay(now: EndpointStatus, before: EndpointStatus | None) -> Text:
    """The mean time from routed to delivered, since the previous snapshot."""
    if before is None:
        return Text("")
    count = sum(now.latency.counts) - sum(before.latency.counts)
    if count <= 0:
        return Text("")
    milliseconds = (now.latency.total - before.latency.total) / count * 1000
    style = "red" if milliseconds > 100 else "yellow" if milliseconds > 20 else ""
    return Text(f"{milliseconds:,.1f} ms", style)
