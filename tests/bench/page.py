"""Writes the tables of docs/explanation/performance.md and README.md: ``make bench ARGS=--write``.

Both quote one run. Each table is between two comments, of which the first names the section.
"""

from __future__ import annotations

import os
import platform
import re
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import Final

from measured import Capacity, Goal

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs/explanation/performance.md"
README: Final = ROOT / "README.md"

MARKED: Final = re.compile(r"(<!-- bench: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
"""A table: its beginning, its section, its end."""

MACHINE, QUOTE = "machine", "quote"
"""Texts that belong to no section: the machine, and the figures that README quotes."""

QUOTED: Final = (
    "receive, blocking, 1 address mapped",
    "receive, blocking, 1,000 addresses mapped",
    "OSC over TCP to OSC over UDP",
    "OSC over TCP to 1 WebSocket client",
    "OSC over TCP to 50 WebSocket clients, each",
    "OSC over TCP to MQTT, QoS 1",
    "OSC over TCP to MIDI over TCP",
    "forking server with `max_messages_per_child = 1000`",
    "1,000/s to 200 WebSocket clients, 99th percentile of the delivery",
    "start to the first message at a WebSocket client",
    "at rest, memory",
)
"""What README quotes."""

ATTEMPTS: Final = 3
"""Times that a section is measured until no message is missing."""

Measured = Goal | Capacity


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def sections(text: str) -> list[str]:
    """The sections whose tables a page has, in its order."""
    names = [found[2] for found in MARKED.finditer(text)]
    return [name for name in names if name not in (MACHINE, QUOTE)]


def measure(section: str) -> list[Measured] | str:
    """All figures of a section, or why there are none.

    It is measured again if messages are missing, as other load on the machine makes it.
    """
    for _ in range(ATTEMPTS):
        try:
            return _measure(section)
        except RuntimeError as error:
            problem = str(error)
            print(f"{section}: {problem}", file=sys.stderr)
    return problem


def _measure(section: str) -> list[Measured]:
    module = import_module(section)
    found: list[Measured] = []
    for name in ("goals", "capacities"):
        if hasattr(module, name):
            found += getattr(module, name)()
    return found


def render(found: Iterable[Measured] | str) -> str:
    """The table of a section."""
    if isinstance(found, str):
        return f"Not measured: {found}.\n"
    goals = [each.cells for each in found if isinstance(each, Goal)]
    capacities = [each.cells for each in found if isinstance(each, Capacity)]
    text = table(("", "oscbridge", "peer", "goal", ""), goals) if goals else ""
    if capacities:
        text += table(("", "messages/s", "CPU time per message, µs"), capacities)
    return text


def quote(found: Iterable[Measured]) -> str:
    """The table of README: some of the same figures."""
    return table(("", "oscbridge", "peer"), _quoted({_name(each): each for each in found}))


def _name(measured: Measured) -> str:
    return measured.name if isinstance(measured, Goal) else measured.combination


def _quoted(found: dict[str, Measured]) -> Iterator[tuple[str, str, str]]:
    for name in QUOTED:
        measured = found[name]
        if isinstance(measured, Goal):
            yield measured.cells[:3]
        else:
            _, rate, cpu = measured.cells
            yield name, f"{rate} messages/s, {cpu} µs of CPU time each", ""


def machine() -> str:
    """The machine of the measurements."""
    python, cores = platform.python_version(), os.cpu_count()
    return f"Measured on {time.strftime('%Y-%m-%d')} with CPython {python} on {cores} cores.\n"


def write() -> None:
    """Measure all sections of the page, then write both."""
    page = PAGE.read_text()
    found: dict[str, list[Measured] | str] = {}
    for name in sections(page):
        began = time.monotonic()
        found[name] = measure(name)
        print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr)
    texts = {name: render(each) for name, each in found.items()} | {MACHINE: machine()}
    measured = [each for each in found.values() if not isinstance(each, str)]
    texts[QUOTE] = quote(chain.from_iterable(measured))
    for path in (PAGE, README):
        path.write_text(fill(path.read_text(), texts))


def fill(text: str, texts: dict[str, str]) -> str:
    """A page with other tables."""
    return MARKED.sub(lambda found: f"{found[1]}{texts[found[2]]}{found[3]}", text)
