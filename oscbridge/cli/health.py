"""``oscbridge health``"""

from __future__ import annotations

import sys
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Final, NamedTuple
from urllib.parse import urlsplit

import click

from oscbridge.errors import OSCBridgeError
from oscbridge.logs.format import visible
from oscbridge.net.os_errors import what_failed
from oscbridge.net.url import HostPort

__all__ = ["command"]

TIMEOUT: Final = 2.0
"""Seconds for everything: name resolution, connection and response."""

MAX_ANSWER: Final = 65_536
"""Bytes of a response that are read."""


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
        except ValueError as error:
            self.fail(f"{value!r}: {error}; {hint}", param, ctx)
        if (
            parts.scheme != "http"
            or not host
            or port == 0
            or parts._replace(scheme="", netloc="", path=parts.path.removeprefix("/")).geturl()
        ):
            self.fail(f"{value!r}: {hint}", param, ctx)
        return HostPort(host, port or 80)


@click.command("health")
@click.option(
    "--url",
    "where",
    type=_Web(),
    metavar="URL",
    default="http://127.0.0.1:9180",
    show_default=True,
    help="Where the bridge serves its health: the value of 'listen' in [http].",
)
def command(where: HostPort) -> None:
    """Check whether the running bridge is ready, for scripts and containers.

    Prints "ready" and exits with 0, or prints the problems, one per line, and exits with 1.
    Needs [http] in the configuration of the bridge. Takes two seconds at most.

    \b
    Examples:
      oscbridge health
      oscbridge health --url http://127.0.0.1:9180
    """
    status, text = _ask(where)
    lines = [visible(line) for line in text.splitlines() if line.strip()]
    if status != HTTPStatus.SERVICE_UNAVAILABLE and (status, lines) != (HTTPStatus.OK, ["ready"]):
        found = " ".join([str(status), *lines[:1]])
        text = f"http://{where}: unexpected response, not from oscbridge: {found}"
        raise OSCBridgeError(text)
    for line in lines:
        click.echo(line)
    sys.exit(status != HTTPStatus.OK)


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
