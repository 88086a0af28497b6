"""The last versions of a configuration, kept in a file beside it, which only its user can read."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import orjson

from oscbridge.errors import OSCBridgeError
from oscbridge.file_reading import open_regular
from oscbridge.net.os_errors import what_failed

__all__ = ["MAX_VERSIONS", "SavedVersion", "VersionHistory"]

MAX_VERSIONS: Final = 20
"""Versions that are kept."""

MAX_BYTES: Final = 16 << 20
"""Bytes of the file with the versions; above it the oldest ones are removed."""


@dataclass(frozen=True)
class SavedVersion:
    """One edit: the files that it changed, before and after it."""

    number: int
    time: float
    """Unix time."""
    summary: str
    before: Mapping[str, str]
    """Texts by the names of the files."""
    after: Mapping[str, str]
    undone: bool = False


class VersionHistory:
    """The versions of one configuration. Its methods may block."""

    def __init__(self, configuration: Path) -> None:
        self.path = configuration.with_name(f".{configuration.name}.versions")

    def read(self) -> Sequence[SavedVersion]:
        """All versions, the newest last; none if the file is missing or damaged."""
        try:
            with open_regular(self.path) as file:
                raw = orjson.loads(file.read(2 * MAX_BYTES))
            return [_version(each) for each in raw]
        except (OSError, ValueError, TypeError, KeyError):
            return []

    def add(
        self, summary: str, before: Mapping[str, str], after: Mapping[str, str]
    ) -> SavedVersion:
        """Keep one more version. Raises :class:`OSCBridgeError`."""
        known = list(self.read())
        number = max((each.number for each in known), default=0) + 1
        version = SavedVersion(number, time.time(), summary, dict(before), dict(after))
        self._write([*known, version])
        return version

    def remove(self, number: int) -> None:
        """Forget a version, as its edit could not be made."""
        with suppress(OSCBridgeError):
            self._write([each for each in self.read() if each.number != number])

    def mark(self, numbers: Collection[int], *, undone: bool) -> None:
        """Note that versions were undone, or redone. Raises :class:`OSCBridgeError`."""
        known = self.read()
        self._write([replace(e, undone=undone) if e.number in numbers else e for e in known])

    def _write(self, versions: Sequence[SavedVersion]) -> None:
        kept = list(versions[-MAX_VERSIONS:])
        data = orjson.dumps(kept)
        while len(data) > MAX_BYTES and len(kept) > 1:
            del kept[0]
            data = orjson.dumps(kept)
        temporary: Path | None = None
        try:
            descriptor, name = tempfile.mkstemp(prefix=f"{self.path.name}.", dir=self.path.parent)
            temporary = Path(name)
            with os.fdopen(descriptor, "wb") as file:  # only its user can read it
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self.path)
        except OSError as error:
            if temporary is not None:
                with suppress(OSError):
                    temporary.unlink()
            raise OSCBridgeError(f"{self.path}: not written: {what_failed(error)}") from None


def _version(raw: Mapping[str, object]) -> SavedVersion:
    before, after = raw["before"], raw["after"]
    if not isinstance(before, dict) or not isinstance(after, dict):
        raise TypeError("expected tables of texts")
    return SavedVersion(
        int(str(raw["number"])),
        float(str(raw["time"])),
        str(raw["summary"]),
        {str(name): str(text) for name, text in before.items()},
        {str(name): str(text) for name, text in after.items()},
        raw["undone"] is True,
    )
