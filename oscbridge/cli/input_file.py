"""The path of a file to read as the value of a parameter."""

from __future__ import annotations

import os
from pathlib import Path

import click

from oscbridge.suggestions import did_you_mean

__all__ = ["INPUT_FILE"]


class _InputFile(click.Path):
    """The path of a file that exists."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False, path_type=Path)

    def convert(
        self,
        value: str | os.PathLike[str],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Path:
        path = Path(value)
        if path.is_dir():
            self.fail(f"{str(value)!r}: expected a file, and this is a folder", param, ctx)
        if not path.exists():
            names = [each.name for each in path.parent.glob("*") if each.is_file()]
            fix = did_you_mean(path.name, names) or "check the name"
            self.fail(f"{str(value)!r}: no such file; {fix}", param, ctx)
        return path


INPUT_FILE = _InputFile()
