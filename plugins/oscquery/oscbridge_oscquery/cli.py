"""``oscbridge oscquery``: look at OSCQuery servers."""

from __future__ import annotations

from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import click

import oscbridge

__all__ = ["oscquery"]

# The commands import what they use: help is shown quicker without aiohttp.
_ResultT = TypeVar("_ResultT")

_token = click.option("--token", envvar="OSCBRIDGE_TOKEN", help="Token for the server.")
_url = click.argument("url")


def _run(work: Coroutine[Any, Any, _ResultT]) -> _ResultT:
    """The result of some work. Errors are shown in one line."""
    import asyncio

    try:
        return asyncio.run(work)
    except OSError as error:
        raise click.ClickException(oscbridge.what_failed(error)) from None
    except oscbridge.OSCBridgeError as error:
        raise click.ClickException(str(error) or type(error).__name__) from None


@click.group()
def oscquery() -> None:
    """Find, browse and listen to OSCQuery servers.

    URL is host:port or http://host:port.

    \b
    Examples:
      oscbridge oscquery browse
      oscbridge oscquery tree 192.168.1.40:9190
      oscbridge oscquery get 192.168.1.40:9190 /ch/01/mix/fader
      oscbridge oscquery listen 192.168.1.40:9190 "/ch/*/mix/fader"
      oscbridge oscquery export 192.168.1.40:9190 > profiles/mydesk.toml
    """


@oscquery.command()
@click.option(
    "--timeout",
    type=click.FloatRange(0.1, 600),
    default=3.0,
    show_default=True,
    help="Seconds to look for servers.",
)
def browse(timeout: float) -> None:
    """List the servers in the local network. Needs the package zeroconf."""
    from oscbridge_oscquery.look import find_servers
    from oscbridge_oscquery.tree_text import printable

    found = _run(find_servers(timeout))
    width = max((len(each.service.place) for each in found), default=0)
    for each in found:
        name = click.style(printable(each.service.name), bold=True)
        what = printable(each.info.name) if each.info is not None else "does not answer"
        click.echo(f"{each.service.place:{width}}  {name}  {what}")
    if not found:
        click.echo("no OSCQuery server found", err=True)


@oscquery.command()
@_url
@click.argument("path", default="/")
@_token
def tree(url: str, path: str, token: str | None) -> None:
    """Print the nodes of a server, below PATH if it is given.

    A line has the address, type tags, access (r, w), range, unit, value and description.
    """
    from oscbridge_oscquery.look import ask_tree
    from oscbridge_oscquery.tree_text import tree_lines

    info, nodes, ignored = _run(ask_tree(url, path, token))
    click.echo(click.style(f"{info.name or 'no name'}: {len(nodes)} addresses", bold=True))
    for line in tree_lines(nodes):
        click.echo(line)
    if ignored:
        click.echo(f"ignored: {ignored}", err=True)


@oscquery.command()
@_url
@click.argument("path")
@_token
def get(url: str, path: str, token: str | None) -> None:
    """Print one node of a server with its value.

    Exit code: 0 if the node exists, 1 if not.
    """
    from oscbridge_oscquery.look import ask_node
    from oscbridge_oscquery.tree_text import node_line

    node = _run(ask_node(url, path, token))
    if node is None:
        raise click.ClickException(f"{url} has no node {path}")
    click.echo(node_line(node))


@oscquery.command()
@_url
@click.argument("paths", nargs=-1, required=True)
@click.option("--count", type=click.IntRange(min=1), help="Exit after this number of values.")
@_token
def listen(url: str, paths: tuple[str, ...], count: int | None, token: str | None) -> None:
    """Print the values of nodes, and each change, until Ctrl-C.

    PATHS are addresses, or patterns as in the match of a route. A server without LISTEN is
    asked twice a second.
    """
    from oscbridge_oscquery.look import follow

    try:
        _run(follow(url, paths, token, count, click.echo))
    except KeyboardInterrupt:
        pass


@oscquery.command()
@_url
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="File to write.")
@click.option("--force", is_flag=True, help="Replace the file.")
@_token
def export(url: str, output: Path | None, force: bool, token: str | None) -> None:
    """Write the tree of a server as a device profile.

    An endpoint names it: profile = "FILE".
    """
    from oscbridge_oscquery.look import ask_tree
    from oscbridge_oscquery.profile_text import profile_text

    info, nodes, _ = _run(ask_tree(url, "/", token))
    text = profile_text(info, url, nodes)
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        with output.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise click.ClickException(f"{output} exists; use --force to replace it") from None
    except OSError as error:
        raise click.ClickException(f"{output}: {oscbridge.what_failed(error)}") from None
    click.echo(f"{output}: {len(nodes)} addresses", err=True)
