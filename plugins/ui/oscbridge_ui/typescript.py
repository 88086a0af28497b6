"""Makes ``web/src/protocol.ts`` from the models: ``python -m oscbridge_ui.typescript``."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from pydantic import JsonValue

import oscbridge_ui.devices.messages as devices_messages
import oscbridge_ui.editing.messages as editing_messages
import oscbridge_ui.learning.messages as learning_messages
import oscbridge_ui.recording.messages as recording_messages
import oscbridge_ui.surface.messages as surface_messages
from oscbridge_ui import (
    client_messages,
    now_messages,
    server_messages,
    value_rows,
    values_messages,
)
from oscbridge_ui.protocol_base import (
    MAX_NAME,
    MAX_TEXT,
    SUBPROTOCOL,
    PartialModel,
    ProtocolModel,
)
from oscbridge_ui.surface import edits, models

__all__ = ["FILE", "typescript"]

FILE: Final = Path(__file__).parents[1] / "web" / "src" / "protocol.ts"

_HEAD: Final = """\
// Made by `python -m oscbridge_ui.typescript` from oscbridge_ui/*messages.py. Do not edit.

export const SUBPROTOCOL = "{subprotocol}";
/** Characters of a name, and of an address. A message with more ends the connection. */
export const MAX_NAME = {max_name};
export const MAX_TEXT = {max_text};
"""

_SIMPLE: Final[Mapping[object, str]] = {
    str: "string",
    int: "number",
    float: "number",
    bool: "boolean",
    type(None): "null",
    JsonValue: "unknown",
}


def typescript() -> str:
    """The types of all messages."""
    parts = [_HEAD.format(subprotocol=SUBPROTOCOL, max_name=MAX_NAME, max_text=MAX_TEXT)]
    models = [
        value
        for module in _MODULES
        for value in vars(module).values()
        if inspect.isclass(value)
        and issubclass(value, ProtocolModel)
        and value.__module__ == module.__name__
        and not value.__name__.startswith("_")
    ]
    parts += [_interface(model) for model in models]
    for module, name in _UNIONS:
        text = _text(getattr(module, name)).replace(" | ", "\n  | ")
        parts.append(f"export type {name} =\n  | {text};\n")
    return "\n".join(parts)


def _interface(model: type[ProtocolModel]) -> str:
    hints = typing.get_type_hints(model, include_extras=True)
    is_sent = "type" in hints and get_args(hints["type"])[0] in _CLIENT_TYPES
    is_sent = is_sent or issubclass(model, PartialModel)
    lines = [f"/** {_first_line(model.__doc__)} */", f"export interface {model.__name__} {{"]
    for name, field in model.model_fields.items():
        # A client may leave out fields with a default.
        mark = "?" if is_sent and not field.is_required() else ""
        lines.append(f"  {name}{mark}: {_text(hints[name])};")
    return "\n".join([*lines, "}", ""])


def _first_line(text: str | None) -> str:
    return (text or "").strip().partition("\n")[0]


def _text(hint: Any) -> str:
    """The type in TypeScript."""
    if hint in _SIMPLE:
        return _SIMPLE[hint]
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _text(arguments[0])
    if origin is Literal:
        return " | ".join(f'"{each}"' for each in arguments)
    if origin in (Union, types.UnionType):
        return " | ".join(dict.fromkeys(map(_text, arguments)))
    if origin is Sequence:
        inner = _text(arguments[0])
        return f"readonly ({inner})[]" if " " in inner else f"readonly {inner}[]"
    if origin is Mapping:
        return f"Readonly<Record<{_text(arguments[0])}, {_text(arguments[1])}>>"
    if inspect.isclass(hint) and issubclass(hint, ProtocolModel):
        return hint.__name__
    raise TypeError(f"no type of TypeScript for {hint!r}")


_MODULES: Final = (
    client_messages,
    now_messages,
    values_messages,
    server_messages,
    value_rows,
    models,
    edits,
    surface_messages,
    recording_messages,
    editing_messages,
    learning_messages,
    devices_messages,
)
_UNIONS: Final = (
    (now_messages, "PartState"),
    (edits, "SurfaceEdit"),
    (editing_messages, "EditWanted"),
    (client_messages, "ClientMessage"),
    (server_messages, "ServerMessage"),
)
_CLIENT_TYPES: Final = {
    get_args(typing.get_type_hints(model)["type"])[0]
    for model in get_args(get_args(client_messages.ClientMessage)[0])
}

if __name__ == "__main__":
    FILE.write_text(typescript(), encoding="utf-8")
