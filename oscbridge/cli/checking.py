"""What ``oscbridge check`` does."""

from __future__ import annotations

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
from oscbridge.cli.running import read_configuration
from oscbridge.osc import Message
from oscbridge.plugins.manager import Plugins
from oscbridge.suggestions import suggest

__all__ = ["check"]


def check(file: Path, message: Message | None, source: str | None, *, fix: bool) -> None:
    """Check a file, or trace a message through its routes, and print the result.

    Raises :class:`~oscbridge.errors.ConfigurationError` and :class:`click.UsageError`. Exits with
    code 1 if the message goes nowhere.
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
