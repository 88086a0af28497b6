"""Watching a forking bridge: its processes send on what they take in, while somebody looks."""

from __future__ import annotations

import asyncio
import mmap
import os
import socket
from collections.abc import Callable
from tempfile import TemporaryFile

from oscbridge.bridge.sources.forked.ipc_protocol import LINK_TYPE, MAX_RECORD, Seen, read_record
from oscbridge.errors import DecodeError

__all__ = ["TrafficMirror"]

BUFFER = MAX_RECORD * 8
"""Bytes that may wait on the way to who watches; what is beyond is not shown."""

BATCH = 256
"""Packets that are shown before the loop looks at anything else."""


class TrafficMirror:
    """A switch that all processes of a bridge share, and the way of what they have seen.

    The switch is one byte of shared memory: looking at it costs the children no system call.
    The way is a link of its own, so that what is shown never takes the room of a message that
    is to be delivered.
    """

    def __init__(self, show: Callable[[Seen], None]) -> None:
        self._show = show
        self._loop = asyncio.get_running_loop()
        self._near, self._far = socket.socketpair(socket.AF_UNIX, LINK_TYPE)
        self._near.setblocking(False)
        for end in (self._near, self._far):
            for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
                end.setsockopt(socket.SOL_SOCKET, option, BUFFER)
        try:
            self._memory = _one_byte()
        except BaseException:
            self._near.close()
            self._far.close()
            raise
        self._switch = mmap.mmap(self._memory, 1)

    @property
    def descriptors(self) -> tuple[int, int]:
        """The switch, and the far end of the way: for a process to inherit."""
        return self._memory, self._far.fileno()

    def watch(self, on: bool) -> None:
        """Have every packet shown from now on, or none."""
        if on == bool(self._switch[0]):
            return
        self._switch[0] = on
        if on:
            while self._read_one(show=False):
                pass  # it is from the last time
            self._loop.add_reader(self._near, self._read)
        else:
            self._loop.remove_reader(self._near)

    def close(self) -> None:
        """Close what is open."""
        self.watch(False)
        self._near.close()
        self._far.close()
        self._switch.close()
        os.close(self._memory)

    def _read(self) -> None:
        for _ in range(BATCH):
            if not self._read_one():
                return

    def _read_one(self, *, show: bool = True) -> bool:
        """Show one packet. Whether there was any."""
        try:
            data = self._near.recv(MAX_RECORD)
        except OSError:
            return False
        try:
            record = read_record(data)
        except DecodeError:
            return True  # a function of the user found this socket, and wrote into it
        if show and isinstance(record, Seen):
            self._show(record)
        return True


def _one_byte() -> int:
    """A file of one byte that has no name; its descriptor."""
    if hasattr(os, "memfd_create"):  # needs no folder that can be written to
        memory = os.memfd_create("oscbridge-tap")
    else:
        with TemporaryFile() as file:
            memory = os.dup(file.fileno())
    try:
        os.ftruncate(memory, 1)
    except BaseException:
        os.close(memory)
        raise
    return memory
