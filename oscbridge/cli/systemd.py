"""``oscbridge systemd``"""

from __future__ import annotations

import sys
from importlib import resources
from pathlib import Path
from typing import Final

import click

from oscbridge.cli.own_name import is_module
from oscbridge.errors import OSCBridgeError

__all__ = ["command"]

HIDDEN: Final = (Path("/home"), Path("/root"), Path("/run/user"))
"""Folders that the service cannot read: ``ProtectHome=`` of systemd.exec(5)."""


@click.command("systemd")
def command() -> None:
    """Print a unit of systemd, which runs the bridge as a service.

    The service runs this installation with /etc/oscbridge/oscbridge.toml, as its own user with
    few rights. It starts with the machine, and again after a crash. It cannot read home folders,
    so the program must be elsewhere, e.g. in /opt/oscbridge.

    \b
    Example:
      oscbridge systemd | sudo tee /etc/systemd/system/oscbridge.service
    """
    by_python = hasattr(sys, "frozen") or is_module()
    program = Path(sys.executable if by_python else sys.argv[0]).absolute()
    for place in (program, Path(sys.prefix), Path(sys.base_prefix)):
        if any(place.is_relative_to(folder) for folder in HIDDEN):
            raise OSCBridgeError(
                f"{place}: a service cannot read home folders; install oscbridge elsewhere, "
                "e.g. in /opt/oscbridge"
            )
    unit = resources.files(__package__).joinpath("oscbridge.service").read_text(encoding="utf-8")
    call = f"{_escaped(str(program))}{' -m oscbridge' if is_module() else ''}"
    click.echo(unit.replace("@program@", call), nl=False)


def _escaped(path: str) -> str:
    """A path as the first word of ``ExecStart=``: systemd.service(5). It cannot have quotes."""
    path = path.replace("%", "%%")
    return f'"{path}"' if " " in path else path
