"""A tree as the text of a device profile. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import oscbridge
from oscbridge_oscquery.host_info import HostInfo
from oscbridge_oscquery.tree_reader import MirroredNode

__all__ = ["profile_text"]

MAX_GROUP: Final = 2_000
"""Addresses of a group of a profile."""

MAX_GROUPS: Final = 200
"""Groups of a profile."""

MAX_TITLE: Final = 100
MAX_UNIT: Final = 32
"""Characters of a title and a unit in a profile."""

_ACCESS: Final = {1: "read", 2: "write"}


def profile_text(info: HostInfo, url: str, nodes: Iterable[MirroredNode]) -> str:
    """The file; addresses with ``{`` or other signs of a pattern are left out."""
    head: dict[str, oscbridge.TomlValue] = {"title": (info.name or url)[:MAX_TITLE]}
    if info.osc_port is not None:
        head["port"] = info.osc_port
    lines = [oscbridge.toml_table("", head).strip()]
    groups: dict[str, list[oscbridge.TomlTable]] = {}
    for node in nodes:
        if not oscbridge.is_pattern(node.info.address):
            name = node.info.address.split("/", 2)[1][:60]
            groups.setdefault(name, []).append(_entry(node.info))
    if sum(len(entries) // MAX_GROUP + 1 for entries in groups.values()) > MAX_GROUPS:
        groups = {"addresses": [each for entries in groups.values() for each in entries]}
    for name, entries in groups.items():
        for start in range(0, len(entries), MAX_GROUP):
            part = f" {start // MAX_GROUP + 1}" if start else ""
            lines.append(_group(f"{name}{part}", url, entries[start : start + MAX_GROUP]))
    return "\n\n".join(lines) + "\n"


def _group(name: str, url: str, entries: Sequence[oscbridge.TomlTable]) -> str:
    head = oscbridge.toml_table(
        "[[group]]", {"name": name, "status": "seen", "source": f"the OSCQuery server {url}"}
    )
    lines = [_inline(entry) for entry in entries]
    return "\n".join([head, "addresses = [", *(f"  {line}," for line in lines), "]"])


def _inline(entry: oscbridge.TomlTable) -> str:
    return oscbridge.toml_table("", {"x": entry}).strip().removeprefix("x = ")


def _entry(info: oscbridge.AddressInfo) -> oscbridge.TomlTable:
    entry: dict[str, oscbridge.TomlValue] = {"address": info.address}
    if info.types:
        entry["types"] = info.types
    pairs = [
        [each.minimum, each.maximum]
        for each in info.ranges
        if each is not None and each.minimum is not None and each.maximum is not None
    ]
    if len(info.ranges) == 1 and info.ranges[0] is not None and info.ranges[0].choices:
        entry["choices"] = list(info.ranges[0].choices)
    elif pairs and len(pairs) == len(info.ranges):
        entry["range"] = pairs[0] if len(pairs) == 1 else pairs
    if info.unit:
        entry["unit"] = info.unit[:MAX_UNIT]
    if int(info.access) in _ACCESS:
        entry["access"] = _ACCESS[int(info.access)]
    if info.description:
        entry["description"] = info.description.replace("{", "(").replace("}", ")")
    return entry
