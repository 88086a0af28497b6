"""``oscbridge import``"""

from __future__ import annotations

from functools import cached_property, partial
from pathlib import Path
from typing import Final

import click

from oscbridge.bridge.config.file import read_file
from oscbridge.cli.imported_text import Verified, imported_text, verify
from oscbridge.cli.uncut_group import UncutGroup
from oscbridge.contract.importing import ImportedFile, Importer, Importers
from oscbridge.errors import ConfigurationError, InputError, OSCBridgeError
from oscbridge.failures import failure_text
from oscbridge.importers import BUILT_IN
from oscbridge.plugins.manager import Plugins
from oscbridge.suggestions import suggest

__all__ = ["command"]


_FIXES: Final = {"omm": 'install the plugin that offers it: pip install "oscbridge[midi]"'}
"""How to get the formats of plugins of this project."""


class _Formats(UncutGroup):
    """One command per format: those of the bridge, then those of the plugins."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._importers)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        importer = self._importers.get(cmd_name)
        return None if importer is None else self._command(cmd_name, importer)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in self._importers:
            fix = _FIXES.get(args[0]) or suggest(args[0], self._importers, "formats")
            raise click.UsageError(f"unknown format {args[0]!r}; {fix}", ctx)
        return super().resolve_command(ctx, args)

    @cached_property
    def _plugins(self) -> Plugins:
        return Plugins()

    @cached_property
    def _importers(self) -> Importers:
        return {**self._plugins.importers(), **BUILT_IN}

    def _command(self, name: str, importer: Importer) -> click.Command:
        file = click.Argument(["file"], type=click.Path(path_type=Path, readable=False))
        text = f"Translate {importer.description}, and print the result."
        return click.Command(
            name,
            params=[file, *importer.options],
            callback=partial(_import, self._plugins, name, importer),
            help=f"{text}\n\n{_HELP}",
            short_help=importer.description,
        )


_HELP = """\
Each rule of FILE becomes one or more routes, or a comment with the reason why it does not.
The number of translated rules is printed on standard error."""


@click.group("import", cls=_Formats, invoke_without_command=True)
@click.pass_context
def command(context: click.Context) -> None:
    """Print a configuration made of the rules of another program's file.

    The commands are the formats. Whatever cannot be translated is a comment with the reason.

    \b
    Examples:
      oscbridge import
      oscbridge import osc2mqtt osc2mqtt.ini > studio.toml
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def _import(plugins: Plugins, name: str, importer: Importer, file: Path, **options: object) -> None:
    text = read_file(file, allow_pipe=True)
    try:
        imported: ImportedFile = importer.translate(text, **options)
    except InputError as error:
        line = f"line {error.line}: " if error.line else ""
        raise ConfigurationError(f"{file}: {line}{error}") from None
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        text = f"the importer {name!r} failed: {failure_text(error)}"
        raise OSCBridgeError(f"{file}: {text}") from error
    verified = verify(imported, plugins.endpoint_types)
    click.echo(imported_text(verified.file, file.name, name))
    _report(verified)


def _report(verified: Verified) -> None:
    """The summary and the remaining problems, on standard error."""
    rules = verified.file.rules
    count = sum(rule.count for rule in rules)
    translated = sum(rule.count for rule in rules if rule.routes)
    for problem in verified.problems:
        click.echo(click.style("warning: ", fg="yellow", bold=True) + problem, err=True)
    rest = "" if translated == count else "; the others are comments with the reason"
    click.echo(f"{translated} of {count} rules translated{rest}", err=True)
    if not translated and verified.file.rules:  # what keeps the first one may keep all
        first = verified.file.rules[0]
        click.echo(f"line {first.line}: {first.reason}", err=True)
