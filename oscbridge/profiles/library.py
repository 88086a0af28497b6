"""Where profiles are: beside the configuration, and in this package."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path
from typing import Final

from oscbridge.bridge.config.file import read_file
from oscbridge.bridge.config.toml import parse_toml
from oscbridge.errors import ConfigurationError
from oscbridge.suggestions import suggest

__all__ = ["FOLDER", "TEMPLATE", "device_profiles", "find_profile", "shipped_profiles"]

FOLDER: Final = "profiles"
"""The folder of user profiles, beside the configuration."""

TEMPLATE: Final = "template"
"""The profile in this package that describes no device: users copy it to write their own."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


def shipped_profiles() -> dict[str, Path]:
    """The files of the profiles in this package, by name."""
    with resources.as_file(resources.files("oscbridge.profiles") / "data") as folder:
        return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def device_profiles() -> list[str]:
    """The names of the profiles in this package that describe a device."""
    return [name for name in shipped_profiles() if name != TEMPLATE]


def find_profile(name: str, directory: Path) -> Path:
    """The file of a profile.

    That is a file named so, ``NAME.toml`` in ``directory`` or its folder ``profiles``, or a
    profile of this package, in this order. Raises ``ValueError``.
    """
    if name.endswith(".toml"):
        return directory / Path(name).expanduser()
    if not _NAME.fullmatch(name):
        raise ValueError("not a valid name of a profile; use letters, digits, '_', '-' and '.'")
    for path in (directory / f"{name}.toml", directory / FOLDER / f"{name}.toml"):
        if path.is_file() and _is_profile(path):
            return path
    shipped = shipped_profiles()
    if name not in shipped:
        raise ValueError(f"unknown profile; {suggest(name, shipped)}")
    return shipped[name]


def _is_profile(path: Path) -> bool:
    """Whether a file beside the configuration is a profile: it may be a configuration, too."""
    try:
        return "title" in parse_toml(read_file(path), str(path))
    except ConfigurationError:
        return True  # its problems are reported when it is read
