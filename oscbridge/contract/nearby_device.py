"""A device that was found, as an endpoint that could be added."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from oscbridge.toml_text import TomlValue

__all__ = ["NearbyDevice"]


@dataclass(frozen=True)
class NearbyDevice:
    """A device, and the options of an endpoint that reaches it."""

    name: str
    """Its own name, e.g. ``Launchpad Mini MIDI 1``."""
    options: Mapping[str, TomlValue]
    """The options of an endpoint of this type, without ``type``: ``{"input": "Launchpad"}``."""
    place: str = ""
    """Where it is, human-readable: ``192.168.1.5:9000``, ``/dev/ttyUSB0``."""
