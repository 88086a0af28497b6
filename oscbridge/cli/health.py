"""``oscbridge health``"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Final, NamedTuple
from urllib.parse import urlsplit

import click

from oscbridge.cli.attaching import file_argument, pid_option
from oscbridge.errors import OSCBridgeError
from oscbridge.logs.format import visible
from oscbridge.net.any_host import is_any_host
from oscbridge.net.host_name import ANY_HOST, HostError, check_host
from oscbridge.net.os_errors import what_failed
from oscbridge.net.url import HostPort

__all__ = ["command"]

TIMEOUT: Final = 2.0
"""Seconds for everything: name resolution, connection and response."""

MAX_ANSWER: Final = 65_536
"""Bytes of a response that are read."""


WARNING: Final = "warning: "
"""The beginning of a line about something that fails although the bridge is ready."""


class _Answer(NamedTuple):
    status: int
    text: str


class _Web(click.ParamType[HostPort]):
    """``http://host:port``."""

    name = "url"

    def convert(
        self, value: str | HostPort, param: click.Parameter | None, ctx: click.Context | None
    ) -> HostPort:
        if isinstance(value, HostPort):
            return value
        hint = "write it as http://host:port, for example http://127.0.0.1:9180"
        try:
            parts = urlsplit(value)
            host, port = parts.hostname, parts.port
            if host and host != ANY_HOST:
                check_host(host)
        except HostError as error:
            self.fail(str(error), param, ctx)
        except ValueError as error:
            self.fail(f"{value!r}: {error}; {hint}", param, ctx)
        if (
            parts.scheme != "http"
            or not host
            or port == 0
            or parts._replace(scheme="", netloc="", path=parts.path.removeprefix("/")).geturl()
        ):
            self.fail(f"{value!r}: {hint}", param, ctx)
        if is_any_host(host):  # to listen on, not to connect to
            host = "127.0.0.1"
        return HostPort(host, port or 80)


@click.command("health")
@file_argument
@pid_option
@click.option(
    "--url",
    "where",
    type=_Web(),
    metavar="URL",
    help="Ask over HTTP, also on another machine: the value of 'listen' in its [http].",
)
def command(file: Path | None, pid: int | None, where: HostPort | None) -> None:
    """Check whether the running bridge is ready, for scripts and containers.

    Prints "ready" and exits with 0, or prints the reasons, one per line and the gravest first,
    and exits with 1. Routes that fail are warnings, on standard error. FILE selects the bridge
    if several run. Takes two seconds at most, or four if another bridge does not answer.

    \b
    Examples:
      oscbridge health
      oscbridge health studio.toml
      oscbridge health --url http://127.0.0.1:9180
    """
    if where is not None and (file is not None or pid is not None):
        raise click.UsageError("--url cannot be combined with FILE or --pid")
    problems, warnings = _ask_process(file, pid) if where is None else _ask_http(where)
    for line in problems or ["ready"]:
        click.echo(visible(line))
    for line in warnings:
        click.echo(click.style(WARNING, fg="yellow", bold=True) + visible(line), err=True)
    sys.exit(bool(problems))


class _Health(NamedTuple):
    problems: Sequence[str]
    warnings: Sequence[str]


def _ask_process(file: Path | None, pid: int | None) -> _Health:
    """The health of the running bridge."""
    import asyncio  # not needed with --url, which has to be quick

    from oscbridge.monitoring.control_calls import health
    from oscbridge.monitoring.control_client import choose

    async def ask() -> _Health:
        return _Health(*await health(await choose(pid, file), TIMEOUT))

    return asyncio.run(ask())


def _ask_http(where: HostPort) -> _Health:
    """The health of the bridge at an HTTP address."""
    status, text = _ask(where)
    found = [line for line in text.splitlines() if line.strip()]
    lines = [line for line in found if not line.startswith(WARNING)]
    warnings = [line.removeprefix(WARNING) for line in found if line.startswith(WARNING)]
    if status == HTTPStatus.SERVICE_UNAVAILABLE and lines:
        return _Health(lines, warnings)
    if (status, lines) == (HTTPStatus.OK, ["ready"]):
        return _Health((), warnings)
    shown = " ".join([str(status), *(visible(line) for line in lines[:1])])
    raise OSCBridgeError(f"http://{where}: unexpected response, not from oscbridge: {shown}")


def _ask(where: HostPort) -> _Answer:
    """The response of the bridge. Read on a thread: a slow name lookup cannot be cancelled."""
    found: SimpleQueue[_Answer | Exception] = SimpleQueue()
    Thread(target=lambda: found.put(_get(where)), daemon=True).start()
    try:
        answer = found.get(timeout=TIMEOUT)
    except Empty:
        raise OSCBridgeError(f"http://{where}: no response within {TIMEOUT:g} s") from None
    if isinstance(answer, OSError):
        hint = "is the bridge running, with [http] in its configuration?"
        raise OSCBridgeError(
            f"http://{where}: no connection: {what_failed(answer)}; {hint}"
        ) from None
    if isinstance(answer, Exception):
        raise OSCBridgeError(f"http://{where}: the response is not HTTP") from None
    return answer


def _get(where: HostPort) -> _Answer | Exception:
    connection = HTTPConnection(*where, timeout=TIMEOUT)
    try:
        connection.request("GET", "/readyz", headers={"Connection": "close"})
        response = connection.getresponse()
        return _Answer(response.status, response.read(MAX_ANSWER).decode(errors="replace"))
    except (OSError, HTTPException, ValueError) as error:
        return error
    finally:
        connection.close()
