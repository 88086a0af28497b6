"""The protocols of the bridge: ``osc.json``, from the encoder, and ``oscbridge.ui.1``."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

import oscbridge
from oscbridge.osc.type_tags import TYPE_TAGS
from oscbridge_docs.markdown import code, table
from oscbridge_ui.typescript import typescript

__all__ = ["SAMPLES", "osc_json", "ui_protocol"]

SAMPLES: Final[dict[str, oscbridge.Argument]] = {
    "i": 1,
    "h": 9_007_199_254_740_993,
    "f": 0.5,
    "d": float("inf"),
    "s": "on",
    "S": "on",
    "c": "x",
    "b": b"\x00\xff",
    "r": oscbridge.Color(0xFF0080FF),
    "m": oscbridge.MIDI(0, 0x90, 69, 100),
    "t": oscbridge.TimeTag.from_unix(0.0),
    "T": True,
    "F": False,
    "N": None,
    "I": oscbridge.IMPULSE,
}
"""A value for each type tag."""

_INTERFACE: Final = re.compile(r"/\*\* (.*?) \*/\nexport interface (\w+) \{\n(.*?)\n\}", re.DOTALL)
_UNION: Final = re.compile(r"export type (\w+) =\n(.*?);", re.DOTALL)


def osc_json() -> str:
    """How an argument of each type is written."""
    rows = []
    for name, tag in TYPE_TAGS.items():
        text = oscbridge.encode_json(oscbridge.Message("/", name, (SAMPLES[name],))).decode()
        rows.append((code(name), tag.name, code(text.partition('"args":[')[2][:-2])))
    return table(("type", "", "an argument"), rows)


@cache
def ui_protocol() -> str:
    """All messages: those of clients, those of the server, and the objects within them."""
    text = "\n".join(typescript().values())
    objects = {name: (doc, fields) for doc, name, fields in _INTERFACE.findall(text)}
    unions = {name: re.findall(r"\w+", listed) for name, listed in _UNION.findall(text)}
    sent, received = unions.pop("ClientMessage"), unions.pop("ServerMessage")
    others = [name for name in objects if name not in {*sent, *received}]
    parts = []
    for title, names in (
        ("Messages of a client", sent),
        ("Messages of the server", received),
        ("Objects within messages", others),
    ):
        parts += [f"## {title}", *(_object(name, *objects[name]) for name in names)]
    for name, listed in unions.items():
        parts.append(f"### {name}\n\nOne of {', '.join(map(code, listed))}.")
    return "\n\n".join(parts)


def _object(name: str, doc: str, fields: str) -> str:
    text = doc.replace("``", "`")
    return f"### {name}\n\n{text}\n\n```typescript\n{fields.replace('  ', '')}\n```"
