"""``oscbridge check``"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Final

import click

from oscbridge.bridge.app import App
from oscbridge.bridge.config.config import Configuration
from oscbridge.bridge.routes.explain import Outcome, RouteTrace, sources, trace
from oscbridge.bridge.routes.route import Route
from oscbridge.bridge.sinks.runner import EndpointRunner
from oscbridge.cli.run import read_configuration
from oscbridge.cli.send import read_message
from oscbridge.osc import Message, Origin
from oscbridge.osc.text import format_message
from oscbridge.plugins import Plugins
from oscbridge.suggestions import suggest

__all__ = ["command"]

_COLOURS: Final[dict[Outcome, str | None]] = {"passed": None, "stopped": "yellow", "sent": "green"}

WIDEST: Final = 40
"""Columns of a value; what is longer moves its result to the right."""


class _MessageParameter(click.ParamType[Message]):
    """A message as ``oscbridge send`` takes it, in one text."""

    name = "message"

    def convert(
        self, value: str | Message, param: click.Parameter | None, ctx: click.Context | None
    ) -> Message:
        if isinstance(value, Message):
            return value
        try:
            return read_message(shlex.split(value))
        except ValueError as error:  # a quote without its partner
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
def command(file: Path, message: Message | None, source: str | None) -> None:
    """Check a configuration FILE without opening anything.

    Every fault is shown with its key, its value and how to mend it. Ends with 2 if there
    is any. With --trace, the functions of routes run; nothing is sent.

    \b
    Examples:
      oscbridge check studio.toml
      oscbridge check studio.toml --trace "/1/fader3 0.5"
      oscbridge check studio.toml --trace "/cue 'intro music'" --from stage
    """
    plugins = Plugins()
    configuration = read_configuration(file, plugins)
    app = App(configuration, plugins)
    if message is not None:
        _show_traces(app, message, _sources(configuration, source))
        return
    if source is not None:
        raise click.UsageError("--from says where the message of --trace comes from")
    counts = (
        (len(configuration.bridges), "bridge"),
        (len(configuration.endpoints), "endpoint"),
        (len(configuration.routes), "route"),
    )
    summary = ", ".join(f"{count} {noun}{'' if count == 1 else 's'}" for count, noun in counts)
    click.echo(f"{file}: {click.style('good', fg='green')}: {summary}")
    for name in app.idle:
        click.echo(click.style(f"endpoint.{name}: no route leads to it or from it", fg="yellow"))


def _sources(configuration: Configuration, name: str | None) -> list[str]:
    if name is None:
        return sources(configuration)
    known = [*configuration.bridges, *configuration.endpoints]
    if name not in known:
        raise click.UsageError(f"--from {name}: no such bridge or endpoint; {suggest(name, known)}")
    return [name]


def _show_traces(app: App, message: Message, names: list[str]) -> None:
    if not names:
        click.echo("There is no bridge and no route: no message can come from anywhere.")
    for index, name in enumerate(names):
        if index:
            click.echo()
        kind = "bridge" if name in app.configuration.bridges else "endpoint"
        shown = click.style(format_message(message), bold=True)
        click.echo(f"{shown} from {kind} {click.style(name, fg='cyan', bold=True)}")
        routes = trace(app.configuration, name, message._replace(origin=Origin(name)))
        for line in _lines(routes):
            click.echo(line)
        defaults = _defaults(app, name, message)
        for endpoint in defaults:
            click.echo(f"  {click.style('a plugin', bold=True)} sends it to {endpoint} as it is")
        if not routes and not defaults:
            click.echo("  no route reads from here")
        elif not defaults and not any(route.sent for route in routes):
            click.echo(click.style("  it goes nowhere", fg="yellow"))


def _lines(routes: list[RouteTrace]) -> Iterator[str]:
    """The steps, aligned over all routes."""
    steps = [step for route in routes for step in route.steps]
    keys = max((len(step.key) for step in steps), default=0)
    values = min(max((len(step.value) for step in steps), default=0), WIDEST)
    for route in routes:
        yield click.style(f"  route {route.number}", bold=True)
        for (key, value), group in groupby(route.steps, key=lambda step: (step.key, step.value)):
            first = f"{key:{keys}}  {value:{values}}"
            for step in group:  # a function may make several messages
                colour = _COLOURS[step.outcome]
                result = step.result if colour is None else click.style(step.result, fg=colour)
                yield f"    {first}  {result}"
                first = " " * len(first)


def _defaults(app: App, source: str, message: Message) -> list[str]:
    """The endpoints to which plugins' own routes take a message."""
    found = []
    for handler in app.dispatchers[source].handlers_for_address(message.address):
        if isinstance(handler.callback, Route):
            continue
        sink = getattr(handler.callback, "__self__", None)
        found.append(sink.name if isinstance(sink, EndpointRunner) else repr(handler))
    return found
