"""``oscbridge health``"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, RemoteDisconnected
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Final, NamedTuple, TextIO
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

MAX_TOKEN: Final = 65_536
"""Characters of the file of a token that are read."""

MAX_ANSWER: Final = 65_536
"""Bytes of a response that are read."""


WARNING: Final = "warning: "
ROLE: Final = "role: "
"""The beginning of a line about something that fails although the bridge is ready."""


class _Answer(NamedTuple):
    status: int
    text: str


class _HealthURL(NamedTuple):
    """Where a bridge serves its health."""

    scheme: str
    address: HostPort

    def __str__(self) -> str:
        return f"{self.scheme}://{self.address}"


class _Web(click.ParamType[_HealthURL]):
    """``http://host:port`` or ``https://host:port``."""

    name = "url"

    def convert(
        self, value: str | _HealthURL, param: click.Parameter | None, ctx: click.Context | None
    ) -> _HealthURL:
        if isinstance(value, _HealthURL):
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
            parts.scheme not in _PORTS
            or not host
            or port == 0
            or parts._replace(scheme="", netloc="", path=parts.path.removeprefix("/")).geturl()
        ):
            self.fail(f"{value!r}: {hint}", param, ctx)
        if is_any_host(host):  # to listen on, not to connect to
            host = "127.0.0.1"
        return _HealthURL(parts.scheme, HostPort(host, port or _PORTS[parts.scheme]))


_PORTS: Final = {"http": 80, "https": 443}


class _Credentials(NamedTuple):
    """What a request needs besides the URL."""

    ca: Path | None
    """The certificate to trust, of the bridge or of its authority; None is those of the system."""
    token: str


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
@click.option(
    "--ca",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="With https://, trust this certificate: that of the bridge, or of its authority.",
)
@click.option(
    "--token",
    type=click.File("r", encoding="utf-8"),
    help="With --url, send the token in this file. The bridge asks for none; a proxy may.",
)
def command(
    file: Path | None,
    pid: int | None,
    where: _HealthURL | None,
    ca: Path | None,
    token: TextIO | None,
) -> None:
    """Check whether the running bridge is ready, for scripts and containers.

    Prints "ready" and exits with 0, or prints the reasons, one per line and the gravest first,
    and exits with 1. Routes that fail are warnings, on standard error. FILE selects the bridge
    if several run. Takes two seconds at most, or four if another bridge does not answer.

    \b
    Examples:
      oscbridge health
      oscbridge health studio.toml
      oscbridge health --url http://127.0.0.1:9180
      oscbridge health --url https://stage.local:9180 --ca stage.pem
    """
    if where is not None and (file is not None or pid is not None):
        raise click.UsageError("--url cannot be combined with FILE or --pid")
    if where is None:
        if ca is not None or token is not None:
            raise click.UsageError("--ca and --token have no effect without --url")
        problems, warnings = _ask_process(file, pid)
    else:
        credentials = _Credentials(ca, "" if token is None else token.read(MAX_TOKEN).strip())
        problems, warnings = _ask_http(where, credentials)
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


def _ask_http(where: _HealthURL, credentials: _Credentials) -> _Health:
    """The health of the bridge at a URL."""
    status, text = _ask(where, credentials)
    found = [line for line in text.splitlines() if line.strip()]
    lines = [line for line in found if not line.startswith((WARNING, ROLE))]
    warnings = [line.removeprefix(WARNING) for line in found if line.startswith(WARNING)]
    if status == HTTPStatus.SERVICE_UNAVAILABLE and lines:
        return _Health(lines, warnings)
    if (status, lines) == (HTTPStatus.OK, ["ready"]):
        return _Health((), warnings)
    shown = " ".join([str(status), *(visible(line) for line in lines[:1])])
    raise OSCBridgeError(f"{where}: unexpected response, not from oscbridge: {shown}")


def _ask(where: _HealthURL, credentials: _Credentials) -> _Answer:
    """The response of the bridge. Read on a thread: a slow name lookup cannot be cancelled."""
    found: SimpleQueue[_Answer | Exception] = SimpleQueue()
    Thread(target=lambda: found.put(_get(where, credentials)), daemon=True).start()
    try:
        answer = found.get(timeout=TIMEOUT)
    except Empty:
        raise OSCBridgeError(f"{where}: no response within {TIMEOUT:g} s") from None
    if isinstance(answer, OSError):
        raise OSCBridgeError(f"{where}: no connection: {_why_not(answer)}") from None
    if isinstance(answer, Exception):
        raise OSCBridgeError(f"{where}: the response is not HTTP") from None
    return answer


def _why_not(error: OSError) -> str:
    """Why the connection failed, and how to fix it."""
    reason = getattr(error, "reason", None)  # of an SSLError
    if reason == "CERTIFICATE_VERIFY_FAILED":
        why = getattr(error, "verify_message", "")
        return f"its certificate is not trusted: {why}; trust it with --ca FILE"
    if reason is not None:
        return f"TLS: {reason.lower().replace('_', ' ')}; does its [http] have a certificate?"
    if isinstance(error, RemoteDisconnected):
        return "it closes the connection; if its [http] has a certificate, write https://"
    hint = "is the bridge running, with [http] in its configuration?"
    return f"{what_failed(error)}; {hint}"


def _get(where: _HealthURL, credentials: _Credentials) -> _Answer | Exception:
    headers = {"Connection": "close"}
    if credentials.token:
        headers["Authorization"] = f"Bearer {credentials.token}"
    connection = HTTPConnection(*where.address, timeout=TIMEOUT)
    try:
        if where.scheme == "https":
            import ssl
            from http.client import HTTPSConnection

            context = ssl.create_default_context(cafile=credentials.ca)
            connection = HTTPSConnection(*where.address, timeout=TIMEOUT, context=context)
        connection.request("GET", "/readyz", headers=headers)
        response = connection.getresponse()
        return _Answer(response.status, response.read(MAX_ANSWER).decode(errors="replace"))
    except (OSError, HTTPException, ValueError) as error:
        return error
    finally:
        connection.close()
