"""The socket of the control channel, and how clients connect to it.

A Unix stream socket where the system has them: its file is the address, and the permissions of
the file say who may connect. Elsewhere (Windows) a TCP socket on the loopback address. Its file,
which only its user can read, has the port and a token that every request must contain.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import os
import secrets
import socket
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from oscbridge.errors import OSCBridgeError
from oscbridge.logs.rate_limited import RateLimitedLog
from oscbridge.monitoring.runtime_dir import (
    LOOPBACK,
    TCP_SUFFIX,
    UNIX_SUFFIX,
    folders,
    has_unix_sockets,
    open_folder,
    read_contact,
    remove_stale,
)

__all__ = ["BoundSocket", "TokenCheck", "bind", "connect"]

TOKEN_SIZE: Final = 32
"""Random bytes of a token."""

WRONG_TOKEN_DELAY: Final = 1.0
"""Seconds before a wrong token is answered."""

MAX_WRONG_TOKENS: Final = 8
"""Wrong tokens that wait for their answer, at most; meanwhile all requests are rejected."""

_log: Final = logging.getLogger(__name__)


class BoundSocket(NamedTuple):
    """A socket to serve, and where clients find it."""

    socket: socket.socket
    path: Path
    token: str
    """What every request must contain; empty for a Unix socket."""


def bind() -> BoundSocket:
    """A socket in the first usable directory. Raises ``OSError`` with all reasons."""
    problems: list[str] = []
    for folder in folders():
        try:
            open_folder(folder)
            remove_stale(folder)
            return _bind_unix(folder) if has_unix_sockets() else _bind_tcp(folder)
        except OSError as error:
            problems.append(f"{folder}: {error.strerror or error}")
    raise OSError("; ".join(problems))


def _bind_unix(folder: Path) -> BoundSocket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    path = folder / f"{os.getpid()}{UNIX_SUFFIX}"
    try:
        sock.bind(str(path))
        path.chmod(0o600)
    except OSError:
        sock.close()
        raise
    return BoundSocket(sock, path, "")


def _bind_tcp(folder: Path) -> BoundSocket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    path = folder / f"{os.getpid()}{TCP_SUFFIX}"
    token = secrets.token_urlsafe(TOKEN_SIZE)
    try:
        sock.bind((LOOPBACK, 0))
        _write_privately(path, f"{sock.getsockname()[1]} {token}\n")
    except OSError:
        sock.close()
        raise
    return BoundSocket(sock, path, token)


def _write_privately(path: Path, text: str) -> None:
    """Write a file that only this user can read. Readers see all of it or none."""
    unfinished = path.with_suffix(".tmp")
    with suppress(FileNotFoundError):
        unfinished.unlink()  # of an earlier process with this id
    file = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(file, text.encode("ascii"))
    finally:
        os.close(file)
    unfinished.replace(path)


async def connect(path: Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, str]:
    """Connect to the control socket of a file. Returns the streams and the token.

    Raises ``OSError``.
    """
    if path.suffix == UNIX_SUFFIX:
        return (*await asyncio.open_unix_connection(str(path)), "")
    port, token = read_contact(path)
    return (*await asyncio.open_connection(LOOPBACK, port), token)


class TokenCheck:
    """Compares the tokens of requests with the right one, which may be empty for none.

    Wrong ones are answered after a delay. While many of them wait, no token is compared: so the
    number of guesses per second is limited, whatever the number of connections.
    """

    def __init__(self, token: str) -> None:
        self._token = token.encode()
        self._waiting = 0
        self._rejected_log = RateLimitedLog(_log)

    async def check(self, given: object) -> None:
        """Raises :class:`OSCBridgeError` unless ``given`` is the token."""
        if not self._token:
            return
        if self._waiting >= MAX_WRONG_TOKENS:
            raise OSCBridgeError("too many wrong tokens; try again in a second")
        text = given if isinstance(given, str) else ""
        if hmac.compare_digest(text.encode("utf-8", "replace"), self._token):
            return
        self._rejected_log.report("wrong token", "control socket: rejected a wrong token")
        self._waiting += 1
        try:
            await asyncio.sleep(WRONG_TOKEN_DELAY)
        finally:
            self._waiting -= 1
        raise OSCBridgeError("wrong token")

    def flush_reports(self, *, everything: bool = False) -> None:
        """Log the summaries of suppressed lines that are due; with ``everything``, all of them."""
        self._rejected_log.flush(everything=everything)
