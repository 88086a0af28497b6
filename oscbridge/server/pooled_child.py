"""A child process that handles many packets, and the parent's side of it. Linux only."""

from __future__ import annotations

import errno
import marshal
import mmap
import os
import socket
import time
from collections.abc import Callable
from typing import Final, NamedTuple

from oscbridge.net.socket_address import ClientAddress

__all__ = ["ChildPacket", "PooledChild"]

SEND_BUFFER: Final = 1 << 18
"""Bytes of packets that may wait for one child; the kernel may grant less."""

MAX_RECORD: Final = 1 << 17
"""Bytes of a packet with its number and its sender."""


class ChildPacket(NamedTuple):
    """A packet with the number of its messages."""

    data: bytes
    client: ClientAddress
    messages: int


class PooledChild:
    """The parent sends packets through a socket pair; the child counts those that it has handled.

    The parent keeps the child's end open, too. So it can take back packets that the child has
    not read, even after the death of the child: that loses only what the child was handling. The
    count is in shared memory, where it costs no system call and survives the child.
    """

    def __init__(self) -> None:
        """Raises ``OSError``."""
        self.near, self._far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            self._memory = mmap.mmap(-1, mmap.PAGESIZE)
        except BaseException:
            self.close_sockets()
            raise
        self.near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        self._shared = memoryview(self._memory).cast("Q")
        """How many packets it has handled, and the number of the one that it began last."""
        self.pid = 0
        self.is_open = True
        """Whether it takes more packets."""
        self.given = 0
        """Messages that it was given and that were not taken back."""
        self.progress = time.monotonic()
        """When it last handled a packet, or got one without being busy."""
        self.pace = 0.0
        """Seconds that it took for each packet of late."""
        self.waiting: dict[int, ChildPacket] = {}
        """Packets that it handles or has not read yet, by number, oldest first."""
        self._number = 0
        self._collected = 0

    # --- in the parent -----------------------------------------------------------------------

    def give(self, packet: ChildPacket, now: float) -> bool:
        """Send it a packet. Returns False if its socket is full.

        Raises ``OSError`` if the packet is too large for the socket.
        """
        number = self._number + 1
        data = marshal.dumps((number, packet.data, packet.client))
        try:
            self.near.send(data, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno == errno.EMSGSIZE:
                raise
            self.retire()  # it has ended
            return False
        if not self.waiting:
            self.progress = now
        self._number = number
        self.waiting[number] = packet
        self.given += packet.messages
        return True

    def collect(self, now: float) -> int:
        """Messages that it has handled since the last call."""
        packets = self._shared[0] - self._collected
        if not packets:
            return 0
        self.pace = (now - self.progress) / packets
        self.progress = now
        self._collected += packets
        waiting = self.waiting
        return sum([waiting.pop(next(iter(waiting))).messages for _ in range(packets)])

    def take_back(self) -> list[ChildPacket]:
        """Take the packets that it has not read. It may read others meanwhile."""
        taken = []
        while True:
            try:
                data = self._far.recv(MAX_RECORD, socket.MSG_DONTWAIT)
            except OSError:
                break
            if not data:
                break
            taken.append(self.waiting.pop(marshal.loads(data)[0]))
        self.given -= sum(packet.messages for packet in taken)
        return taken

    def take_unbegun(self) -> list[ChildPacket]:
        """After its end: take the packet that it had read just before, if there is one."""
        numbers = [number for number in self.waiting if number > self._shared[1]]
        return [self.waiting.pop(number) for number in numbers]

    def clear_wakes(self) -> None:
        """Read what it has sent to wake the parent."""
        try:
            while self.near.recv(16, socket.MSG_DONTWAIT):
                pass
        except OSError:
            pass

    def retire(self) -> None:
        """Let it end once it has handled the packets that it was given."""
        self.is_open = False
        try:
            self.near.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close_sockets(self) -> None:
        """Close both sockets."""
        self.near.close()
        self._far.close()

    def close(self) -> None:
        """Release everything; for a child that has ended."""
        self.close_sockets()
        self._shared.release()
        self._memory.close()

    # --- in the child ------------------------------------------------------------------------

    def run(self, handle: Callable[[bytes, ClientAddress], None]) -> None:
        """Handle packets until there will be no more, or the parent is gone."""
        self.near.close()
        # A process that a handler forks must not hold it: the parent would wait for that, too.
        os.register_at_fork(after_in_child=self._far.close)
        handled = 0
        while data := self._receive():
            self._shared[1], packet, client = marshal.loads(data)
            handle(packet, client)
            handled += 1
            self._shared[0] = handled

    def _receive(self) -> bytes:
        """The next packet; wakes the parent before it waits. Empty at the end."""
        try:
            try:
                return self._far.recv(MAX_RECORD, socket.MSG_DONTWAIT)
            except BlockingIOError:
                self._wake()
            return self._far.recv(MAX_RECORD)
        except OSError:  # the parent is gone
            return b""

    def _wake(self) -> None:
        try:
            self._far.send(b"\0", socket.MSG_DONTWAIT)
        except BlockingIOError:
            pass  # it has not noticed the last ones yet
