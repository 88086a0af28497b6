"""The variables, as ``oscbridge top`` and ``oscbridge set`` show them. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from rich.text import Text

from oscbridge.bridge.routes.variables import Value
from oscbridge.logs.format import visible

__all__ = ["show_value", "variable_lines"]

MAX_VALUE: Final = 24
"""Characters of a value in ``top``."""

MAX_NAMES: Final = 200
"""Variables in the line of ``top``, at most; the terminal cuts it."""


def variable_lines(now: Mapping[str, Value], before: Mapping[str, Value]) -> list[Text]:
    """One line with the values, changed ones in bold; none without variables."""
    if not now:
        return []
    text = Text("var", "dim", no_wrap=True, overflow="ellipsis")
    for name, value in list(now.items())[:MAX_NAMES]:
        shown = show_value(value)
        if len(shown) > MAX_VALUE:
            shown = f"{shown[: MAX_VALUE - 1]}…"
        is_new = before.get(name, value) != value
        text.append(f"  {name} ", "dim").append(shown, "bold cyan" if is_new else "cyan")
    return [text]


def show_value(value: Value) -> str:
    """A value as TOML, without control characters."""
    return visible(json.dumps(value, ensure_ascii=False))
