"""The event loop of asyncio for Linux, with less Python code around epoll(7)."""

from __future__ import annotations

import asyncio
import os
import select
import selectors
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final, Literal, TypeAlias

__all__ = ["EpollLoop"]

RESOLVERS: Final = 8
"""Names that are looked up at the same time; others wait."""

_IPv4: TypeAlias = tuple[
    Literal[socket.AddressFamily.AF_INET], socket.SocketKind, int, str, tuple[str, int]
]
_IPv6: TypeAlias = tuple[
    Literal[socket.AddressFamily.AF_INET6],
    socket.SocketKind,
    int,
    str,
    tuple[str, int, int, int] | tuple[int, bytes],
]

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
_NO_READ: Final = ~select.EPOLLIN
_NO_WRITE: Final = ~select.EPOLLOUT


class _AlwaysBusy:
    """A loop of which nothing is known."""

    _ready = (None,)
    _scheduled = ()
    _stopping = False


_ALWAYS_BUSY: Final = _AlwaysBusy()


class DirectReader:
    """A function to call when a socket is readable."""

    __slots__ = ("call",)

    def __init__(self, call: Callable[[], None]) -> None:
        self.call = call


class DirectSelector(selectors.EpollSelector):
    """Calls direct readers itself, and returns what else is ready.

    At the rates of a show, when a message is read per turn of the loop, half of the Python code of
    a turn is in the loop, in the selector of the standard library and in the scheduling of the
    reader. So it also waits again itself, unless a reader has left the loop something to do.
    ``on_error`` is called with a reader and its exception.
    """

    on_error: Callable[[DirectReader, BaseException], None]

    def __init__(self) -> None:
        super().__init__()
        self._epoll = select.epoll.fromfd(os.dup(self.fileno()))  # the same one
        self._keys: dict[int, selectors.SelectorKey] = {}
        self._loop: Any = _ALWAYS_BUSY
        self.returned = time.monotonic()
        """When epoll returned last, as ``time.monotonic()``."""

    def serve(self, loop: asyncio.AbstractEventLoop) -> None:
        """Wait again by itself while this loop, which it is the selector of, has nothing to do."""
        if all(hasattr(loop, name) for name in ("_ready", "_scheduled", "_stopping")):
            self._loop = loop

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        key = super().register(fileobj, events, data)
        self._keys[key.fd] = key
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        key = super().unregister(fileobj)
        self._keys.pop(key.fd, None)
        return key

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        key = super().modify(fileobj, events, data)
        self._keys[key.fd] = key
        return key

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        keys, loop, now = self._keys, self._loop, time.monotonic
        timers, wait, end = loop._scheduled, -1.0, 0.0
        timer = timers[0] if timers else None
        if timeout is not None and timeout > 0:
            end, wait = now() + timeout, timeout
        elif timeout is not None:
            wait = 0
        others: list[tuple[selectors.SelectorKey, int]] = []
        while True:
            ready = self._epoll.poll(wait, len(keys) or 1)
            self.returned = now()
            for fd, event in ready:
                key = keys.get(fd)  # an earlier reader may have removed it
                if key is None:
                    continue
                reader = key.data
                if reader.__class__ is DirectReader:
                    try:
                        reader.call()
                    except (SystemExit, KeyboardInterrupt):
                        raise
                    except BaseException as error:
                        self.on_error(reader, error)
                    continue
                events = (WRITE if event & _NO_READ else 0) | (READ if event & _NO_WRITE else 0)
                others.append((key, events & key.events))
            if others or loop._ready or loop._stopping:
                return others
            if (timers[0] if timers else None) is not timer:
                return others  # a reader has started or ended the timer that is due first
            if timeout is not None:
                wait = end - now()
                if wait <= 0:
                    return others

    def forget(self) -> None:
        """Return nothing more from the current :meth:`select`."""
        self._keys.clear()

    def close(self) -> None:
        self._epoll.close()
        super().close()


class EpollLoop(asyncio.SelectorEventLoop):
    """An event loop with direct readers beside its own.

    They run in the context of the loop, before the callbacks of the same turn.
    """

    def __init__(self) -> None:
        self._direct = DirectSelector()
        self._direct.on_error = self._report
        super().__init__(self._direct)
        self._direct.serve(self)
        self._resolvers: ThreadPoolExecutor | None = None
        """Threads for names only: a plugin may occupy those of the default executor."""

    def busy_since(self) -> float:
        """When it last began to handle what is ready, as ``time.monotonic()``. In any thread."""
        return self._direct.returned

    async def getaddrinfo(
        self,
        host: bytes | str | None,
        port: bytes | str | int | None,
        *,
        family: int = 0,
        type: int = 0,
        proto: int = 0,
        flags: int = 0,
    ) -> list[_IPv4 | _IPv6]:
        """As asyncio's."""
        if self._resolvers is None:
            self._resolvers = ThreadPoolExecutor(RESOLVERS, "resolve")
        ask = partial(socket.getaddrinfo, host, port, family, type, proto, flags)
        return await self.run_in_executor(self._resolvers, ask)

    def close(self) -> None:
        super().close()
        if self._resolvers is not None:
            self._resolvers.shutdown(wait=False, cancel_futures=True)
            self._resolvers = None

    def _report(self, reader: DirectReader, error: BaseException) -> None:
        message = f"Exception in reader {reader.call!r}"
        self.call_exception_handler({"message": message, "exception": error})

    def add_direct_reader(self, sock: socket.socket, call: Callable[[], None]) -> None:
        """Call a function when a socket is readable. It has no other reader or writer."""
        self._direct.register(sock, READ, DirectReader(call))

    def remove_direct_reader(self, sock: socket.socket) -> None:
        """Undo :meth:`add_direct_reader`; no effect if the socket has no reader."""
        if sock in self._direct.get_map():
            self._direct.unregister(sock)

    def forget_direct_readers(self) -> None:
        """Call none any more, in a forked process: their sockets belong to its parent."""
        self._direct.forget()
