"""``oscbridge check``"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Final

import click

from oscbridge.bridge.app import App
from oscbridge.bridge.config.config import Configuration
from oscbridge.bridge.config.file import read_file, replace_file
from oscbridge.bridge.config.include import include_files
from oscbridge.bridge.routes.direct import DirectRoute
from oscbridge.bridge.routes.explain import Outcome, RouteTrace, sources, trace
from oscbridge.bridge.routes.naming import route_text
from oscbridge.cli.run import read_configuration
from oscbridge.cli.send import read_message
from oscbridge.osc import Message, Origin
from oscbridge.osc.text import format_message
from oscbridge.plugins import Plugins
from oscbridge.suggestions import suggest

__all__ = ["command"]

_COLOURS: Final[dict[Outcome, str | None]] = {"passed": None, "stopped": "yellow", "sent": "green"}

WIDEST: Final = 40
"""Columns of a value; a longer one moves its result to the right."""


class _MessageParameter(click.ParamType[Message]):
    """A message as for ``oscbridge send``, in one text."""

    name = "message"

    def convert(
        self, value: str | Message, param: click.Parameter | None, ctx: click.Context | None
    ) -> Message:
        if isinstance(value, Message):
            return value
        try:
            return read_message(shlex.split(value))
        except ValueError as error:  # an unclosed quote
            self.fail(f"{value!r}: {str(error)[:1].lower()}{str(error)[1:]}", param, ctx)
        except click.UsageError as error:
            self.fail(f"{value!r}: {error.format_message()}", param, ctx)


@click.command("check")
@click.argument("file", type=click.Path(path_type=Path, readable=False))
@click.option(
    "--trace",
    "message",
    type=_MessageParameter(),
    metavar="MESSAGE",
    help="Show step by step what the routes would do with a message, written as for send.",
)
@click.option(
    "--from", "source", metavar="NAME", help="The bridge or endpoint that the message comes from."
)
@click.option(
    "--fix", is_flag=True, help="Rename keys in FILE that have a new name, before the check."
)
def command(file: Path, message: Message | None, source: str | None, fix: bool) -> None:
    """Check a configuration FILE without opening anything.

    Every problem is shown with its key, its value and how to fix it. With --trace, the
    functions of routes run; nothing is sent. With --fix, FILE is replaced if it contains
    former names of keys; its comments, order and formatting are kept.

    Exit code: 0 if FILE is valid, 2 if it has problems, 1 if --fix cannot write it or if the
    message of --trace goes nowhere.

    \b
    Examples:
      oscbridge check studio.toml
      oscbridge check studio.toml --fix
      oscbridge check studio.toml --trace "/1/fader3 0.5"
      oscbridge check studio.toml --trace "/cue 'intro music'" --from stage
    """
    plugins = Plugins()
    if fix:
        _fix(file, plugins)
    configuration = read_configuration(file, plugins)
    app = App(configuration, plugins)
    if message is not None:
        if not _show_traces(app, message, _sources(configuration, source)):
            sys.exit(1)
        return
    if source is not None:
        raise click.UsageError("--from needs --trace")
    counts = (
        (len(configuration.bridges), "bridge"),
        (len(configuration.endpoints.keys() - configuration.bridges), "endpoint"),
        (len(configuration.routes), "route"),
    )
    summary = ", ".join(f"{count} {noun}{'' if count == 1 else 's'}" for count, noun in counts)
    click.echo(f"{file}: {click.style('valid', fg='green')}: {summary}")
    for number, route in enumerate(configuration.routes, 1):
        if not route.enabled:
            click.echo(f"{route_text(number, route.name, route.match)}: disabled")
    for name in [each for each in app.idle if each not in configuration.bridges]:
        click.echo(click.style(f"endpoint.{name}: not used by any route", fg="yellow"))


def _fix(file: Path, plugins: Plugins) -> None:
    """Rename keys in a file and in those that it includes, and print which."""
    from oscbridge.bridge.config.renamed_keys import rename_keys  # tomlkit loads slowly

    changes = [  # of all files before one is written
        (name, *rename_keys(text, plugins.endpoint_types, name))
        for name, text in include_files(read_file(file), str(file), file.absolute()).texts.items()
    ]
    for name, text, renamed in changes:
        if renamed:
            replace_file(Path(name), text)
        for key in renamed:
            click.echo(f"{name}: {key}")
    if not any(renamed for _, _, renamed in changes):
        click.echo(f"{file}: no keys to rename")


def _sources(configuration: Configuration, name: str | None) -> list[str]:
    if name is None:
        return sources(configuration)
    known = list(dict.fromkeys([*configuration.bridges, *configuration.endpoints]))
    if name not in known:
        raise click.UsageError(f"--from {name}: no such bridge or endpoint; {suggest(name, known)}")
    return [name]


def _show_traces(app: App, message: Message, names: list[str]) -> bool:
    """Print what happens to a message from each source; returns whether it is sent anywhere."""
    is_sent = False
    if not names:
        click.echo("No bridges and no routes: no messages are received.")
    for index, name in enumerate(names):
        if index:
            click.echo()
        kind = "bridge" if name in app.configuration.bridges else "endpoint"
        shown = click.style(format_message(message), bold=True)
        click.echo(f"{shown} from {kind} {click.style(name, fg='cyan', bold=True)}")
        if _is_absorbed(app.configuration, name, message):
            click.echo(click.style("  for the bridge itself: it is not routed", fg="yellow"))
            continue
        routes = trace(app.configuration, name, message._replace(origin=Origin(name)))
        for line in _lines(routes):
            click.echo(line)
        defaults = _defaults(app, name, message)
        for endpoint in defaults:
            click.echo(f"  {click.style('a plugin', bold=True)} sends it to {endpoint} unchanged")
        reached = bool(defaults) or any(route.sent for route in routes)
        is_sent = is_sent or reached
        if not routes and not defaults:
            click.echo("  no route reads from this source")
        elif not reached:
            click.echo(click.style("  it is not sent anywhere", fg="yellow"))
    return is_sent


def _is_absorbed(configuration: Configuration, source: str, message: Message) -> bool:
    """Whether a message to a bridge only concerns who is its client."""
    bridge = configuration.bridges.get(source)
    clients = None if bridge is None else bridge.clients
    return clients is not None and message.address in clients.absorbed


def _lines(routes: list[RouteTrace]) -> Iterator[str]:
    """The steps, aligned over all routes."""
    steps = [step for route in routes for step in route.steps]
    keys = max((len(step.key) for step in steps), default=0)
    values = min(max((len(step.value) for step in steps), default=0), WIDEST)
    for route in routes:
        yield click.style(f"  {route.name}", bold=True)
        for (key, value), group in groupby(route.steps, key=lambda step: (step.key, step.value)):
            first = f"{key:{keys}}  {value:{values}}"
            for step in group:  # a function may return several messages
                colour = _COLOURS[step.outcome]
                result = step.result if colour is None else click.style(step.result, fg=colour)
                yield f"    {first}  {result}"
                first = " " * len(first)


def _defaults(app: App, source: str, message: Message) -> list[str]:
    """The endpoints to which routes of plugins send a message."""
    found = []
    for handler in app.dispatchers[source].handlers_for_address(message.address):
        if isinstance(handler.callback, DirectRoute):
            found.append(handler.callback.sink.name)
    return found
