"""Where the configuration of a process comes from: a file, or none yet."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from oscbridge.bridge.config.used_files import UsedFiles, used_files
from oscbridge.contract.endpoint import AnyEndpoint

__all__ = ["ConfigurationSource", "default_file", "saved_file"]


def default_file() -> Path | None:
    """The file that is read without a name: ``$XDG_CONFIG_HOME/oscbridge/oscbridge.toml``.

    It need not exist. None without a home directory.
    """
    base = Path(os.environ.get("XDG_CONFIG_HOME", ""))
    try:
        base = base if base.is_absolute() else Path.home() / ".config"
    except RuntimeError:
        return None
    return base / "oscbridge" / "oscbridge.toml"


def saved_file() -> Path | None:
    """The file that is read without a name, if it exists."""
    file = default_file()
    return file if file is not None and file.is_file() else None


class ConfigurationSource:
    """The file of a process; a built-in configuration gets one when it is saved first."""

    def __init__(
        self, file: Path | None, built_in: str, types: Mapping[str, type[AnyEndpoint]]
    ) -> None:
        self.file = file
        """None while the built-in configuration is in use."""
        self.built_in = built_in
        """The text of the built-in configuration."""
        self.types = types
        """The endpoint types that it can use, by name."""

    @property
    def name(self) -> str:
        """Human-readable."""
        return str(self.file or "its built-in configuration")

    def used_files(self) -> UsedFiles:
        """The files that it uses now. Reads them all: may block."""
        if self.file is None:
            return UsedFiles({}, frozenset())
        return used_files(self.file, self.types)
