"""Watching a forking bridge: its processes send copies of received packets on demand."""

from __future__ import annotations

import asyncio
import mmap
import os
import socket
from collections.abc import Callable

from oscbridge.bridge.sources.forked.ipc_protocol import (
    MAX_RECORD,
    SOCKET_TYPE,
    ReceivedPacket,
    read_record,
)
from oscbridge.bridge.sources.forked.shared_memory import unnamed_file
from oscbridge.errors import DecodeError

__all__ = ["TrafficMirror"]

BUFFER = MAX_RECORD * 8
"""Bytes that may wait for the watchers; further packets are not shown."""

BATCH = 256
"""Packets that are shown before the loop serves others."""


class TrafficMirror:
    """A switch that all processes of a bridge share, and a socket for the mirrored packets.

    The switch is one byte of shared memory: reading it costs the children no system call. The
    socket is a separate one, so that mirrored packets never delay the messages to deliver.
    """

    def __init__(self, show: Callable[[ReceivedPacket], None]) -> None:
        self._show = show
        self._loop = asyncio.get_running_loop()
        self._near, self._far = socket.socketpair(socket.AF_UNIX, SOCKET_TYPE)
        self._near.setblocking(False)
        for end in (self._near, self._far):
            for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
                end.setsockopt(socket.SOL_SOCKET, option, BUFFER)
        try:
            self._memory = unnamed_file(1)
        except BaseException:
            self._near.close()
            self._far.close()
            raise
        self._switch = mmap.mmap(self._memory, 1)

    @property
    def descriptors(self) -> tuple[int, int]:
        """The switch and the far end of the socket, for a process to inherit."""
        return self._memory, self._far.fileno()

    def watch(self, on: bool) -> None:
        """Mirror every packet from now on, or none."""
        if on == bool(self._switch[0]):
            return
        self._switch[0] = on
        if on:
            while self._read_one(show=False):
                pass  # left over from the last time
            self._loop.add_reader(self._near, self._read)
        else:
            self._loop.remove_reader(self._near)

    def close(self) -> None:
        """Stop watching and close the sockets."""
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
        """Show one packet. Returns whether there was one."""
        try:
            data = self._near.recv(MAX_RECORD)
        except OSError:
            return False
        try:
            record = read_record(data)
        except DecodeError:
            return True  # a function of a route has written to this socket
        if show and isinstance(record, ReceivedPacket):
            self._show(record)
        return True
