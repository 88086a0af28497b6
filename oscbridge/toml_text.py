"""Tables as TOML text, to be copied into a configuration. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

__all__ = ["TomlTable", "TomlValue", "toml_table", "toml_texts", "toml_value"]

TomlValue: TypeAlias = "str | int | float | Sequence[TomlValue] | Mapping[str, TomlValue]"
TomlTable: TypeAlias = Mapping[str, TomlValue]

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")


def toml_table(header: str, keys: TomlTable) -> str:
    """A table such as ``[bridge.stage]`` or ``[[route]]``, its equals signs aligned."""
    width = max((len(_key(key)) for key in keys), default=0)
    lines = [f"{_key(key):<{width}} = {toml_value(value)}" for key, value in keys.items()]
    return "\n".join([header, *lines])


def toml_texts(keys: TomlTable) -> dict[str, str]:
    """The values of a table as they are written."""
    return {key: toml_value(value) for key, value in keys.items()}


def _key(text: str) -> str:
    return text if _BARE.fullmatch(text) else _string(text)


def toml_value(value: TomlValue) -> str:
    """A value as it is written after an equals sign, in one line."""
    if isinstance(value, Mapping):
        pairs = ", ".join(f"{_key(key)} = {toml_value(each)}" for key, each in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    return "[" + ", ".join(map(toml_value, value)) + "]"


def _string(text: str) -> str:
    # A TOML basic string has JSON's escapes, and also escapes DEL.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
