"""The formats that ``oscbridge import`` reads without a plugin. Pure: text in, routes out."""

from __future__ import annotations

from typing import Final

from oscbridge.contract.importing import Importers
from oscbridge.importers import midimonster, osc2mqtt

__all__ = ["BUILT_IN"]

BUILT_IN: Final[Importers] = {
    "osc2mqtt": osc2mqtt.IMPORTER,
    "midimonster": midimonster.IMPORTER,
}
