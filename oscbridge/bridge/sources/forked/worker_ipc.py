"""In the worker and its children: the connection to the supervisor, and its records."""

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

from oscbridge.bridge.routes.config import RouteConfig
from oscbridge.bridge.routes.pure_steps import PureSteps
from oscbridge.bridge.sources.forked.child_counts import ChildHeader, counts_of
from oscbridge.bridge.sources.forked.ipc_protocol import (
    MAX_RECORD,
    RETIRE,
    CountsRecord,
    DroppedRecord,
    Emission,
    ReceivedPacket,
    RouteCountsRecord,
    read_record,
)
from oscbridge.dispatch.dispatcher import Dispatcher
from oscbridge.errors import EncodeError
from oscbridge.net.socket_address import ClientAddress
from oscbridge.osc import Message

__all__ = [
    "POLL_INTERVAL",
    "CountsSender",
    "MirrorWriter",
    "StopEvent",
    "WorkerChannel",
    "WorkerRoute",
    "die_with",
    "record_of",
]

POLL_INTERVAL: Final = 0.1
"""Seconds within which the end of the supervisor is noticed, and counts are sent."""

_PR_SET_PDEATHSIG: Final = 1


class WorkerChannel:
    """The connection to the supervisor, shared by the worker and its children."""

    def __init__(self, sock: socket.socket, supervisor: int) -> None:
        sock.setblocking(True)
        sock.set_inheritable(False)  # a program that a route's function starts must not hold it
        self._sock = sock
        self._parent = supervisor
        self._child = self._message = self.digest = 0
        self._header = ChildHeader().encode()

    def begin_message(self, digest: int) -> None:
        """The following records are about the next message, whose content has this digest."""
        self._message += 1
        self.digest = digest
        self._header = ChildHeader(self._child, self._message).encode()

    def send(self, record: bytes, *, is_outcome: bool = True) -> bool:
        """Send a record; waits while the supervisor is behind. Exits if the supervisor is gone.

        Unless it ``is_outcome``, it does not say what became of a message.
        """
        header = self._header if is_outcome else ChildHeader(self._child).encode()
        while True:
            try:
                self._sock.send(header + record)
            except OSError as error:
                if error.errno == errno.EMSGSIZE:
                    record = _oversize(_route_of(record))
                elif error.errno == errno.ENOBUFS:
                    time.sleep(0.001)  # macOS reports this instead of waiting
                else:
                    raise SystemExit(0) from None
            else:
                return True

    def try_to_send(self, record: bytes) -> bool:
        """Send a record if that is possible without waiting. Returns whether it was."""
        try:
            self._sock.send(self._header + record, socket.MSG_DONTWAIT)
        except OSError:
            return False
        return True

    @property
    def is_stopping(self) -> bool:
        """Whether the supervisor has sent STOP or RETIRE, or is gone."""
        return self._word() is not None

    @property
    def is_retiring(self) -> bool:
        """Whether it has sent RETIRE: accepted messages are to be finished."""
        return self._word() == RETIRE

    def _word(self) -> bytes | None:
        """What the supervisor has sent; empty if it is gone."""
        try:
            return self._sock.recv(len(RETIRE), socket.MSG_DONTWAIT | socket.MSG_PEEK)
        except BlockingIOError:
            return None if os.getppid() == self._parent else b""
        except OSError:
            return b""

    def enter_child(self, worker: int, number: int) -> None:
        """To be called first in each child of the worker. Its first child has the number 1."""
        self._child = number
        self._header = ChildHeader(number).encode()
        self._parent = worker
        die_with(worker)

    def close(self) -> None:
        self._sock.close()


class MirrorWriter:
    """Sends packets to watchers. Costs next to nothing while there are none.

    ``switch`` is a descriptor of one byte of shared memory: the supervisor turns it on and off
    for all children at once. Packets for which ``sock`` has no room are not shown.
    """

    def __init__(self, switch: int, sock: socket.socket) -> None:
        sock.set_inheritable(False)
        self._sock = sock
        self._switch = mmap.mmap(switch, 1, access=mmap.ACCESS_READ)
        os.close(switch)

    def write(self, data: bytes, client: ClientAddress) -> None:
        """Send one packet. Never waits, never raises."""
        if not self._switch[0] or len(data) > MAX_RECORD // 2:
            return
        try:
            self._sock.send(ReceivedPacket(data, *client[:2]).encode(), socket.MSG_DONTWAIT)
        except OSError:
            pass

    def close(self) -> None:
        self._sock.close()


