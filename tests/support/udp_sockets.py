"""The UDP sockets of this machine over IPv4, as ``/proc/net/udp`` lists them (proc(5))."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

__all__ = ["UdpSocket", "udp_socket"]


class UdpSocket(NamedTuple):
    """A line of ``/proc/net/udp``, in part."""

    unread: int
    """Bytes in the receive buffer."""
    dropped: int
    """Datagrams that the kernel dropped, as the buffer was full."""


def udp_socket(port: int) -> UdpSocket:
    """The socket of a port. Raises ``AssertionError`` if no socket has it."""
    for line in Path("/proc/net/udp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1].endswith(f":{port:04X}"):
            return UdpSocket(int(fields[4].rpartition(":")[2], 16), int(fields[-1]))
    raise AssertionError(f"no UDP socket has port {port}")
