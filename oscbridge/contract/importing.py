"""What an importer is: a function from the text of another program's file to routes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from oscbridge.toml_text import TomlTable

if TYPE_CHECKING:
    from click import Option

__all__ = ["ImportedFile", "ImportedRule", "Importer", "Importers", "new_importers"]


@dataclass(frozen=True)
class ImportedRule:
    """One rule of the file, translated or with the reason why it is not."""

    line: int
    """Where it starts in the file, counted from 1."""
    text: str
    """The rule as it is written in the file; shown in a comment."""
    routes: Sequence[TomlTable] = ()
    """The keys of its ``[[route]]`` tables; none if it is not translated."""
    reason: str = ""
    """Why it is not translated; of a translated rule what differs, if anything does."""
    count: int = 1
    """Rules of the file that it stands for, if several were joined."""

    def __post_init__(self) -> None:
        if not self.routes and not self.reason:
            raise ValueError(f"line {self.line}: a rule without routes needs a reason")


@dataclass(frozen=True)
class ImportedFile:
    """A file of another program as parts of a configuration."""

    tables: Mapping[str, TomlTable]
    """Tables by name, in order, e.g. ``{"bridge.stage": {}, "endpoint.synth": {...}}``."""
    rules: Sequence[ImportedRule]
    """All rules of the file, in its order."""
    notes: Sequence[str] = ()
    """What the reader should know of the rest, e.g. a setting without a counterpart."""


@dataclass(frozen=True)
class Importer:
    """One format of ``oscbridge import``."""

    description: str
    """What it reads, for the list of formats: ``"maps of OSC2MIDI (.omm)"``."""
    translate: Callable[..., ImportedFile]
    """Called with the text of the file, and the values of ``options`` by name.

    Raises :class:`oscbridge.InputError` if the text is not in this format. A rule that cannot be
    translated is not an error.
    """
    options: Sequence[Option] = ()
    """Options of the command, in addition to FILE."""


Importers: TypeAlias = Mapping[str, Importer]
"""Importers by the name of their format."""


def new_importers(offered: object, taken: Iterable[str]) -> Importers:
    """What a plugin offers, checked. Raises ``ValueError`` for a wrong type or a taken name."""
    if not isinstance(offered, Mapping):
        raise ValueError(f"returns {offered!r}, not a dictionary of importers")
    for name, importer in offered.items():
        if not isinstance(name, str) or not isinstance(importer, Importer):
            raise ValueError(f"the format {name!r} is {importer!r}, not an oscbridge.Importer")
        if name in taken:
            raise ValueError(f"the format {name!r} is offered by another plugin already")
    return offered
