"""The plugins for a command that works without a configuration, too."""

from __future__ import annotations

from pathlib import Path

from oscbridge.bridge.config.file import read_file
from oscbridge.bridge.config.include import include_files
from oscbridge.plugins.manager import Plugins

__all__ = ["load_plugins"]


def load_plugins(file: Path | None) -> Plugins:
    """The installed plugins, and those in the folder that a configuration file names.

    Raises :class:`ConfigurationError` if the file cannot be read.
    """
    if file is not None:
        include_files(read_file(file, allow_pipe=True), str(file), file.absolute())
    return Plugins.for_configuration(file)
