"""Errors in the use of every command name the value and the fix, and end with exit code 2."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from oscbridge.cli import cli


def commands(group: click.Group, *names: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*names, name), command
        if isinstance(command, click.Group):
            yield from commands(command, *names, name)


ALL = dict(commands(cli))


def error_of(*args: str) -> str:
    """The last line of a call that is wrong."""
    done = CliRunner().invoke(cli, list(args), prog_name="oscbridge")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(f"Usage: oscbridge {args[0]}")
    return done.stderr.splitlines()[-1]


@pytest.mark.parametrize("names", ALL, ids=" ".join)
def test_unknown_option_is_named_with_a_fix(names: tuple[str, ...]) -> None:
    if ALL[names].hidden:
        return
    error = error_of(*names, "--nosuch")
    assert error.startswith("Error: unknown option '--nosuch'; "), error
    assert error.partition("; ")[2].startswith(("did you mean", "available: ", "put --"))


@pytest.mark.parametrize(
    ("args", "text"),
    [
        (("top", "--evry", "2"), "unknown option '--evry'; did you mean '--every'?"),
        (("top", "--every", "x"), "'--every': 'x': expected a number, at least 0.2 and at most"),
        (("top", "--every", "nan"), "'--every': 'nan': expected a number, at least 0.2"),
        (("top", "--every", "0"), "'--every': 0: expected a number, at least 0.2 and at most 3600"),
        (("tap", "--count", "x"), "'--count': 'x': expected a whole number, at least 1"),
        (("tap", "--count", "0"), "'--count': 0: expected a whole number, at least 1"),
        (("init", "--port", "99999"), "'--port': 99999: expected a whole number, at least 1 and"),
        (("examples", "cpoy"), "unknown command 'cpoy'; did you mean 'copy'?"),
        (("examples", "copy"), "Missing argument 'NAME'; available: cue-buttons, decibel-fader, "),
        (("simulate",), "Missing argument 'PROFILE'; available: abletonosc, "),
        (("check",), "Missing argument 'FILE'."),
        (("profiles", "x32"), "unknown command 'x32'; available: check, show"),
    ],
)
def test_wrong_value_is_named_with_what_is_expected(args: tuple[str, ...], text: str) -> None:
    assert text in error_of(*args)
