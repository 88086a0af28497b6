"""Routes as TOML, to be copied into a configuration. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TypeAlias

__all__ = ["Value", "route"]

Value: TypeAlias = "str | int | float | Sequence[int | float] | Mapping[str, Value]"


def route(keys: Mapping[str, Value]) -> str:
    """A ``[[route]]`` with these keys, their equals signs aligned."""
    width = max(map(len, keys))
    lines = [f"{key:<{width}} = {_toml(value)}" for key, value in keys.items()]
    return "\n".join(["[[route]]", *lines])


def _toml(value: Value) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_toml(each)}" for key, each in value.items()) + " }"
    if isinstance(value, str):
        # A TOML basic string has JSON's escapes, and also escapes DEL.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, int | float):
        return repr(value)
    return "[" + ", ".join(map(_toml, value)) + "]"
