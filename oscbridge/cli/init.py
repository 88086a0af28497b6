"""``oscbridge init``"""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

import click

from oscbridge.cli.completion import complete_example, complete_profile
from oscbridge.cli.example_library import find_example
from oscbridge.cli.new_configuration import ONE_WAY, TARGETS, NewBridge, configuration_text
from oscbridge.cli.run import read_configuration
from oscbridge.errors import ConfigurationError
from oscbridge.net.os_errors import what_failed
from oscbridge.plugins.manager import Plugins
from oscbridge.profiles.library import find_profile, shipped_profiles

__all__ = ["command"]

DEFAULT_FILE: Final = Path("oscbridge.toml")
"""What ``oscbridge run`` of a new user names."""


@click.command("init")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--port", type=click.IntRange(1, 65_535), help="The UDP port where OSC arrives.")
@click.option("--to", "target", type=click.Choice(list(TARGETS)), help="Where messages go.")
@click.option("--at", "place", metavar="PLACE", help="Where the target is, e.g. 192.168.1.40:9001.")
@click.option(
    "--profile",
    metavar="NAME",
    shell_complete=complete_profile,
    help="The device profile of an OSC target.",
)
@click.option("--one-way", is_flag=True, help="Let nothing come back.")
@click.option(
    "--example",
    metavar="NAME",
    shell_complete=complete_example,
    help="Take the configuration of an example instead.",
)
@click.option("--yes", "-y", "unasked", is_flag=True, help="Take the default of every question.")
def command(
    file: Path | None,
    port: int | None,
    target: str | None,
    place: str | None,
    profile: str | None,
    one_way: bool,
    example: str | None,
    unasked: bool,
) -> None:
    """Write a configuration FILE from answers to five questions.

    A question whose option is given is not asked. FILE is oscbridge.toml by default, and is never
    replaced.

    \b
    Examples:
      oscbridge init
      oscbridge init studio.toml --to midi --at Minilogue --yes
      oscbridge init --to osc --at 192.168.1.40:10023 --profile x32 --yes
      oscbridge init --example shared-mixer
    """
    if example is not None:
        text = find_example(example).configuration
        plugin = ""
    else:
        answers = _ask(port, target, place, profile, one_way, unasked)
        text = configuration_text(answers)
        plugin = TARGETS[answers.target].plugin
    if file is None:
        file = DEFAULT_FILE
        if not unasked and example is None:
            file = Path(click.prompt("5. What is the file called?", default=str(file)))
    _write(file, text)
    _check(file)
    _say_how_to_go_on(file, plugin)


def _ask(
    port: int | None,
    target: str | None,
    place: str | None,
    profile: str | None,
    one_way: bool,
    unasked: bool,
) -> NewBridge:
    if port is None:
        port = 9000
        if not unasked:
            kind = click.IntRange(1, 65_535)
            port = click.prompt("1. Which UDP port do OSC messages arrive at?", port, type=kind)
    if target is None:
        target = "browser"
        if not unasked:
            choice = click.Choice(list(TARGETS))
            target = click.prompt("2. Where do they go?", target, type=choice)
    offered = TARGETS[target]
    if place is None:
        place = offered.default
        if not unasked:
            place = click.prompt(f"3. {offered.question}", place)
    if target != "osc":
        if profile is not None:
            raise click.UsageError("--profile is for --to osc")
        profile = ""
        if target not in ONE_WAY and not one_way and not unasked:
            one_way = not click.confirm("4. May messages come back?", True)
    elif profile is None:
        profile = "" if unasked else _ask_profile()
    else:
        _check_profile(profile)
    return NewBridge(port, target, place, profile, not one_way)


def _ask_profile() -> str:
    names = ", ".join(shipped_profiles())
    text = f"4. Is it one of these? {names}, or none"
    while (name := click.prompt(text, "none")) != "none":
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


def _write(file: Path, text: str) -> None:
    try:
        with file.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise ConfigurationError(
            f"{file}: exists already, and is not replaced; name another FILE"
        ) from None
    except OSError as error:
        raise ConfigurationError(f"{file}: cannot be written: {what_failed(error)}") from None


def _check(file: Path) -> None:
    """Remove a file that is not valid: an answer was not. Raises :class:`ConfigurationError`."""
    try:
        plugins = Plugins.for_configuration(file)
        read_configuration(file, plugins, with_tests=True)
    except ConfigurationError:
        file.unlink()
        raise


def _say_how_to_go_on(file: Path, plugin: str) -> None:
    click.echo(f"{file}: written")
    if plugin and not _is_installed(plugin):
        click.echo(f'It needs a plugin: pip install "oscbridge[{plugin}]"')
    click.echo(f"Then: oscbridge run {file}")
    sys.stdout.flush()


def _is_installed(plugin: str) -> bool:
    try:
        distribution(f"oscbridge-{plugin}")
    except PackageNotFoundError:
        return False
    return True
