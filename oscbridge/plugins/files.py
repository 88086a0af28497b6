"""Plugins of one file each, from the folder ``[run] plugins``."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.abc import SourceLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from oscbridge.bridge.config.plugin_folder import UntrustedFile, plugin_files, read_plugin_file

__all__ = ["PluginFolder", "load_plugin_file"]


class _CodeLoader(SourceLoader):
    """Runs code that was checked and read already, and writes no bytecode."""

    def __init__(self, path: Path, code: bytes) -> None:
        self._path = path
        self._code = code

    def get_filename(self, fullname: str) -> str:
        return str(self._path)

    def get_data(self, path: str | bytes) -> bytes:
        if path != str(self._path):
            raise OSError(f"{path!r} is not the plugin")
        return self._code


def load_plugin_file(path: Path) -> ModuleType:
    """Import a plugin file. Its name is its own: it hides no other module, and none hides it.

    Raises :class:`UntrustedFile` if it cannot be read or trusted, and whatever its code raises.
    """
    name = f"oscbridge_file_{path.stem}"
    loader = _CodeLoader(path, read_plugin_file(path))
    spec = spec_from_file_location(name, path, loader=loader)
    assert spec is not None  # with a loader there is one
    module = sys.modules[name] = module_from_spec(spec)
    try:
        loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


@dataclass(frozen=True)
class PluginFolder:
    """A folder of plugin files at one moment."""

    path: Path | None = None
    """None if the configuration names none."""
    digests: Mapping[Path, bytes] | None = None
    """A digest of each file's code; empty if it cannot be read or trusted."""

    @classmethod
    def read(cls, path: Path | None) -> PluginFolder:
        """Read it. Raises :class:`UntrustedFile` if it cannot be read or trusted."""
        if path is None:
            return cls()
        return cls(path, {file: _digest(file) for file in plugin_files(path)})

    def changed_since(self, old: PluginFolder) -> list[str]:
        """New, changed and removed files, by name."""
        before, now = old.digests or {}, self.digests or {}
        files = sorted({*before, *now})
        return [
            f"{file.parent.name}/{file.name}" for file in files if before.get(file) != now.get(file)
        ]


def _digest(file: Path) -> bytes:
    try:
        return hashlib.blake2b(read_plugin_file(file), digest_size=16).digest()
    except UntrustedFile:
        return b""
