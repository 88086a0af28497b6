"""What ``oscbridge import`` does."""

from __future__ import annotations

from pathlib import Path

import click

from oscbridge.bridge.config.file import read_file
from oscbridge.cli.imported_text import Verified, imported_text, verify
from oscbridge.contract.importing import ImportedFile, Importer
from oscbridge.errors import ConfigurationError, InputError, OSCBridgeError
from oscbridge.failures import failure_text
from oscbridge.plugins.manager import Plugins

__all__ = ["import_file"]


def import_file(
    plugins: Plugins, name: str, importer: Importer, file: Path, **options: object
) -> None:
    """Print the routes of a file of another program.

    Raises :class:`~oscbridge.errors.ConfigurationError` if it is not in this format.
    """
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
