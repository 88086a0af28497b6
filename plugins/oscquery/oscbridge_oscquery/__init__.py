"""The OSCQuery plugin of oscbridge: an address space to browse, read, set and listen to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import oscbridge

if TYPE_CHECKING:
    import click


@oscbridge.hookimpl
def oscbridge_endpoints() -> oscbridge.EndpointTypes:
    return {"oscquery": "oscbridge_oscquery.endpoint:OSCQueryEndpoint"}


@oscbridge.hookimpl
def oscbridge_commands(cli: click.Group) -> None:
    from oscbridge_oscquery.cli import oscquery  # imported only when a command runs

    cli.add_command(oscquery)
