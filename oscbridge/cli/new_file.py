"""What ``oscbridge init`` does: it asks, and writes a configuration file."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Final, NamedTuple

import click

from oscbridge.bridge.config.config import examine, parse
from oscbridge.bridge.config.include import include_files
from oscbridge.bridge.config.plugin_packages import missing_extras
from oscbridge.cli.example_library import find_example
from oscbridge.cli.new_configuration import ONE_WAY, TARGETS, NewBridge, configuration_text
from oscbridge.cli.own_name import own_name
from oscbridge.cli.parameters import PORT
from oscbridge.errors import ConfigurationError
from oscbridge.net.os_errors import what_failed
from oscbridge.plugins.endpoint_types import EndpointTypeMap
from oscbridge.plugins.manager import Plugins
from oscbridge.profiles.library import device_profiles, find_profile

__all__ = ["GivenAnswers", "write_new_file"]

DEFAULT_FILE: Final = Path("oscbridge.toml")
"""What ``oscbridge run`` of a new user names."""


class GivenAnswers(NamedTuple):
    """The options of the command; None is a question to ask."""

    port: int | None
    target: str | None
    place: str | None
    profile: str | None
    one_way: bool
    unasked: bool
    """Whether the other questions have their default answers."""


def write_new_file(file: Path | None, given: GivenAnswers, example: str | None) -> None:
    """Ask the questions without an answer, or take an example, and write the file.

    Raises :class:`ConfigurationError` and :class:`click.UsageError`.
    """
    if file is None and (given.unasked or example is not None):
        file = DEFAULT_FILE
    if file is not None and (problem := _why_not(file)):  # before any question
        raise ConfigurationError(problem)
    types = Plugins().endpoint_types
    numbers = count(1)
    if example is not None:
        if given.one_way or any(each is not None for each in given[:4]):
            raise click.UsageError(
                "--example writes a whole file: it takes no answers to questions"
            )
        text = find_example(example).configuration
    else:
        text = configuration_text(_ask(types, given, numbers))
    file = file or _ask_file(numbers)
    missing = missing_extras(text, types)
    if not missing:  # without its plugins, nothing is known of the options
        parse(text, types, str(file), file.absolute().parent, with_tests=True)
    _write(file, text)
    _say_how_to_go_on(file, missing)


def _ask(types: EndpointTypeMap, given: GivenAnswers, numbers: Iterator[int]) -> NewBridge:
    """The answers, given or asked for. The questions that are asked get the next numbers."""
    port, target, place, profile, one_way, unasked = given
    if port is None:
        port = 9000
        if not unasked:
            text = f"{next(numbers)}. Which UDP port do OSC messages arrive at?"
            port = click.prompt(text, port, type=PORT)
    if target is None:
        target = "browser" if profile is None else "osc"
        if profile is None and not unasked:
            choice = click.Choice(list(TARGETS), case_sensitive=False)
            target = click.prompt(f"{next(numbers)}. Where do they go?", target, type=choice)
    offered = TARGETS[target]
    if place is None:
        place = offered.default
        if not unasked:
            place = _ask_place(types, target, next(numbers))
    if target != "osc":
        if profile is not None:
            raise click.UsageError("--profile is for --to osc")
        profile = ""
        if target not in ONE_WAY and not one_way and not unasked:
            one_way = not click.confirm(f"{next(numbers)}. May messages come back?", True)
    elif profile is None:
        profile = "" if unasked else _ask_profile(next(numbers))
    else:
        _check_profile(profile)
    return NewBridge(port, target, place, profile, not one_way)


def _ask_place(types: EndpointTypeMap, target: str, number: int) -> str:
    """Where the target is; asked again as long as the answer is not valid."""
    text = f"{number}. {TARGETS[target].question}"
    while True:
        place = str(click.prompt(text, TARGETS[target].default))
        written = configuration_text(NewBridge(9000, target, place, "", True))
        if missing_extras(written, types):
            return place
        problems = examine(include_files(written, place, Path()), types, None, "").problems
        if not problems:
            return place
        click.echo("\n".join(problem for _, problem, _ in problems), err=True)


def _ask_profile(number: int) -> str:
    names = ", ".join(device_profiles())
    text = f"{number}. Is it one of these? {names}, or none"
    while (name := click.prompt(text, "none").lower()) != "none":
        try:
            _check_profile(name)
        except ConfigurationError as error:
            click.echo(f"{error}", err=True)
        else:
            return str(name)
    return ""


def _check_profile(name: str) -> None:
    try:
        find_profile(name, Path())
    except ValueError as error:
        raise ConfigurationError(f"profile {name!r}: {error}") from None


def _ask_file(numbers: Iterator[int]) -> Path:
    text = f"{next(numbers)}. What is the file called?"
    while problem := _why_not(file := Path(click.prompt(text, str(DEFAULT_FILE)))):
        click.echo(problem, err=True)
    return file


def _why_not(file: Path) -> str:
    """Why a new file cannot have this name; empty if it probably can."""
    folder = file.parent
    if file.exists():
        return f"{file}: exists already, and is not replaced; name another FILE"
    if not folder.is_dir():
        return f"{file}: no such folder: {folder}; make it first, or name another FILE"
    if not os.access(folder, os.W_OK | os.X_OK):
        return f"{file}: the folder {folder.absolute()} cannot be written; name another FILE"
    return ""


def _write(file: Path, text: str) -> None:
    try:
        with file.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except OSError as error:
        raise ConfigurationError(f"{file}: cannot be written: {what_failed(error)}") from None


def _say_how_to_go_on(file: Path, missing: Sequence[str]) -> None:
    click.echo(f"{file}: written")
    if missing:
        noun = "a plugin" if len(missing) == 1 else "plugins"
        click.echo(f'It needs {noun}: pip install "oscbridge[{",".join(missing)}]"')
    click.echo(f"Then: {own_name()} run {shlex.quote(str(file))}")
    sys.stdout.flush()
