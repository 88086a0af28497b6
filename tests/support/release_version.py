"""The version of all distributions, which move together: ``make version VERSION=0.2.0``.

It writes the version into every ``pyproject.toml``, with the requirements that bridge and plugins
have of each other, and into the add-on of Home Assistant.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

__all__ = ["current_version", "problems_of", "write_version"]

ADD_ON: Final = Path("docker/home-assistant/config.yaml")

_VERSION: Final = re.compile(r"\d+\.\d+\.\d+(?:(?:a|b|rc)\d+)?")
_OWN_LINE: Final = re.compile(r'^(version\s*[=:]\s*)"[^"]*"', re.MULTILINE)
_EXTRA: Final = re.compile(r'"(oscbridge-[a-z0-9-]+)(?:[=>~!<][^"]*)?"')
_REQUIREMENT: Final = re.compile(r'"oscbridge[=>~!<][^"]*"')


def current_version(root: Path) -> str:
    """The version of the bridge."""
    found: str = tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"]
    return found


def write_version(root: Path, version: str) -> None:
    """Write a version into all files. Raises ``ValueError`` for one that is not valid."""
    if not _VERSION.fullmatch(version):
        raise ValueError(f"{version!r} is not a valid version; write it as 1.2.3 or 1.2.3rc1")
    for path, text in _changed(root, version):
        path.write_text(text)


def problems_of(root: Path) -> list[str]:
    """The files that do not have the version of the bridge everywhere."""
    version = current_version(root)
    return [
        f"{path.relative_to(root)} does not fit version {version}; "
        f"write it with: make version VERSION={version}"
        for path, _ in _changed(root, version)
    ]


def _changed(root: Path, version: str) -> Iterator[tuple[Path, str]]:
    """The files that would change, with their text."""
    plugins = sorted(root.glob("plugins/*/pyproject.toml"))
    for path in (root / "pyproject.toml", *plugins, root / ADD_ON):
        before = path.read_text()
        text = _OWN_LINE.sub(rf'\g<1>"{version}"', before, count=1)
        if path.suffix == ".toml":
            head, table, tail = text.partition("[project.optional-dependencies]")
            extras, following, rest = tail.partition("\n\n[")
            if path.parent == root:
                extras = _EXTRA.sub(rf'"\g<1>=={version}"', extras)
            else:
                head = _REQUIREMENT.sub(f'"oscbridge=={version}"', head)
            text = head + table + extras + following + rest
        if text != before:
            yield path, text


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python tests/support/release_version.py VERSION")
    try:
        write_version(Path(__file__).parents[2], sys.argv[1])
    except ValueError as error:
        sys.exit(str(error))
