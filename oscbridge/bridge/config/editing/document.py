"""The files of a configuration as they are on disk, or as an edit would leave them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from oscbridge.bridge.config.file import read_file
from oscbridge.bridge.config.include import IncludedTables
from oscbridge.bridge.config.toml import parse_toml
from oscbridge.errors import ConfigurationError

__all__ = ["ConfigurationDocument", "read_document", "with_texts"]


@dataclass(frozen=True)
class ConfigurationDocument:
    """The texts of the files of a configuration, the first file first."""

    name: str
    """The human-readable name of the first file."""
    path: Path
    """The first file; it may not exist yet."""
    texts: Mapping[str, str]
    """By the names of the files, with the line ends that they have."""
    paths: Mapping[str, Path]
    """By the same names."""
    included: IncludedTables = field(compare=False, repr=False)
    """Their tables: of files that are not valid TOML, those before them."""
    problem: str = ""
    """Why the files cannot be read as one configuration; empty if they can."""

    @property
    def version(self) -> str:
        """A hash over all texts."""
        digest = hashlib.blake2b(digest_size=12)
        for name, text in self.texts.items():
            for part in (name.encode(), text.encode()):
                digest.update(len(part).to_bytes(8, "big") + part)
        return digest.hexdigest()

    @property
    def raw(self) -> Mapping[str, Any]:
        """The tables of all files, as if they were one."""
        return self.included.raw

    @property
    def places(self) -> Sequence[str]:
        """The name of the file of each route, in order."""
        count = len(self.raw.get("route", ()))
        return [self.included.place_of(("route", index))[0] for index in range(count)]

    def includes(self) -> Mapping[str, object]:
        """What each file includes, as it is written."""
        found = {}
        for name, text in self.texts.items():
            with suppress(ConfigurationError):
                found[name] = parse_toml(text, name).get("include", [])
        return found


def read_document(path: Path, name: str, built_in: str | None = None) -> ConfigurationDocument:
    """Read the files of a configuration; may block. ``built_in`` replaces a missing first file.

    Raises :class:`ConfigurationError` if the first file cannot be read.
    """
    text = built_in if built_in is not None and not path.exists() else read_file(path)
    return _read(path, name, text, {})


def with_texts(document: ConfigurationDocument, texts: Mapping[str, str]) -> ConfigurationDocument:
    """The document with other texts of some of its files.

    Their ``include`` must be unchanged: no other files are read.
    """
    whole = {**document.texts, **texts}
    return _read(document.path, document.name, whole[document.name], whole)


def _read(path: Path, name: str, text: str, drafts: Mapping[str, str]) -> ConfigurationDocument:
    included = IncludedTables(name, path.absolute(), drafts)
    problem = ""
    try:
        included.read(text)
    except ConfigurationError as error:
        problem = str(error)
    included.texts.setdefault(name, text)
    paths = dict(zip(included.texts, [path, *included.files], strict=False))
    return ConfigurationDocument(name, path, dict(included.texts), paths, included, problem)
