"""Options of an endpoint type as text, from their JSON Schema. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from textwrap import wrap
from typing import Any, Final, TypeAlias

__all__ = ["OptionText", "Schema", "option_lines", "options_of", "resolved"]

Schema: TypeAlias = Mapping[str, Any]

MAX_DEPTH: Final = 3
"""Tables within tables that are shown."""

_NAMES: Final = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "object": "table",
}
"""Types of JSON as they are called in the documentation."""


@dataclass(frozen=True)
class OptionText:
    """One key, human-readable."""

    key: str
    type: str
    default: str
    """As it is written in TOML; empty if there is none."""
    is_required: bool
    help: str
    inner: Schema
    """The schema of the table that it is or lists; empty if there is none."""


def options_of(table: Schema, definitions: Schema) -> Iterator[OptionText]:
    """The keys of a table."""
    required = table.get("required", ())
    for key, schema in table.get("properties", {}).items():
        default = json.dumps(schema["default"], ensure_ascii=False) if "default" in schema else ""
        text = resolved(schema, definitions).get("description", "")
        yield OptionText(
            key,
            _type_text(schema, definitions),
            default,
            key in required,
            schema.get("description", text),
            _inner(schema, definitions),
        )


def option_lines(table: Schema, definitions: Schema, width: int, depth: int = 1) -> Iterator[str]:
    """The keys of a table with their types, defaults and help, and those of tables in it."""
    indent = "  " * depth
    for option in options_of(table, definitions):
        note = "required" if option.is_required else f"default {option.default}"
        note = note if option.is_required or option.default else "no default"
        head = f"{option.key}: {option.type}; {note}"
        yield from wrap(
            head, width, initial_indent=indent, subsequent_indent=f"{indent}    ",
            break_long_words=False,
        )  # fmt: skip
        inner = f"{indent}    "
        yield from wrap(option.help, width, initial_indent=inner, subsequent_indent=inner)
        if option.inner and depth < MAX_DEPTH:
            yield from option_lines(option.inner, definitions, width, depth + 2)


def resolved(schema: Schema, definitions: Schema) -> Schema:
    """The schema itself, or the definition that it refers to."""
    reference = str(schema.get("$ref", ""))
    found: Schema = definitions.get(reference.removeprefix("#/$defs/"), {}) if reference else schema
    return found


def _inner(schema: Schema, definitions: Schema) -> Schema:
    """The table with documented keys in a schema; empty if there is none."""
    schema = resolved(schema, definitions)
    if "properties" in schema and any("description" in p for p in schema["properties"].values()):
        return schema
    parts = [*schema.get("anyOf", ()), *([schema["items"]] if "items" in schema else [])]
    return next((found for each in parts if (found := _inner(each, definitions))), {})


def _type_text(schema: Schema, definitions: Schema) -> str:
    schema = resolved(schema, definitions)
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return _listed([json.dumps(each) for each in schema["enum"]])
    if "anyOf" in schema:
        parts = [_type_text(each, definitions) for each in schema["anyOf"]]
        return _listed(list(dict.fromkeys(parts)))
    kind = schema.get("type")
    if kind == "array":
        items = schema.get("items")
        return f"list of {_plural(_type_text(items, definitions))}" if items else "list"
    if kind == "object" and list(schema.get("properties", ())) in (["env"], ["file"]):
        (key,) = schema["properties"]
        return f'{{ {key} = "..." }}'
    return _NAMES.get(str(kind), "text") + _range(schema)


def _range(schema: Schema) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    if low is not None and high is not None:
        return f" from {_number(low)} to {_number(high)}"
    limits = (("at least", low), ("more than", above), ("at most", high), ("less than", below))
    texts = [f"{word} {_number(limit)}" for word, limit in limits if limit is not None]
    return f" ({' and '.join(texts)})" if texts else ""


def _plural(type_text: str) -> str:
    """``whole numbers from 1 to 512`` for ``whole number from 1 to 512``."""
    return re.sub(r"\b(text|number|table)\b", r"\1s", type_text)


def _number(limit: float) -> str:
    """A limit without the zero of a float that is a whole number."""
    return f"{limit:.0f}" if float(limit).is_integer() else str(limit)


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} or {parts[-1]}"
