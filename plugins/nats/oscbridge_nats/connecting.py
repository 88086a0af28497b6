"""Opens connections to the servers of the options, one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from nats.aio.client import RawCredentials

import oscbridge
from oscbridge_nats.client import NATSClient
from oscbridge_nats.failures import connect_failure
from oscbridge_nats.options import NATSOptions
from oscbridge_nats.server_url import NATSServerURL

__all__ = ["CONNECT_TIMEOUT", "ServerList", "connect", "connect_to"]

CONNECT_TIMEOUT: Final = 2
"""Seconds for one server to answer."""

MAX_TRIES: Final = 4
"""Servers that one attempt tries; the next attempt continues with the others."""

MAX_CREDENTIALS: Final = 65_536
"""Most bytes of a file with credentials."""

_SECTIONS: Final = ("BEGIN NATS USER JWT", "BEGIN USER NKEY SEED")


class ServerList:
    """The servers in the order in which they are tried: the one that was lost comes last."""

    def __init__(self, servers: Sequence[NATSServerURL]) -> None:
        self._servers = list(servers)

    @property
    def first(self) -> NATSServerURL:
        """The server in use, or the one to try next."""
        return self._servers[0]

    def skip(self) -> None:
        """Try the others first from now on."""
        self._servers.append(self._servers.pop(0))

    def tries(self) -> Iterator[NATSServerURL]:
        """The servers of one attempt. One that is not used is skipped."""
        for _ in range(min(len(self._servers), MAX_TRIES)):
            yield self.first
            self.skip()


async def connect(options: NATSOptions, servers: ServerList, name: str) -> NATSClient:
    """Connect to the first server that accepts the connection. ``name`` is shown at the servers.

    Raises ``OSError`` or :class:`oscbridge.EndpointError` with the reasons of all that were tried.
    """
    failures: list[str] = []
    for server in servers.tries():
        try:
            return await connect_to(options, server, name)
        except (OSError, oscbridge.EndpointError) as error:
            failures.append(str(error) or repr(error))
    raise oscbridge.EndpointError("; ".join(dict.fromkeys(failures)))


async def connect_to(options: NATSOptions, server: NATSServerURL, name: str) -> NATSClient:
    """Connect to one server. Raises ``OSError`` or :class:`oscbridge.EndpointError`."""
    context = options.tls_context() if server.scheme == "tls" or options.ca else None
    credentials = _credentials(options.credentials)
    client = NATSClient(must_be_tls=server.scheme == "tls")

    async def fail(error: Exception) -> None:
        if not client.is_connected:
            raise error

    secrets = {key: None if (secret := getattr(options, key)) is None else secret.value
               for key in ("password", "token")}  # fmt: skip
    # A task of its own: nats-py hides a cancellation, and opens a socket after one.
    opening = asyncio.create_task(
        client.connect(
            [str(server)],
            name=name,
            error_cb=fail,
            allow_reconnect=False,
            connect_timeout=CONNECT_TIMEOUT,
            ping_interval=options.ping_interval,  # type: ignore[arg-type]
            no_echo=True,
            tls=context,
            user=options.user,
            nkeys_seed_str=None if options.nkey is None else options.nkey.value,
            user_credentials=credentials,
            **secrets,  # type: ignore[arg-type]
        )
    )
    try:
        await asyncio.wait([opening])
        opening.result()
        if client.loss is not None or not client.is_connected:
            reason = client.loss or "the server closed the connection"
            raise oscbridge.EndpointError(f"{server}: {reason}")
    except BaseException as error:
        opening.cancel()
        await asyncio.wait([opening])
        refusal = client.refusal() if isinstance(error, OSError) else None
        await client.abort()
        if isinstance(error, oscbridge.OSCBridgeError) or not isinstance(error, Exception):
            raise
        raise connect_failure(refusal or error, server, CONNECT_TIMEOUT) from None
    client.prepare()
    return client


def _credentials(path: Path | None) -> RawCredentials | None:
    """The credentials in a file. nats-py would look for a missing section for ever.

    Raises :class:`oscbridge.EndpointError` if they are not valid.
    """
    if path is None:
        return None
    with path.open("rb") as file:
        lines = file.read(MAX_CREDENTIALS).decode(errors="replace").splitlines()
    for section in _SECTIONS:
        place = next((number for number, line in enumerate(lines) if section in line), None)
        if place is None or not "".join(lines[place + 1 : place + 2]).strip():
            raise oscbridge.EndpointError(
                f"credentials = {path}: expected a .creds file; missing section {section!r}"
            )
    return RawCredentials("\n".join(lines) + "\n")
