"""The cells of a table in a terminal. Text from the network is escaped in all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar

from rich.table import Table
from rich.text import Text

from oscbridge.logs.format import visible

__all__ = [
    "BAR",
    "RIGHT",
    "SHORT_BAR",
    "age",
    "bar",
    "columns",
    "curve",
    "cut",
    "duration",
    "line",
    "number",
    "per_second",
    "reasons",
]

BAR: Final = 10
"""Columns of a queue's bar."""

SHORT_BAR: Final = 4
"""Columns of a queue's bar in a narrow terminal."""

RIGHT: Final = -1
"""The width of a column of numbers: as wide as needed, aligned to the right."""


def columns(*columns: tuple[str, int]) -> Table:
    """Columns by heading and maximum width; 0 takes a share of the remaining width."""
    table = Table(box=None, expand=True, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for heading, width in columns:
        table.add_column(
            heading,
            ratio=None if width else 1,
            max_width=width if width > 0 else None,
            justify="right" if width == RIGHT else "left",
            no_wrap=True,
            overflow="ellipsis",
        )
    return table


_Part = TypeVar("_Part")


def cut(parts: Sequence[_Part], room: int, more: Callable[[int], _Part]) -> list[_Part]:
    """At most ``room`` parts; the last one gives the number of omitted parts."""
    if len(parts) <= room:
        return list(parts)
    return [*parts[: room - 1], more(len(parts) - room + 1)]


def line(text: str, style: str = "") -> Text:
    return Text(visible(text), style, no_wrap=True, overflow="ellipsis")


def number(value: float, style: str = "") -> Text:
    return Text(per_second(value), style if value else "dim")


def per_second(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or not value else f"{value:.1f}"


def reasons(now: Mapping[str, int], before: Mapping[str, int] | None) -> Text:
    """Counts by reason; those that have grown since ``before`` are red, if it is known."""
    if not any(now.values()):
        return Text("0", "dim")
    text = Text(no_wrap=True, overflow="ellipsis")
    for reason, count in now.items():
        if not count:
            continue
        grows = before is not None and count > before.get(reason, 0)
        style = "bold red" if grows else "yellow"
        text.append(", " if text else "").append(f"{count:,} {visible(reason)}", style)
    return text


def age(seconds: float) -> str:
    """How long ago something happened."""
    return duration(seconds) if seconds >= 1 else "now"


def bar(queued: int, size: int, width: int = BAR) -> Text:
    share = min(queued / max(size, 1), 1.0)
    filled = max(round(share * width), 1 if queued else 0)
    style = "red" if share > 0.8 else "yellow" if share > 0.3 else "green"
    return Text.assemble(
        ("█" * filled, style),
        ("░" * (width - filled), "dim"),
        (f" {queued:,}", "" if queued else "dim"),
    )


def curve(values: Sequence[float]) -> str:
    most = max(values, default=0.0)
    if not most:
        return ""
    return "".join(_STEPS[round(each / most * (len(_STEPS) - 1))] for each in values)


_STEPS: Final = "▁▂▃▄▅▆▇█"


def duration(seconds: float) -> str:
    """A duration in its two largest units."""
    whole = max(int(seconds), 0)
    days, hours, minutes = whole // 86_400, whole // 3_600 % 24, whole // 60 % 60
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    if minutes:
        return f"{minutes} min {whole % 60} s"
    return f"{whole} s"