class CountsSender:
    """Sends what a dispatcher counts to the supervisor."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher
        self._sent = counts_of(dispatcher.statistics)
        self._next = 0.0

    def is_due(self) -> bool:
        """Whether it is time to send them again: once per :data:`POLL_INTERVAL`."""
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + POLL_INTERVAL
        return True

    def send(self, send: Callable[[bytes], bool]) -> None:
        """Send the new counts; they stay new if ``send`` returns False."""
        now = counts_of(self._dispatcher.statistics)
        del now["routed"]  # the supervisor counts them by the records of the children
        new = now - self._sent
        last_unmatched = self._dispatcher.last_unmatched if new["unmatched"] else ""
        if new and send(CountsRecord(new, last_unmatched).encode()):
            self._sent = now


class StopEvent(threading.Event):
    """Is set once the supervisor asks to stop. ``is_set`` also sends the counts."""

    def __init__(self, channel: WorkerChannel, counts: CountsSender) -> None:
        super().__init__()
        self._channel = channel
        self._counts = counts

    def is_set(self) -> bool:
        if self._counts.is_due():
            self._counts.send(self._channel.try_to_send)
            if self._channel.is_stopping:
                self.set()
        return super().is_set()


class WorkerRoute:
    """The pure steps of one route, as a handler of the worker's dispatcher."""

    def __init__(self, number: int, config: RouteConfig, channel: WorkerChannel) -> None:
        self._number = number
        self._steps = PureSteps(config, self._dropped)
        self._reports_counts = config.function is not None or config.when is not None
        self._channel = channel

    def bind(
        self, address: str, types: str | None, captures: dict[str, str]
    ) -> Callable[[Message], None] | None:
        carried = self._steps.carried

        def send(message: Message) -> None:
            known = captures if carried is None else carried.added_to(captures)
            emission = Emission(self._number, message, known, self._channel.digest)
            self._channel.send(record_of(emission))

        bound, number, counts = (
            self._steps.bind(address, types, captures, send),
            self._number,
            self._steps.counts,
        )
        if bound is None:
            step = self._steps.filter(address, types, captures)
            return self._filtering(RouteCountsRecord(number, 0, {step: 1}).encode())
        if not self._reports_counts:
            return bound  # an emission says that a message has passed

        def run(message: Message) -> None:
            passed, filtered = counts.passed, counts.filtered.copy()
            bound(message)
            new = RouteCountsRecord(number, counts.passed - passed, counts.filtered - filtered)
            if new.passed or new.filtered:
                self._channel.send(new.encode())

        return run

    def _filtering(self, record: bytes) -> Callable[[Message], None]:
        def run(_message: Message) -> None:
            self._channel.send(record)  # what it returns must not be a reply to the client

        return run

    def _dropped(self, reason: str, text: str, error: BaseException | None) -> None:
        # The supervisor logs it: each child would be the first one to do so, without a limit.
        if error is not None:
            text = "".join((f"{text}\n", *format_exception(error))).rstrip()
        self._channel.send(DroppedRecord(reason, 1, text, self._number).encode())


def record_of(emission: Emission) -> bytes:
    """The record of an emission, or of the reason why there is none."""
    try:
        data = emission.encode()
    except EncodeError:
        return DroppedRecord("encode", 1, route=emission.route).encode()
    return data if len(data) <= MAX_RECORD else _oversize(emission.route)


def _oversize(route: int) -> bytes:
    return DroppedRecord("oversize", 1, route=route).encode()


def _route_of(data: bytes) -> int:
    record = read_record(data)
    return record.route if isinstance(record, Emission | DroppedRecord) else -1


def die_with(parent: int) -> None:
    """Let the system end this process when its parent ends (Linux)."""
    if _prctl is not None:
        _prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL))
        if os.getppid() != parent:  # it had ended before
            os._exit(1)


_prctl: Final = ctypes.CDLL(None).prctl if sys.platform == "linux" else None
