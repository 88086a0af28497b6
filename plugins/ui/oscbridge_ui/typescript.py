"""Makes ``web/src/protocol/`` from the models: ``python -m oscbridge_ui.typescript``."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, Final, Literal, TypeGuard, Union, get_args, get_origin

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
    MAX_LARGE,
    MAX_NAME,
    MAX_TEXT,
    MAX_TOKEN,
    SUBPROTOCOL,
    PartialModel,
    ProtocolModel,
)
from oscbridge_ui.surface import edits, models

__all__ = ["FOLDER", "typescript"]

FOLDER: Final = Path(__file__).parents[1] / "web" / "src" / "protocol"

_HEAD: Final = (
    "// Made by `python -m oscbridge_ui.typescript` from oscbridge_ui/*messages.py. Do not edit.\n"
)

_CONSTANTS: Final = """\
export const SUBPROTOCOL = "{subprotocol}";
/** Characters of a name, and of an address. A message with more ends the connection. */
export const MAX_NAME = {max_name};
export const MAX_TEXT = {max_text};
/** Characters of a token. */
export const MAX_TOKEN = {max_token};
/** Characters of a message in parts. */
export const MAX_LARGE = {max_large};
"""

_SIMPLE: Final[Mapping[object, str]] = {
    str: "string",
    int: "number",
    float: "number",
    bool: "boolean",
    type(None): "null",
    JsonValue: "unknown",
}


def typescript() -> Mapping[str, str]:
    """The types of all messages: the files in ``web/src/protocol`` by name, one per subject."""
    files = {f"{subject}.ts": _file(subject) for subject in _SUBJECTS}
    lines = [f'export type * from "./{subject}";' for subject in _SUBJECTS]
    constants = _CONSTANTS.format(
        subprotocol=SUBPROTOCOL,
        max_name=MAX_NAME,
        max_text=MAX_TEXT,
        max_token=MAX_TOKEN,
        max_large=MAX_LARGE,
    )
    return {**files, "index.ts": "\n".join([_HEAD, *lines, "", constants])}


def _file(subject: str) -> str:
    models = list(_models_of(subject))
    unions = [(name, getattr(module, name)) for module, name in _UNIONS.get(subject, ())]
    hints = [each for model in models for each in _hints(model).values()]
    hints += [union for _, union in unions]
    parts = [_HEAD, *_imports(subject, hints), *map(_interface, models)]
    for name, union in unions:
        text = _text(union).replace(" | ", "\n  | ")
        parts.append(f"export type {name} =\n  | {text};\n")
    return "\n".join(parts)


def _models_of(subject: str) -> Iterator[type[ProtocolModel]]:
    for module in _SUBJECTS[subject]:
        for value in vars(module).values():
            is_its_own = _is_model(value) and value.__module__ == module.__name__
            if is_its_own and not value.__name__.startswith("_"):
                yield value


def _is_model(value: object) -> TypeGuard[type[ProtocolModel]]:
    return inspect.isclass(value) and issubclass(value, ProtocolModel)


def _imports(subject: str, hints: Iterable[object]) -> Iterator[str]:
    """The import statements of a file whose types have these hints."""
    found: dict[str, set[str]] = {}
    for model in {each for hint in hints for each in _named_in(hint)}:
        home = _HOMES[model.__module__]
        if home != subject:
            found.setdefault(home, set()).add(model.__name__)
    lines = [
        f'import type {{ {", ".join(sorted(found[home]))} }} from "./{home}";\n'
        for home in sorted(found)
    ]
    if lines:
        yield "".join(lines)


def _named_in(hint: object) -> Iterator[type[ProtocolModel]]:
    """The models in a type."""
    if _is_model(hint):
        yield hint
    for each in get_args(hint):
        yield from _named_in(each)


def _hints(model: type[ProtocolModel]) -> Mapping[str, object]:
    hints = typing.get_type_hints(model, include_extras=True)
    return {name: hints[name] for name in model.model_fields}


def _interface(model: type[ProtocolModel]) -> str:
    hints = _hints(model)
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
    if _is_model(hint):
        return hint.__name__
    raise TypeError(f"no type of TypeScript for {hint!r}")


_SUBJECTS: Final[Mapping[str, Sequence[ModuleType]]] = {
    "client": (client_messages,),
    "server": (server_messages,),
    "now": (now_messages,),
    "values": (values_messages, value_rows),
    "surface": (models, edits, surface_messages),
    "recording": (recording_messages,),
    "editing": (editing_messages,),
    "learning": (learning_messages,),
    "devices": (devices_messages,),
}
_HOMES: Final = {
    module.__name__: subject for subject, modules in _SUBJECTS.items() for module in modules
}
_UNIONS: Final[Mapping[str, Sequence[tuple[ModuleType, str]]]] = {
    "now": ((now_messages, "PartState"),),
    "surface": ((edits, "SurfaceEdit"),),
    "editing": ((editing_messages, "EditWanted"),),
    "client": ((client_messages, "ClientMessage"),),
    "server": ((server_messages, "ServerMessage"),),
}
_CLIENT_TYPES: Final = {
    get_args(typing.get_type_hints(model)["type"])[0]
    for model in get_args(get_args(client_messages.ClientMessage)[0])
}


def main() -> None:
    """Write the files, and remove those of subjects that are no more."""
    files = typescript()
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.ts"):
        if old.name not in files:
            old.unlink()
    for name, text in files.items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
