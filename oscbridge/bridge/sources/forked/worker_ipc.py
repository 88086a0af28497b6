"""In the listener process and its children: the way to the bridge process, and what goes there."""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from traceback import format_exception
from typing import Final

from oscbridge.bridge.routes.pure_steps import PureSteps, RouteSpec
from oscbridge.bridge.sources.forked.ipc_protocol import (
    MAX_RECORD,
    RETIRE,
    Counted,
    DroppedRecord,
    Emission,
    Seen,
    counts_of,
)
from oscbridge.dispatch.dispatcher import Dispatcher
from oscbridge.dispatch.handler import ClientAddress
from oscbridge.errors import EncodeError
from oscbridge.osc import Message

__all__ = [
    "POLL_INTERVAL",
    "Counts",
    "Looking",
    "RouteHandler",
    "Showing",
    "WorkerChannel",
    "die_with",
    "record_of",
]

POLL_INTERVAL: Final = 0.1
"""Seconds within which the end of the bridge process is noticed, and counts are sent."""

_PR_SET_PDEATHSIG: Final = 1


class WorkerChannel:
    """The way to the bridge process."""

    def __init__(self, sock: socket.socket, parent: int) -> None:
        sock.setblocking(True)
        sock.set_inheritable(False)  # what a route's function starts must not hold it
        self._sock = sock
        self._parent = parent

    def send(self, record: bytes) -> bool:
        """Send a record; waits while the bridge process is behind. Ends if it is gone."""
        while True:
            try:
                self._sock.send(record)
            except OSError as error:
                if error.errno == errno.EMSGSIZE:
                    record = _OVERSIZE
                elif error.errno == errno.ENOBUFS:
                    time.sleep(0.001)  # what macOS says instead of waiting
                else:
                    raise SystemExit(0) from None
            else:
                return True

    def try_to_send(self, record: bytes) -> bool:
        """Send a record if that can be done at once."""
        try:
            self._sock.send(record, socket.MSG_DONTWAIT)
        except OSError:
            return False
        return True

    @property
    def over(self) -> bool:
        """Whether the bridge process has said stop or retire, or is gone."""
        return self._word() is not None

    @property
    def retired(self) -> bool:
        """Whether it has said that what was taken in is to be finished."""
        return self._word() == RETIRE

    def _word(self) -> bytes | None:
        """What the bridge process has said; nothing at all if it is gone."""
        try:
            return self._sock.recv(len(RETIRE), socket.MSG_DONTWAIT | socket.MSG_PEEK)
        except BlockingIOError:
            return None if os.getppid() == self._parent else b""
        except OSError:
            return b""

    def be_child(self, listener: int) -> None:
        """To be called in a child of the listener process first."""
        self._parent = listener
        die_with(listener)


class Showing:
    """Shows packets to who watches. Costs next to nothing while nobody does.

    ``switch`` is a descriptor of one byte of shared memory: the bridge process turns it on
    and off for all children at once. ``sock`` is the way; what has no room there is not shown.
    """

    def __init__(self, switch: int, sock: socket.socket) -> None:
        sock.set_inheritable(False)
        self._sock = sock
        self._switch = mmap.mmap(switch, 1, access=mmap.ACCESS_READ)
        os.close(switch)

    def show(self, data: bytes, client: ClientAddress) -> None:
        """Show one packet. Never waits, never raises."""
        if not self._switch[0] or len(data) > MAX_RECORD // 2:
            return
        try:
            self._sock.send(Seen(data, *client[:2]).encode(), socket.MSG_DONTWAIT)
        except OSError:
            pass


class Counts:
    """What a dispatcher counts, on its way to the bridge process."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher
        self._sent = counts_of(dispatcher.statistics)
        self._next = 0.0

    def due(self) -> bool:
        """Whether it is time to send them again: not with every message."""
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + POLL_INTERVAL
        return True

    def send(self, send: Callable[[bytes], bool]) -> None:
        """Send what is new; if that cannot be, it stays new."""
        now = counts_of(self._dispatcher.statistics)
        new = now - self._sent
        if new and send(Counted(new).encode()):
            self._sent = now


class Looking(threading.Event):
    """Is set when the bridge process says stop. To look also sends what was counted."""

    def __init__(self, link: WorkerChannel, counts: Counts) -> None:
        super().__init__()
        self._link = link
        self._counts = counts

    def is_set(self) -> bool:
        if self._counts.due():
            self._counts.send(self._link.try_to_send)
            if self._link.over:
                self.set()
        return super().is_set()


class RouteHandler:
    """One route, as a handler of the dispatcher."""

    def __init__(self, number: int, spec: RouteSpec, link: WorkerChannel) -> None:
        self._number = number
        self._steps = PureSteps(spec, self._dropped)
        self._link = link

    def bind(
        self, address: str, types: str | None, captures: dict[str, str]
    ) -> Callable[[Message], object] | None:
        def send(message: Message) -> None:
            self._link.send(record_of(Emission(self._number, message, captures)))

        return self._steps.bind(address, types, captures, send)

    def _dropped(self, reason: str, text: str, error: BaseException | None) -> None:
        # Told there, at a bounded rate: each child would be the first to tell it.
        if error is not None:
            text = "".join((f"{text}\n", *format_exception(error))).rstrip()
        self._link.send(DroppedRecord(reason, 1, text).encode())


def record_of(emission: Emission) -> bytes:
    """The record of an emission, or of why there is none."""
    try:
        data = emission.encode()
    except EncodeError:
        return DroppedRecord("encode", 1).encode()
    return data if len(data) <= MAX_RECORD else _OVERSIZE


_OVERSIZE: Final = DroppedRecord("oversize", 1).encode()


def die_with(parent: int) -> None:
    """Have the system end this process when its parent ends (Linux)."""
    if _prctl is not None:
        _prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL))
        if os.getppid() != parent:  # it was too late
            os._exit(1)


_prctl: Final = ctypes.CDLL(None).prctl if sys.platform == "linux" else None
