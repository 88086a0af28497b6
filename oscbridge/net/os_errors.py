"""What the operating system refuses, in words that say how to mend it."""

from __future__ import annotations

import errno
import socket
from typing import Final

__all__ = ["what_failed"]

_TEXTS: Final = {
    errno.EADDRINUSE: "address already in use; end the other program or choose another port",
    errno.EADDRNOTAVAIL: "this machine has no such address",
    errno.EACCES: "not allowed; check permissions, and choose a port above 1023",
    errno.EISDIR: "this is a directory; name a file",
    errno.ENETUNREACH: "the network cannot be reached; check the address and the connection",
    errno.EHOSTUNREACH: "the host cannot be reached; check the address and the connection",
    errno.ECONNREFUSED: "connection refused; nothing listens there",
}


def what_failed(error: OSError) -> str:
    """One line for a person."""
    if isinstance(error, socket.gaierror):
        return "there is no such host, or its name cannot be looked up; check the spelling"
    if error.errno == errno.EACCES and error.filename is not None:
        return "not allowed for this user; check the permissions of the file and its folder"
    text = _TEXTS.get(error.errno or 0)
    return text or error.strerror or str(error) or type(error).__name__
