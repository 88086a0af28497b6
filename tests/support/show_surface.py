"""The surface of the theatre of :mod:`show`: its file."""

from __future__ import annotations

import json

__all__ = ["theatre_surface"]

NAMES = ("Prospero", "Miranda", "Ariel", "Caliban", "Gonzalo", "Ferdinand", "Band", "FX")
COLOURS = ("#2b8ed6",) * 4 + ("#30a46c",) * 2 + ("#e0a458", "#b0508f")


def _widget(id_: str, kind: str, label: str, place: str, **more: object) -> dict[str, object]:
    """A control; ``place`` is its column, row, width and height."""
    x, y, w, h = map(int, place.split())
    return {"id": id_, "kind": kind, "label": label, "x": x, "y": y, "w": w, "h": h, **more}


def _house() -> list[dict[str, object]]:
    stage = {"target": "stage", "received": True}
    widgets = []
    for i, (name, colour) in enumerate(zip(NAMES, COLOURS, strict=True), 1):
        fader = {"address": f"/1/fader{i}", "types": "f", "colour": colour, **stage}
        widgets.append(_widget(f"fader{i}", "fader", name, f"{i - 1} 0 1 6", **fader))
        mute = {"address": f"/mute/{i}", "types": "T", **stage}
        widgets.append(_widget(f"mute{i}", "button", "Mute", f"{i - 1} 6 1 1", **mute))
    go = {"address": "/cue/go", "mode": "trigger", "colour": "#62d0e8", **stage}
    back = {"address": "/cue/back", "mode": "trigger", "confirm": True, **stage}
    return [
        *widgets,
        _widget("name", "text", "Next cue", "8 0 4 2", address="/cue/name", types="s"),
        _widget("back", "button", "Back", "8 2 1 2", **back),
        _widget("go", "button", "GO", "9 2 3 2", **go),
        _widget("spot", "xy", "Follow spot", "8 4 3 4", address="/xy", types="ff", **stage),
        _widget("main", "meter", "Main", "11 4 1 4", address="/meters/1", types="f"),
        _widget("wash", "colour", "Wash", "0 7 2 1", address="/light/1/colour", types="r", **stage),
        _widget("haze", "fader", "Haze", "2 7 3 1", address="/light/1/level", types="f", **stage),
        _widget("title", "label", "The Tempest", "5 7 3 1"),
    ]


def theatre_surface() -> str:
    """The file: a page with controls, and two others."""
    pages = [
        {"id": "house", "name": "House mix", "columns": 12, "widgets": _house()},
        {"id": "monitors", "name": "Monitors"},
        {"id": "light", "name": "Light", "locked": True},
    ]
    return json.dumps({"format": "oscbridge surface", "version": 1, "pages": pages})
