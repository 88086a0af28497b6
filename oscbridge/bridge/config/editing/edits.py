"""What can be changed in a configuration, and why a change is refused. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from oscbridge.bridge.config.problem import KeyPath
from oscbridge.errors import OSCBridgeError

__all__ = [
    "MAX_EDITS",
    "AddTable",
    "ChangeTable",
    "Edit",
    "EditConflict",
    "EditRefused",
    "EditingClient",
    "MoveRoute",
    "NotWritable",
    "RemoveTable",
    "ReplaceText",
    "TomlText",
]

MAX_EDITS: Final = 100
"""Edits that are made together, at most."""


class EditRefused(OSCBridgeError):
    """An edit is not allowed, or cannot be made in these files; the text says why."""


class EditingClient:
    """One who edits, e.g. an open page. The secrets of its last draft are known until it closes."""

    def __init__(self) -> None:
        self.is_closed = False

    def close(self) -> None:
        """It edits no more. May be called on any thread."""
        self.is_closed = True


class EditConflict(OSCBridgeError):
    """A file has changed meanwhile in the same place."""

    @classmethod
    def in_file(cls, name: str) -> EditConflict:
        """The same lines of a file were changed elsewhere."""
        return cls(f"{name} was changed elsewhere in the same place; load it again")


class NotWritable(OSCBridgeError):
    """A file cannot be written; :attr:`texts` has the edited ones, to copy."""

    def __init__(self, text: str, texts: Mapping[str, str]) -> None:
        super().__init__(text)
        self.texts = texts


class TomlText(str):
    """A value as it is written in TOML, e.g. ``[0.0, 1.0, 0, 127]``."""

    __slots__ = ()


@dataclass(frozen=True)
class AddTable:
    """A new ``[[route]]`` (path ``("route",)``), or a new table such as ``[endpoint.desk]``.

    With the path ``("variables",)`` it is new keys of the table ``[variables]``.
    """

    path: KeyPath
    table: Mapping[str, Any]
    position: int | None = None
    """The index that a route gets, in the whole configuration; None is after the last one."""


@dataclass(frozen=True)
class ChangeTable:
    """A table gets this content. Keys that keep their value keep their formatting."""

    path: KeyPath
    table: Mapping[str, Any]


@dataclass(frozen=True)
class RemoveTable:
    """A table is removed, with the comment above it."""

    path: KeyPath


@dataclass(frozen=True)
class MoveRoute:
    """A route gets another index. Both count in the whole configuration, from 0."""

    index: int
    to: int


@dataclass(frozen=True)
class ReplaceText:
    """A file gets this text."""

    file: str
    text: str
    base: str | None = None
    """The text that it was made from, as any process has shown it; None is that of the version.
    What the file has become since then is kept."""


Edit: TypeAlias = AddTable | ChangeTable | RemoveTable | MoveRoute | ReplaceText
