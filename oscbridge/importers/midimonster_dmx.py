"""The backends ``artnet`` and ``sacn`` of midimonster: endpoints for DMX. Pure.

Source: the files backends/{artnet,sacn}.md of https://github.com/cbdevnet/midimonster.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Final

from oscbridge.importers.midimonster_file import Instance
from oscbridge.toml_text import TomlTable, TomlValue

__all__ = ["DMX_BACKENDS", "FINE", "dmx_address", "dmx_table"]

DMX_BACKENDS: Final = ("artnet", "sacn")

FINE: Final = "fine "
"""Before the number of a channel of 16 bits that an instance needs."""

CHANNELS: Final = 512

_PORTS: Final = {"artnet": "6454", "sacn": "5568"}
_SHORT: Final = {"universe": "uni", "destination": "dest", "interface": "iface", "priority": "prio"}
_CHANNEL: Final = re.compile(r"(\d{1,3})(?:\+(\d{1,3}))?")


def dmx_address(
    instance: Instance, text: str, backend: Mapping[str, str], *, is_target: bool
) -> tuple[str, str]:
    """The address of a channel, and what its instance needs for 16 bits. ``ValueError``."""
    if is_target:
        key = "destination" if instance.backend == "artnet" else "priority"
        if not _option(instance, key):
            raise ValueError(f"{instance.name} has no {key!r}, so it only receives")
    found = _CHANNEL.fullmatch(text)
    if found is None or not 1 <= (first := int(found[1])) <= CHANNELS:
        raise ValueError(f"{text!r} is not a channel from 1 to {CHANNELS}")
    if found[2] and (int(found[2]) != first + 1 or first == CHANNELS):
        raise ValueError(f"{text}: 16 bits need two channels side by side, e.g. 1+2")
    address = f"/dmx/{_universe(instance, backend)}/{first}"
    return address, f"{FINE}{first}" if found[2] else ""


def dmx_table(instance: Instance, backend: Mapping[str, str], needs: Collection[str]) -> TomlTable:
    """The endpoint of an instance."""
    universe = _universe(instance, backend)
    table: dict[str, TomlValue] = {"type": instance.backend}
    if "write" in needs:
        destination = ":".join(_option(instance, "destination").split()) or "multicast"
        is_broadcast = destination.startswith("255.255.255.255")
        table["to"] = "broadcast" if is_broadcast else destination
        if instance.backend == "sacn":
            table["priority"] = int(_option(instance, "priority"))
            table |= {"source_name": backend["name"]} if "name" in backend else {}
    if "read" in needs:
        table["receive"] = [universe]
    fine = sorted(int(each.removeprefix(FINE)) for each in needs if each.startswith(FINE))
    if fine:
        table["fine"] = {str(universe): fine}
    number = _option(instance, "interface")
    bind = backend.get("bind" if number in ("", "0") else f"bind{number}", "*")
    host, *port = bind.split()
    if host not in ("", "*", "0.0.0.0", "::"):
        table["interface"] = host
    if port and port[0] != _PORTS[instance.backend]:
        table["port"] = int(port[0])
    return table


def _option(instance: Instance, key: str) -> str:
    return instance.options.get(key, instance.options.get(_SHORT[key], ""))


def _universe(instance: Instance, backend: Mapping[str, str]) -> int:
    """The universe as endpoints number it. Raises ``ValueError``."""
    text = _option(instance, "universe")
    if instance.backend == "sacn":
        if not text.isdecimal():
            raise ValueError(f"{instance.name} has no 'universe'")
        return int(text)
    net = instance.options.get("net", backend.get("net", "0"))
    if not net.isdecimal() or not (text or "0").isdecimal():
        raise ValueError(f"{instance.name}: expected numbers as 'net' and 'universe'")
    return int(net) * 256 + int(text or "0")
