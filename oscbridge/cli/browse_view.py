"""The view of ``oscbridge browse``: services as a table of rich. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from rich.console import Group, RenderableType
from rich.text import Text

from oscbridge.cli.top_cells import columns, cut, line
from oscbridge.discovery.services import DiscoveredService

__all__ = ["browse_view"]

KINDS: Final = {
    "_osc._udp": "OSC, UDP",
    "_osc._tcp": "OSC, TCP",
    "_oscjson._tcp": "OSCQuery",
    "_apple-midi._udp": "network MIDI",
}
"""What types of services are, in words."""

NAME: Final = 40
PLACE: Final = 24
HOST: Final = 28
"""Columns, at most."""


def browse_view(
    found: Sequence[DiscoveredService], height: int | None, note: str
) -> RenderableType:
    """The services, not higher than ``height`` lines, with a note below."""
    parts: list[RenderableType] = []
    if found:
        table = columns(
            ("NAME", NAME), ("SERVICE", PLACE), ("ADDRESS", PLACE), ("HOST", HOST), ("TEXT", 0)
        )
        room = len(found) if height is None else max(height - 3, 1)
        rows = [_row(each) for each in found]
        for row in cut(rows, room, lambda count: [Text(f"… {count} more", "dim")]):
            table.add_row(*row)
        parts.append(table)
    else:
        parts.append(line("nothing announces itself in this network", "dim"))
    if note:
        parts.append(line(note, "dim"))
    return Group(*parts)


def _row(service: DiscoveredService) -> list[Text]:
    return [
        line(service.name, "bold"),
        line(KINDS.get(service.type, service.type), "green"),
        line(service.place, "cyan"),
        line(service.server, "dim"),
        line(_text(service.properties), "dim"),
    ]


def _text(properties: Mapping[str, str]) -> str:
    return " ".join(f"{key}={value}" if value else key for key, value in properties.items())
