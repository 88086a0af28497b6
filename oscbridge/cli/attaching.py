"""Options of the commands that attach to a running bridge."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from oscbridge.cli.number import WholeNumber

__all__ = ["file_argument", "file_option", "pid_option"]

_PATH: Final = click.Path(path_type=Path, readable=False)  # the reader reports errors
_F = TypeVar("_F", bound=Callable[..., Any])


def pid_option(command: _F) -> _F:
    """``--pid``: the process to attach to."""
    text = "Attach to this process, if several bridges run."
    return click.option("--pid", type=WholeNumber(min=1), metavar="PID", help=text)(command)


def file_option(command: _F) -> _F:
    """``--file``: the configuration, where the argument has another meaning."""
    text = "Attach to the bridge with this configuration, if several run."
    return click.option("--file", type=_PATH, help=text)(command)


def file_argument(command: _F) -> _F:
    """``FILE``: the configuration."""
    return click.argument("file", type=_PATH, required=False)(command)
