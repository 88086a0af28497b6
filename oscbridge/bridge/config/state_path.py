"""Names of files in the configuration, and where a file is without a name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationInfo

__all__ = ["absolute_path", "path_from", "state_directory"]


def absolute_path(value: object, info: ValidationInfo) -> Path:
    """The path of a file; a relative one starts at the directory of the configuration.

    For pydantic validators. Raises ``ValueError``.
    """
    return path_from((info.context or {}).get("directory") or Path(), value)


def path_from(directory: Path, value: object) -> Path:
    """The path that a value names, from a directory. Raises ``ValueError``."""
    if not isinstance(value, str | Path) or not str(value) or "\0" in str(value):
        raise ValueError("expected the name of a file, in quotes")
    try:
        return directory.absolute() / Path(value).expanduser()
    except RuntimeError:
        raise ValueError("unknown home directory; write the absolute path") from None


def state_directory() -> Path:
    """The directory for persistent state. Raises ``RuntimeError`` if there is none."""
    base = Path(os.environ.get("XDG_STATE_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".local" / "state") / "oscbridge"
