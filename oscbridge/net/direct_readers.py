"""Readers that an event loop calls without scheduling a callback, where it can."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Callable
from typing import Final, Protocol, runtime_checkable

__all__ = ["HasDirectReaders", "add_reader", "busy_since", "new_event_loop", "remove_reader"]

_HAS_EPOLL: Final = sys.platform == "linux"


@runtime_checkable
class HasDirectReaders(Protocol):
    """An event loop with direct readers: see :mod:`oscbridge.net.epoll_loop`."""

    def add_direct_reader(self, sock: socket.socket, call: Callable[[], None]) -> None:
        """Call a function when a socket is readable. It has no other reader or writer."""

    def remove_direct_reader(self, sock: socket.socket) -> None:
        """Undo :meth:`add_direct_reader`; no effect if the socket has no reader."""

    def busy_since(self) -> float:
        """When it last began to handle what is ready, as ``time.monotonic()``. In any thread."""

    def forget_direct_readers(self) -> None:
        """Call none any more, in a forked process: their sockets belong to its parent."""


def new_event_loop() -> asyncio.AbstractEventLoop:
    """An event loop of asyncio, on Linux with direct readers."""
    if _HAS_EPOLL:
        from oscbridge.net.epoll_loop import EpollLoop

        return EpollLoop()
    return asyncio.new_event_loop()


def add_reader(
    loop: asyncio.AbstractEventLoop, sock: socket.socket, call: Callable[[], None]
) -> None:
    """Call a function when a socket is readable, directly if the loop can do that.

    Raises ``NotImplementedError`` on a loop that cannot watch a socket.
    """
    if isinstance(loop, HasDirectReaders):
        loop.add_direct_reader(sock, call)
    else:
        loop.add_reader(sock, call)


def remove_reader(loop: asyncio.AbstractEventLoop, sock: socket.socket) -> None:
    """Undo :func:`add_reader`; no effect if the socket has no reader."""
    if isinstance(loop, HasDirectReaders):
        loop.remove_direct_reader(sock)
    else:
        loop.remove_reader(sock)


def busy_since(loop: asyncio.AbstractEventLoop, default: float) -> float:
    """When a loop that does not wait began its turn, as ``time.monotonic()``; in any thread.

    ``default`` if it does not know.
    """
    return loop.busy_since() if isinstance(loop, HasDirectReaders) else default
