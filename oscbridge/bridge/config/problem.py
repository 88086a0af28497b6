"""One problem in a configuration: its place, its description and its fix."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, time
from typing import Final, TypeAlias

from oscbridge.logs.format import visible

__all__ = ["ConfigProblem", "KeyPath", "path_text", "show", "written_path"]

KeyPath: TypeAlias = tuple[str | int, ...]
"""Keys of tables and positions in lists, counted from 0, from the outermost table inwards."""

MAX_SHOWN: Final = 80
"""Characters of a value that are shown."""


@dataclass(frozen=True, slots=True)
class ConfigProblem:
    """One problem in a configuration.

    As text: ``bridge.stage.listen = 'x': description; how to fix it``.
    """

    path: KeyPath
    text: str
    """The description of the problem and how to fix it."""
    value: str = ""
    """The offending value as it is shown; empty if it is missing, irrelevant or secret."""
    renamed_to: KeyPath = ()
    """The current path of the key, if the path is a former one."""
    title: str = ""
    """The name of the test or the token that it is in."""

    def __str__(self) -> str:
        value = f" = {self.value}" if self.value else ""
        return f"{path_text(self.path, self.title)}{value}: {self.text}"

    def as_written(self, tables: object) -> ConfigProblem:
        """The same problem, at the path that ``tables`` have; see :func:`written_path`."""
        return replace(self, path=written_path(tables, self.path))


def path_text(path: KeyPath, title: str = "") -> str:
    """A path as text: ``bridge.stage.listen``, ``route 1: midi.channel``, ``test 1 (title): send``.

    Positions in lists are counted from 1.
    """
    if len(path) > 1 and path[0] in ("route", "test", "token") and isinstance(path[1], int):
        rest = path_text(path[2:])
        named = f" ({title})" if title else ""
        return f"{path[0]} {path[1] + 1}{named}" + (f": {rest}" if rest else "")
    return ".".join(str(step + 1) if isinstance(step, int) else _key(step) for step in path)


def written_path(table: object, path: KeyPath) -> KeyPath:
    """The path of a value of a model as the file has it.

    A single value may stand for a list, which then has no positions, and a text for a table, which
    then has no keys.
    """
    written: list[str | int] = []
    value = table
    for index, step in enumerate(path):
        if isinstance(value, Mapping) and isinstance(step, str):
            if step not in value:  # a missing key
                return (*written, *path[index:])
            value = value[step]
        elif isinstance(value, list | tuple) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:  # not in the file: a position, or a key of a text
            continue
        written.append(step)
    return tuple(written)


def _key(key: str) -> str:
    """A key as it is shown: cut if it is long, without control characters, never empty."""
    shown = visible(key) or '""'
    return shown if len(shown) <= MAX_SHOWN else shown[: MAX_SHOWN - 1] + "…"


def show(value: object) -> str:
    """A value as it is shown in a message: cut if it is long."""
    text = str(value) if isinstance(value, date | time) else repr(value)  # as in TOML
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"
