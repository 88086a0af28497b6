"""``oscbridge addresses``"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path

import click

from oscbridge.address_space.limits import MAX_NODES
from oscbridge.cli.attaching import file_option, pid_option
from oscbridge.cli.number import WholeNumber
from oscbridge.monitoring.control_calls import KnownAddresses, addresses
from oscbridge.monitoring.control_client import choose

__all__ = ["command"]


@click.command("addresses")
@click.argument("match", metavar="[PATTERN]", required=False)
@click.option("--of", "part", metavar="NAME", help="Those that this endpoint or bridge knows.")
@click.option(
    "--seen-by",
    "visible_to",
    metavar="NAME",
    help="Those that routes connect this endpoint with, as it sees them.",
)
@click.option("--all", "every", is_flag=True, help="One per line, without ranges of numbers.")
@click.option(
    "--limit",
    type=WholeNumber(0, MAX_NODES),
    default=MAX_NODES,
    metavar="N",
    help="The first N addresses only.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@file_option
@pid_option
def command(
    match: str | None,
    part: str | None,
    visible_to: str | None,
    every: bool,
    limit: int,
    as_json: bool,
    file: Path | None,
    pid: int | None,
) -> None:
    """List the addresses that the running bridge knows, with their types and ranges.

    They are known from routes, profiles, other servers and, with [run] learn_addresses, from
    messages. PATTERN selects some like the match of a route. Those that differ only in numbers
    are one line.

    \b
    Examples:
      oscbridge addresses
      oscbridge addresses "/ch/01/*" --all
      oscbridge addresses --of desk
      oscbridge addresses --seen-by web --json
    """
    if part is not None and visible_to is not None:
        raise click.UsageError("--of cannot be combined with --seen-by")
    selection = {"match": match or None, "part": part, "visible_to": visible_to, "limit": limit}
    found = asyncio.run(_ask(selection, file, pid))
    if as_json:
        for each in found.addresses:
            click.echo(json.dumps(each))
        return
    from oscbridge.cli.addresses_view import print_addresses  # rich loads slowly

    print_addresses(found, one_by_one=every)


async def _ask(
    selection: Mapping[str, object], file: Path | None, pid: int | None
) -> KnownAddresses:
    return await addresses(await choose(pid, file), **selection)
