"""The open resources of this process, compared with an earlier time."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any, Final, NamedTuple

from oscbridge.testing.conformance.openings import OpeningRecorder
from oscbridge.testing.conformance.places import frame_place, is_of_suite, waiting_place

__all__ = ["SETTLE_TIME", "OpenResources", "leftovers"]

SETTLE_TIME: Final = 1.0
"""Seconds that closed transports, ended threads and cancelled tasks have to go away."""

_POLL: Final = 0.005

_DESCRIPTORS: Final = tuple(map(Path, ("/proc/self/fd", "/dev/fd")))

_OF_PEER: Final = " (of the peer)"

_EXECUTOR: Final = "asyncio_"
"""Prefix of the threads of a loop's default executor: they belong to the loop, but not the calls
that they run."""

_IDLE: Final = "_worker"
"""The function in which such a thread waits for the next call."""


class OpenResources(NamedTuple):
    """All that is open."""

    descriptors: Mapping[int, str]
    """What each descriptor leads to, as far as the system says."""
    threads: frozenset[threading.Thread]
    tasks: frozenset[asyncio.Task[Any]]
    processes: frozenset[int]

    @classmethod
    def take(cls) -> OpenResources:
        """The resources that are open now. On the event loop."""
        frames = sys._current_frames()
        threads = [
            each
            for each in threading.enumerate()
            if not each.name.startswith(_EXECUTOR) or _is_busy(frames.get(each.ident or 0))
        ]
        return cls(
            dict(_descriptors()),
            frozenset(threads),
            frozenset(asyncio.all_tasks()),
            frozenset(_children()),
        )


async def leftovers(
    before: OpenResources, recorder: OpeningRecorder, prefix: str, peer_file: str
) -> list[str]:
    """The resources that were opened since ``before``, in lines.

    Those with a place come first, and those of the peer, whose code is in ``peer_file``, last.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + SETTLE_TIME
    while (found := _new_since(before, recorder, prefix)) and loop.time() < until:  # noqa: ASYNC110  # no event exists
        await asyncio.sleep(_POLL)  # no event exists

    def rank(line: str) -> tuple[bool, bool]:
        is_of_peer = line.endswith(_OF_PEER) or (bool(peer_file) and peer_file in line)
        return is_of_peer, " at " not in line

    return sorted(found, key=rank)


def _new_since(before: OpenResources, recorder: OpeningRecorder, prefix: str) -> list[str]:
    now = OpenResources.take()
    lines: list[str] = []
    for task in now.tasks - before.tasks:
        if is_of_suite(task.get_coro()):  # e.g. of TCPServerPeer
            lines.append(f"task {_task_name(task)!r}{_OF_PEER}")
            continue
        made, waits = recorder.place_of_task(task), waiting_place(task.get_coro(), prefix)
        lines.append(f"task {_task_name(task)!r}" + _where("created", made or waits))
    frames = sys._current_frames()
    for thread in now.threads - before.threads:
        place = frame_place(frames.get(thread.ident or 0), prefix)
        lines.append(f"thread {thread.name!r}" + _where("running", place))
    for descriptor, target in now.descriptors.items():
        if before.descriptors.get(descriptor) != target:
            place = recorder.place_of_socket(descriptor) or recorder.place_of_file(target)
            lines.append(f"descriptor {descriptor}, {target or '?'}" + _where("opened", place))
    timers = dict.fromkeys(recorder.pending_timers())
    lines += [f"timer{_where('set', place)}" for place in timers]
    lines += [f"process {process}" for process in now.processes - before.processes]
    return lines


def _is_busy(frame: FrameType | None) -> bool:
    """Whether a thread of an executor runs a call."""
    return frame is not None and frame.f_code.co_name != _IDLE


def _task_name(task: asyncio.Task[Any]) -> str:
    coroutine = task.get_coro()
    return getattr(coroutine, "__qualname__", task.get_name())


def _where(what: str, place: str) -> str:
    return f" ({what} at {place})" if place else ""


def _descriptors() -> Iterator[tuple[int, str]]:
    """The open descriptors; none where the system does not list them."""
    for folder in _DESCRIPTORS:
        if not folder.is_dir():
            continue
        for entry in list(folder.iterdir()):
            try:
                yield int(entry.name), str(entry.readlink())
            except FileNotFoundError:
                continue  # that of the listing itself
            except OSError:
                yield int(entry.name), ""
        return


def _children() -> Iterator[int]:
    """The child processes; none where the system does not list them."""
    for file in Path("/proc/self/task").glob("*/children"):
        try:
            yield from map(int, file.read_text().split())
        except OSError:
            continue  # the thread has ended
