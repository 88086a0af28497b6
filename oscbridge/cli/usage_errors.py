"""Errors in the use of commands: the value, the problem, and how to fix it.

Click's own texts name Python's types (``'x' is not a valid float range``), and no fix.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeAlias

import click

from oscbridge.suggestions import suggest

__all__ = ["clear_error"]

MAX_WORDS: Final = 20
"""Words of a command among which the name of a file is searched for."""

_Number: TypeAlias = click.types.IntParamType | click.types.FloatParamType


def clear_error(error: click.UsageError, words: Sequence[str]) -> click.UsageError:
    """The same error with a text that names the fix, or the error itself if its text does.

    ``words`` are those of the command.
    """
    if isinstance(error, click.NoSuchOption):
        known = _options(error.ctx)
        return click.UsageError(
            f"unknown option {error.option_name!r}; {suggest(error.option_name, known)}", error.ctx
        )
    if isinstance(error, click.MissingParameter):
        names = ", ".join(_completions(error))
        text = error.format_message().removesuffix(".")
        return click.UsageError(f"{text}; available: {names}", error.ctx) if names else error
    if isinstance(error, click.BadParameter) and error.param is not None:
        value, is_not, _ = error.message.partition(" is not ")
        if is_not and isinstance(error.param.type, _Number):
            text = f"{value.removesuffix('.0')}: expected {_expected(error.param.type)}"
            return click.BadParameter(text, error.ctx, error.param, error.param_hint)
    if "extra argument" in error.message and (name := _name_with_blanks(words[:MAX_WORDS])):
        fix = f"did you mean {shlex.quote(name)}, with quotes?"
        return click.UsageError(f"{error.message}; {fix}", error.ctx)
    return error


def _name_with_blanks(words: Sequence[str]) -> str:
    """A file whose name the shell has split into several words, or an empty string."""
    for first in range(len(words)):
        for last in range(first + 2, len(words) + 1):
            name = " ".join(words[first:last])
            with suppress(OSError, ValueError):  # it cannot be the name of a file
                if Path(name).is_file():
                    return name
    return ""


def _options(ctx: click.Context | None) -> list[str]:
    if ctx is None:
        return []
    return [
        max(param.opts, key=len)
        for param in ctx.command.get_params(ctx)
        if isinstance(param, click.Option) and not param.hidden
    ]


def _completions(error: click.MissingParameter) -> list[str]:
    """The values that the Tab key offers for a missing one."""
    if error.param is None or error.ctx is None:
        return []
    found = error.param.shell_complete(error.ctx, "")
    return [str(each.value) for each in found if each.type == "plain"]


def _expected(kind: _Number) -> str:
    noun = "a whole number" if isinstance(kind, click.types.IntParamType) else "a number"
    if not isinstance(kind, click.IntRange | click.FloatRange):
        return noun
    limits = []
    if kind.min is not None:
        limits.append(f"{'above' if kind.min_open else 'at least'} {_plain(kind.min)}")
    if kind.max is not None:
        limits.append(f"{'below' if kind.max_open else 'at most'} {_plain(kind.max)}")
    return f"{noun}, {' and '.join(limits)}" if limits else noun


def _plain(number: float) -> str:
    return str(int(number)) if number == int(number) else str(number)
