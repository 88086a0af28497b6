"""``include``: a configuration in several files."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from oscbridge.bridge.config.file import read_file
from oscbridge.bridge.config.found_files import is_file, matching_paths
from oscbridge.bridge.config.names import NAME
from oscbridge.bridge.config.problem import KeyPath, path_text, show
from oscbridge.bridge.config.toml import parse_toml
from oscbridge.errors import ConfigurationError

__all__ = ["WILD", "IncludedTables", "include_files"]

MAX_DEPTH: Final = 4
"""Levels of files that include files."""

MAX_FILES: Final = 100
"""Files of a configuration, including the first."""

MAX_BYTES: Final = 4 << 20
"""Size of all files of a configuration together, in characters."""

MAX_PATTERNS: Final = 100
"""Names and patterns under ``include`` of one file."""

_NAMED: Final = ("bridge", "endpoint", "variables")
_LISTS: Final = ("route", "test", "token")
WILD: Final = "*?["
"""Characters that make a name under ``include`` a pattern."""


class IncludedTables:
    """The tables of a configuration file and of those that it includes."""

    def __init__(
        self, name: str, path: Path, drafts: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        self.raw: dict[str, Any] = {}
        """The tables of all files, as if they were one."""
        self.texts: dict[str, str] = {}
        """The texts of the files by name, the first file first."""
        self.warnings: list[str] = []
        self.files: list[Path] = []
        """The files that it includes, those that cannot be read as well."""
        self.patterns: list[Path] = []
        """The patterns under ``include``, from the root."""
        self._name = name
        self._origins: dict[KeyPath, str] = {}
        """The file of each table, by the path of the table."""
        self._first_routes: dict[str, int] = {}
        """Number of routes before those of a file, by its name."""
        self._seen: set[str] = set()
        """The real paths of the files."""
        self._open: dict[str, str] = {}
        """The names of the files that are being read, by real path, the first file first."""
        self._path = path
        self._drafts = drafts
        """Texts that replace those of included files, by name."""
        self._size = 0

    def read(self, text: str) -> None:
        """Read the first file. Raises :class:`ConfigurationError`."""
        self._add(text, self._name, self._path)

    def explain(self, path: KeyPath, text: str) -> str:
        """The text of a problem at a path, after the name of its file."""
        name = self._origins.get(path[:2]) or self._origins.get(path[:1]) or self._name
        if path[:1] == ("route",) and len(path) > 1 and isinstance(path[1], int):
            before = self._first_routes[name]
            if path[1:] != (path[1], "name") and (given := self._name_of_route(path[1])):
                text = text.replace(path_text(path[:2]), f"route {given}", 1)
            elif before:
                here = f"route {path[1] + 1} (route {path[1] + 1 - before} of this file)"
                text = text.replace(path_text(path[:2]), here, 1)
        return f"{name}: {text}"

    def place_of(self, path: KeyPath) -> tuple[str, KeyPath]:
        """The name of the file where something is, and its path in that file."""
        name = self._origins.get(path[:2]) or self._origins.get(path[:1]) or self._name
        if path[:1] == ("route",) and len(path) > 1 and isinstance(path[1], int):
            return name, ("route", path[1] - self._first_routes[name], *path[2:])
        return name, path

    def routes_of(self, name: str) -> int:
        """The number of routes before those of a file."""
        return self._first_routes[name]

    def _name_of_route(self, index: int) -> str:
        """The name that the file gives a route; empty without a valid one."""
        table = self.raw["route"][index]
        name = table.get("name") if isinstance(table, dict) else None
        return name if isinstance(name, str) and NAME.fullmatch(name) else ""

    def _add(self, text: str, name: str, path: Path) -> None:
        real = os.path.realpath(path)
        self._seen.add(real)
        self._size += len(text)
        if self._size > MAX_BYTES:
            raise ConfigurationError(f"{name}: more than {MAX_BYTES} bytes with all 'include'")
        self.texts[name] = text
        tables = parse_toml(text, name)
        patterns = tables.pop("include", [])
        self._merge(tables, name)
        self._open[real] = name
        for pattern in _patterns(patterns, name):
            place = f"{name}: include = {show(pattern)}"
            for each in self._files(pattern, place, path.parent):
                shown = str(Path(name).parent / os.path.relpath(each, path.parent))
                self._include(each, shown, place)
        del self._open[real]

    def _include(self, path: Path, name: str, place: str) -> None:
        if len(self._open) >= MAX_DEPTH:
            raise ConfigurationError(f"{place}: included {MAX_DEPTH} levels deep; include it above")
        if len(self.texts) >= MAX_FILES:
            raise ConfigurationError(f"{place}: more than {MAX_FILES} files; join some of them")
        self.files.append(path)
        try:
            text = self._drafts[name] if name in self._drafts else read_file(path)
        except ConfigurationError as error:
            raise ConfigurationError(f"{place}: {error}") from None
        self._add(text, name, path)

    def _files(self, pattern: str, place: str, directory: Path) -> Iterator[Path]:
        """The files of a name or a pattern. Raises :class:`ConfigurationError`."""
        is_name = not any(each in pattern for each in WILD)
        if is_name or is_file(directory / pattern):  # a name may have such a character
            real = os.path.realpath(directory / pattern)
            if real in self._open:
                chain = " -> ".join([*self._open.values(), self._open[real]])
                raise ConfigurationError(f"{place}: includes itself: {chain}; remove it")
            if real in self._seen:
                raise ConfigurationError(f"{place}: is included already; remove it")
            yield directory / pattern
            return
        if "**" in pattern:
            raise ConfigurationError(f"{place}: '**' is not supported; write one '*' per folder")
        self.patterns.append(Path(glob.escape(str(directory))) / pattern)
        found = sorted(islice(matching_paths(directory, pattern), MAX_FILES + 1))
        if not found:
            self.warnings.append(f"{place}: matches no file")
        for each in found:
            if os.path.realpath(each) not in self._seen:
                yield each

    def _merge(self, file: Mapping[str, Any], name: str) -> None:
        self._first_routes[name] = len(_list(self.raw.get("route")))
        for key, value in file.items():
            there = self.raw.get(key)
            if key in _NAMED and isinstance(value, dict) and isinstance(there, dict | type(None)):
                section = self.raw.setdefault(key, {})
                for each, table in value.items():
                    self._claim((key, each), name)
                    section[each] = table
            elif key in _LISTS and isinstance(value, list) and isinstance(there, list | type(None)):
                tables = self.raw.setdefault(key, [])
                for table in value:
                    self._origins[key, len(tables)] = name
                    tables.append(table)
            else:
                self._claim((key,), name)
                self.raw[key] = value

    def _claim(self, path: KeyPath, name: str) -> None:
        """Note where a table is. Raises :class:`ConfigurationError` if another file has it."""
        other = self._origins.setdefault(path, name)
        if other != name:
            what = "duplicate name" if len(path) > 1 else "duplicate table"
            fix = "rename one" if len(path) > 1 else "join the two"
            text = f"{name}: {path_text(path)}: {what}: {other} defines it too; {fix}"
            raise ConfigurationError(text)


def include_files(
    text: str, name: str, path: Path, drafts: Mapping[str, str] = MappingProxyType({})
) -> IncludedTables:
    """The tables of a file with those of the files that it includes.

    ``name`` is the human-readable name of the file. Names under ``include`` start at the
    directory of the file that includes. ``drafts`` are texts that replace those of included
    files, by name. Raises :class:`ConfigurationError`.
    """
    included = IncludedTables(name, path, drafts)
    included.read(text)
    return included


def _list(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else ()


def _patterns(value: object, name: str) -> list[str]:
    patterns = [value] if isinstance(value, str) else value
    if not isinstance(patterns, list) or not all(
        isinstance(each, str) and each and "\0" not in each for each in patterns
    ):
        problem = 'expected names of files: include = ["desks/*.toml"]'
        raise ConfigurationError(f"{name}: include = {show(value)}: {problem}")
    if len(patterns) > MAX_PATTERNS:
        raise ConfigurationError(f"{name}: include: at most {MAX_PATTERNS} names are allowed")
    return patterns
