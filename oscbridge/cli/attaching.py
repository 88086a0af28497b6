"""What the commands have in common that attach to a bridge that runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

__all__ = ["file_argument", "file_option", "pid_option"]

_F = TypeVar("_F", bound=Callable[..., Any])


def pid_option(command: _F) -> _F:
    """``--pid``: which process."""
    text = "Attach to this process, if several bridges run."
    return click.option("--pid", type=click.IntRange(min=1), help=text)(command)


def file_option(command: _F) -> _F:
    """``--file``: which configuration, where an argument stands for something else."""
    text = "Attach to the bridge with this configuration, if several run."
    return click.option("--file", type=click.Path(path_type=Path), help=text)(command)


def file_argument(command: _F) -> _F:
    """``FILE``: which configuration."""
    return click.argument("file", type=click.Path(path_type=Path), required=False)(command)
