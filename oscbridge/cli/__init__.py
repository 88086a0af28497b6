"""The command line: one file per command, loaded when it is called."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property
from importlib import import_module
from keyword import iskeyword
from typing import Final

import click

from oscbridge.cli.standard_streams import (
    discard_output,
    escape_unknown_characters,
    is_full,
    open_standard_streams,
)
from oscbridge.cli.summaries import SUMMARIES
from oscbridge.cli.uncut_group import UncutGroup, keep_summaries
from oscbridge.errors import ConfigurationError, OSCBridgeError
from oscbridge.postponed_openssl import postpone_openssl
from oscbridge.suggestions import suggest

__all__ = ["COMMANDS", "OF_PLUGINS", "Commands", "cli", "main"]

COMMANDS: Final = tuple(SUMMARIES)

OF_PLUGINS: Final = ("midi", "oscquery")
"""Commands of plugins of this project."""

MAX_WORDS: Final = 20
"""Words of a command among which the name of a file is searched for."""

_FIXES: Final = {
    **{name: f'install its plugin: pip install "oscbridge[{name}]"' for name in OF_PLUGINS},
    "help": "did you mean: oscbridge --help?",
    "serve": "did you mean 'run'?",
    "start": "did you mean 'run'?",
    "status": "did you mean 'top'?",
    "stop": "Ctrl-C in its terminal, or SIGTERM, stops a bridge",
    "version": "did you mean: oscbridge --version?",
}
"""How to fix names of missing plugins, and those that commands have in other programs, where the
most similar name would mislead."""


class _ListedCommands(UncutGroup):
    """Lists commands in the order in which they were added."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(self.commands)


class Commands(click.Group):
    """Finds a command in the module of the same name, and other commands in the plugins."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*COMMANDS, *sorted(self._of_plugins)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return self._of_plugins.get(cmd_name)
        module = f"{cmd_name}_" if iskeyword(cmd_name) else cmd_name
        command: click.Command = import_module(f"oscbridge.cli.{module}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the summaries of all commands. It imports none of ours."""
        ours = {name: click.Command(name, help=text) for name, text in SUMMARIES.items()}
        listed = _ListedCommands(commands={**ours, **dict(sorted(self._of_plugins.items()))})
        listed.format_commands(ctx, formatter)

    def shell_complete(
        self, ctx: click.Context, incomplete: str
    ) -> list[click.shell_completion.CompletionItem]:
        """Complete the name of a command. It imports none of ours."""
        item = click.shell_completion.CompletionItem
        ours = [item(name, help=text) for name, text in SUMMARIES.items()]
        others = [
            item(name, help=command.get_short_help_str())
            for name, command in sorted(self._of_plugins.items())
        ]
        found = [each for each in (*ours, *others) if str(each.value).startswith(incomplete)]
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]

    @cached_property
    def _of_plugins(self) -> dict[str, click.Command]:
        # Loading the plugins takes longer than most commands run.
        from oscbridge.plugins.manager import Plugins

        found = click.Group()
        Plugins().add_commands(found)
        for each in found.commands.values():
            keep_summaries(each)
        return {name: each for name, each in found.commands.items() if name not in COMMANDS}

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            if args[0].endswith(".toml"):
                import shlex

                fix = f"did you mean: oscbridge run {shlex.quote(args[0])}?"
            else:
                fix = _FIXES.get(args[0]) or suggest(args[0], self.list_commands(ctx))
            text = f"{error.message.removesuffix('.')}; {fix}"
            raise click.UsageError(text, ctx) from None

    def invoke(self, ctx: click.Context) -> object:
        words = list(ctx.args)
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            if "extra argument" not in error.message:
                raise
            name = _name_with_blanks(words[:MAX_WORDS])
            if not name:
                raise
            import shlex

            fix = f"did you mean {shlex.quote(name)}, with quotes?"
            raise click.UsageError(f"{error.message}; {fix}", error.ctx) from None


def _name_with_blanks(words: Sequence[str]) -> str:
    """A file whose name the shell has split into several words, or an empty string."""
    from pathlib import Path

    for first in range(len(words)):
        for last in range(first + 2, len(words) + 1):
            name = " ".join(words[first:last])
            with suppress(OSError, ValueError):  # it cannot be the name of a file
                if Path(name).is_file():
                    return name
    return ""


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="oscbridge", message="%(prog)s %(version)s")
def cli() -> None:
    """A bridge from OSC (Open Sound Control) to other protocols, and back.

    \b
    Examples:
      oscbridge run                  OSC on UDP 9000, WebSocket on 8080
      oscbridge run studio.toml      as configured in a file
      oscbridge send /hello 1        send a message to the bridge
    """


def main() -> None:
    """The program. Exit code: 0, 1 if something failed, or 2 for wrong usage or configuration."""
    gc.freeze()  # imported modules stay: neither a collection nor the end needs to visit them
    open_standard_streams()
    escape_unknown_characters()
    postpone_openssl()
    try:
        cli(prog_name="oscbridge")
    except ConfigurationError as error:
        fail(str(error), 2)
    except OSCBridgeError as error:
        fail(str(error), 1)
    except OSError as error:
        if not is_full(error):
            raise
        discard_output()  # else the interpreter tries again at the end
        fail(f"cannot write the output: {error.strerror}", 1)


def fail(text: str, code: int) -> None:
    """Print errors, one per line with the line of the file and a caret if known, and exit."""
    from oscbridge.bridge.config.error_excerpt import is_excerpt

    for line in text.splitlines():
        prefix = "" if is_excerpt(line) else click.style("error: ", fg="red", bold=True)
        click.echo(prefix + line, err=True)
    sys.exit(code)
