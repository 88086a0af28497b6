"""``oscbridge plugins new``"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

import click

from oscbridge.errors import OSCBridgeError
from oscbridge.net.os_errors import what_failed

__all__ = ["command"]


@click.command("new")
@click.argument("name")
def command(name: str) -> None:
    """Start a plugin NAME: a working project in the folder oscbridge-NAME.

    It has an endpoint type NAME that sends and receives lines of text over TCP, with typed
    options, tests, a README and a file for CI. Replace the protocol by your own.

    \b
    Example:
      oscbridge plugins new lamp
      cd oscbridge-lamp
      pip install -e . pytest && pytest
    """
    from oscbridge.cli.plugins.project import ProjectName, project_files
    from oscbridge.plugins.manager import Plugins  # completion does not need them

    logging.getLogger("oscbridge").setLevel(logging.CRITICAL)  # of other plugins only the names
    plugins = Plugins()
    taken = {each.name for each in plugins.plugins} | set(plugins.endpoint_types)
    project = ProjectName(name, taken)
    folder = Path(project.distribution)
    made = project_files(project)
    _write(folder, made)
    click.echo(f"{folder}: {len(made)} files")
    click.echo("Next:")
    click.echo(f"  cd {folder}")
    click.echo("  pip install -e . pytest && pytest")
    click.echo(f"  oscbridge plugins show {project.type}")
    click.echo(f"  oscbridge plugins check {project.type}")


def _write(folder: Path, made: Mapping[str, str]) -> None:
    """Write all files, or none. Raises :class:`OSCBridgeError`, also if the folder exists."""
    if os.path.lexists(folder):
        raise OSCBridgeError(f"{folder} exists already; remove it, or choose another name")
    temporary: str | None = None
    try:
        temporary = tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.absolute().parent)
        for name, text in made.items():
            path = Path(temporary, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        mask = os.umask(0)
        os.umask(mask)
        Path(temporary).chmod(0o777 & ~mask)  # mkdtemp makes it for this user alone
        Path(temporary).rename(folder)
    except OSError as error:
        raise OSCBridgeError(f"{folder}: cannot be written: {what_failed(error)}") from None
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)
