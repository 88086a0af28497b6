"""Accepting TCP connections on an event loop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Protocol

from oscbridge.net.any_host import is_any_host, open_listening_socket
from oscbridge.net.socket_address import ClientAddress
from oscbridge.net.tcp_socket import ACCEPT_AGAIN, BACKLOG, OUT_OF_MEANS

__all__ = ["Acceptor", "listen"]


async def listen(host: str, port: int) -> list[socket.socket]:
    """A listening socket for every address of a host; for all, if it is empty.

    One socket for ``*`` and ``::``, which are all addresses of both families.

    Raises ``OSError``.
    """
    if is_any_host(host):
        return [open_listening_socket(port, BACKLOG)]
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except UnicodeError as error:
        raise OSError(f"{host!r} is not a valid host: {error}") from error
    sockets: list[socket.socket] = []
    try:
        for family, address in dict.fromkeys((info[0], info[4]) for info in found):
            sockets.append(socket.create_server(address, family=family, backlog=BACKLOG))
    except BaseException:
        for sock in sockets:
            sock.close()
        raise
    return sockets


class ConnectionLog(Protocol):
    """Counts and logs the connections that an acceptor refuses or loses."""

    def report_closed(self, reason: str, client_address: ClientAddress) -> None:
        """A connection that was refused, or could not be accepted."""

    def report_failure(self, name: str, error: BaseException) -> None:
        """An accepted connection that could not be set up."""


class Acceptor:
    """Accepts the connections of one listening socket until it is closed.

    The server of asyncio loses a connection that it accepts while it is being closed, and
    logs hundreds of errors per second when no descriptors are left.

    ``refusal`` returns the reason to refuse a client, or an empty string; ``dismiss`` closes the
    socket of such a client.
    """

    def __init__(
        self,
        sock: socket.socket,
        log: ConnectionLog,
        new_connection: Callable[[], asyncio.BaseProtocol],
        refusal: Callable[[ClientAddress], str],
        dismiss: Callable[[socket.socket], None] = socket.socket.close,
    ) -> None:
        self.socket = sock
        self._log = log
        self._new_connection = new_connection
        self._refusal = refusal
        self._dismiss = dismiss
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[object]] = set()
        self._again: asyncio.TimerHandle | None = None
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Start accepting."""
        self.socket.setblocking(False)
        try:
            self._watch()
        except NotImplementedError:  # the event loop on Windows cannot watch sockets
            self._server = await self._loop.create_server(
                self._new_connection, sock=self.socket, backlog=BACKLOG
            )

    async def close(self) -> None:
        """Close the socket, and wait until accepted connections have their protocol."""
        if self._again is not None:
            self._again.cancel()
        if self._server is not None:
            self._server.close()
        else:
            self._loop.remove_reader(self.socket)
        self.socket.close()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _watch(self) -> None:
        self._loop.add_reader(self.socket, self._accept)

    def _accept(self) -> None:
        try:
            sock, client = self.socket.accept()
        except (BlockingIOError, ConnectionError):
            return  # already disconnected
        except OSError as error:
            reason = "no_descriptor" if error.errno in OUT_OF_MEANS else "accept"
            self._log.report_closed(reason, ("", 0))
            self._loop.remove_reader(self.socket)
            self._again = self._loop.call_later(ACCEPT_AGAIN, self._watch)
            return
        reason = self._refusal(client)
        if reason:
            self._dismiss(sock)
            self._log.report_closed(reason, client)
            return
        task: asyncio.Task[object] = self._loop.create_task(self._connect(sock))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(self, sock: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._new_connection, sock)
        except OSError as error:
            sock.close()
            self._log.report_failure("connection", error)
