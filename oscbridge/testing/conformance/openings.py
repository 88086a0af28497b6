"""Records what a plugin opens, with the line that opens it."""

from __future__ import annotations

import asyncio
import socket
import sys
import weakref
from collections.abc import Callable, Coroutine
from functools import cache
from importlib.machinery import all_suffixes
from typing import Any, Final, NamedTuple

from oscbridge.testing.conformance.places import calling_place, direct_place

__all__ = ["Opening", "OpeningRecorder"]

_KINDS: Final = {
    "socket.__new__": "a socket",
    "subprocess.Popen": "a process",
    "os.fork": "a process",
    "os.forkpty": "a process",
    "os.posix_spawn": "a process",
    "os.spawn": "a process",
    "os.system": "a process",
    "_thread.start_new_thread": "a thread",
    "socket.getaddrinfo": "a lookup of a name",
    "socket.gethostbyaddr": "a lookup of a name",
    "socket.gethostbyname": "a lookup of a name",
    "socket.getnameinfo": "a lookup of a name",
}
"""Audit events that open something (PEP 578)."""

_MODULES: Final = tuple(all_suffixes())
"""Files that an import opens."""


class Opening(NamedTuple):
    """Something that was opened."""

    what: str
    place: str
    """``FILE:LINE`` in the plugin; empty if the plugin is not on the stack."""


class _Timer:
    """A call that a plugin has asked for."""

    handle: asyncio.TimerHandle

    def __init__(self, callback: Callable[..., object], place: str) -> None:
        self.place = place
        self._callback = callback
        self._has_fired = False

    @property
    def is_pending(self) -> bool:
        return not (self._has_fired or self.handle.cancelled())

    def fire(self, *args: Any) -> None:
        self._has_fired = True
        self._callback(*args)


class OpeningRecorder:
    """Records openings between :meth:`start` and :meth:`stop`, and where tasks are created.

    It uses an audit hook, which stays in the process and does nothing after that.
    """

    def __init__(self, prefix: str) -> None:
        self.openings: list[Opening] = []
        self._prefix = prefix
        self._sockets: weakref.WeakKeyDictionary[socket.socket, str] = weakref.WeakKeyDictionary()
        self._files: dict[str, str] = {}
        self._tasks: weakref.WeakKeyDictionary[asyncio.Task[Any], str]
        self._tasks = weakref.WeakKeyDictionary()
        self._timers: list[_Timer] = []

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Record from now on."""
        loop.set_task_factory(self._new_task)  # type: ignore[arg-type]
        call_at = loop.call_at

        def recorded(
            when: float, callback: Callable[..., object], *args: Any, **keywords: Any
        ) -> asyncio.TimerHandle:
            place = direct_place(self._prefix)
            if not place:
                return call_at(when, callback, *args, **keywords)
            timer = _Timer(callback, place)
            timer.handle = call_at(when, timer.fire, *args, **keywords)
            self._timers.append(timer)
            return timer.handle

        loop.call_at = recorded  # type: ignore[method-assign, assignment]  # of call_later too
        _hook().recorders.append(self)

    def stop(self) -> None:
        """Record no more."""
        _hook().recorders.remove(self)

    def place_of_task(self, task: asyncio.Task[Any]) -> str:
        """Where a task was created."""
        return self._tasks.get(task, "")

    def pending_timers(self) -> list[str]:
        """Where the plugin itself has set the timers that will still call it."""
        self._timers = [each for each in self._timers if each.is_pending]
        return [each.place for each in self._timers]

    def place_of_socket(self, descriptor: int) -> str:
        """Where the socket with this descriptor was made."""
        for sock, place in list(self._sockets.items()):
            if sock.fileno() == descriptor:
                return place
        return ""

    def place_of_file(self, path: str) -> str:
        """Where a file was opened last."""
        return self._files.get(path, "")

    def note(self, event: str, args: tuple[Any, ...]) -> None:
        """Take an audit event."""
        if event == "open":
            if place := calling_place(self._prefix):
                self._files[str(args[0])] = place
                if not str(args[0]).endswith(_MODULES):
                    self.openings.append(Opening(f"the file {args[0]!s}", place))
            return
        place = calling_place(self._prefix)
        self.openings.append(Opening(_KINDS[event], place))
        if event == "socket.__new__":
            self._sockets[args[0]] = place

    def _new_task(
        self,
        loop: asyncio.AbstractEventLoop,
        coroutine: Coroutine[Any, Any, Any],
        **keywords: Any,
    ) -> asyncio.Task[Any]:
        task = asyncio.Task(coroutine, loop=loop, **keywords)
        self._tasks[task] = place = calling_place(self._prefix)
        self.openings.append(Opening("a task", place))
        return task


class _AuditHook:
    """The hook of this process, and the recorders that listen to it."""

    def __init__(self) -> None:
        self.recorders: list[OpeningRecorder] = []
        self._is_noting = False
        sys.addaudithook(self._take)

    def _take(self, event: str, args: tuple[Any, ...]) -> None:
        if not self.recorders or self._is_noting or (event not in _KINDS and event != "open"):
            return
        self._is_noting = True
        try:
            for recorder in self.recorders:
                recorder.note(event, args)
        finally:
            self._is_noting = False


@cache
def _hook() -> _AuditHook:
    """Added at most once, as Python removes no audit hook."""
    return _AuditHook()
