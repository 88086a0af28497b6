"""``oscbridge set``"""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from oscbridge.bridge.config.environment import value_of
from oscbridge.bridge.routes.variables import MAX_TEXT
from oscbridge.cli.attaching import file_option, pid_option
from oscbridge.cli.completion import complete_variable
from oscbridge.cli.parameters import ValuesCommand
from oscbridge.errors import ConfigurationError
from oscbridge.logs.format import visible
from oscbridge.monitoring import control_client

__all__ = ["command"]


@click.command("set", cls=ValuesCommand, context_settings={"ignore_unknown_options": True})
@click.argument("name", required=False, shell_complete=complete_variable)
@click.argument("value", required=False)
@file_option
@pid_option
def command(name: str | None, value: str | None, file: Path | None, pid: int | None) -> None:
    """Set a variable of the running bridge, or list all variables.

    VALUE is written as in the configuration: true, false or a number; everything else is
    text, which needs no quotes. A variable keeps its kind. Routes see the new value with their
    next message.

    \b
    Examples:
      oscbridge set                      list all variables
      oscbridge set armed true
      oscbridge set level -0.5
      oscbridge set scene "second act"
    """
    if name is not None and value is None:
        fix = f"write: oscbridge set {name} VALUE; without arguments it lists all variables"
        raise click.UsageError(f"missing VALUE; {fix}")
    if name is not None and value is not None and max(len(name), len(value)) > MAX_TEXT:
        what = "NAME" if len(name) > MAX_TEXT else name
        length = max(len(name), len(value))
        raise ConfigurationError(f"{what}: must have at most {MAX_TEXT} characters, not {length}")
    new = None if value is None else value_of(value)
    values = asyncio.run(_set(name, new, _text(value, new), file, pid))
    from oscbridge.cli.top_variables import show_value  # rich loads slowly

    if not values:
        click.echo("no variables; declare them in [variables]", err=True)
    width = max(map(len, values), default=0)
    for each, shown in values.items():
        click.echo(f"{visible(each):{width}}  {show_value(shown)}")


def _text(value: str | None, parsed: object) -> str | None:
    """The value of a variable of text: 1 is text, too."""
    return parsed if isinstance(parsed, str) else value


async def _set(
    name: str | None, value: object, text: str | None, file: Path | None, pid: int | None
) -> dict[str, bool | int | float | str]:
    process = await control_client.choose(pid, file)
    return await control_client.set_variable(process, name, value, text)
