"""``oscbridge check``"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import click

from oscbridge.bridge.app import App
from oscbridge.bridge.config.config import Configuration
from oscbridge.bridge.config.file import read_file, replace_file
from oscbridge.bridge.config.include import include_files
from oscbridge.bridge.routes.explain import sources
from oscbridge.bridge.routes.naming import route_text
from oscbridge.bridge.routing import raise_failure_of
from oscbridge.bridge.trace_text import trace_lines
from oscbridge.cli.completion import complete_file_source
from oscbridge.cli.run import read_configuration
from oscbridge.cli.send import read_message
from oscbridge.osc import Message
from oscbridge.osc.message_text import read_message_text
from oscbridge.plugins.manager import Plugins
from oscbridge.suggestions import suggest

__all__ = ["command"]


class _MessageParameter(click.ParamType[Message]):
    """A message as for ``oscbridge send``, in one text, or with type tags as it is shown."""

    name = "message"

    def convert(
        self, value: str | Message, param: click.Parameter | None, ctx: click.Context | None
    ) -> Message:
        if isinstance(value, Message):
            return value
        try:
            words = shlex.split(value)
            if any(word.startswith(",") for word in words[1:2]):
                return read_message_text(value)
            return read_message(words)
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
    help="Show step by step what the routes would do with a message, e.g. '/x 0.5' or '/x ,f 1'.",
)
@click.option(
    "--from",
    "source",
    metavar="NAME",
    shell_complete=complete_file_source,
    help="The bridge or endpoint that the message comes from.",
)
@click.option(
    "--fix", is_flag=True, help="Rename or move keys in FILE that have changed, before the check."
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
    plugins = Plugins.for_configuration(file)
    if fix:
        _fix(file, plugins)
    configuration = read_configuration(file, plugins, with_tests=True)
    app = App(configuration, plugins)
    raise_failure_of(configuration, plugins.failures)
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
        *([(len(configuration.tokens), "token")] if configuration.tokens else []),
        *([(len(configuration.tests), "test")] if configuration.tests else []),
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
    from oscbridge.bridge.config.token_migration import TokenMigration

    files = include_files(read_file(file), str(file), file.absolute())
    migration = TokenMigration(files.texts, plugins.endpoint_types)
    changes = [  # of all files before one is written
        (name, *rename_keys(text, plugins.endpoint_types, name, migration))
        for name, text in files.texts.items()
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
        lines, reached = trace_lines(app, name, message, click.style)
        is_sent = is_sent or reached
        for line in lines:
            click.echo(line)
    return is_sent
