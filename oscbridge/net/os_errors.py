"""Errors of the operating system as text that says how to fix them."""

from __future__ import annotations

import errno
import socket
from typing import Final

__all__ = ["what_failed"]

_TEXTS: Final = {
    errno.EADDRINUSE: "address already in use; end the other program or choose another port",
    errno.EADDRNOTAVAIL: "this machine has no such address",
    errno.EACCES: "permission denied; check permissions, and choose a port above 1023",
    errno.EISDIR: "this is a directory; name a file",
    errno.ENETUNREACH: "network unreachable; check the address and the connection",
    errno.EHOSTUNREACH: "host unreachable; check the address and the connection",
    errno.ECONNREFUSED: "connection refused; nothing listens there",
}


def what_failed(error: OSError) -> str:
    """A human-readable line."""
    if isinstance(error, socket.gaierror):
        return "unknown host, or its name cannot be looked up; check the spelling"
    if error.errno == errno.EACCES and error.filename is not None:
        return "permission denied; check the permissions of the file and its folder"
    text = _TEXTS.get(error.errno or 0)
    return text or error.strerror or str(error) or type(error).__name__
