"""Other bridges of this user, where a start fails because a port is in use."""

from __future__ import annotations

import errno
import os

from oscbridge.errors import OSCBridgeError
from oscbridge.failures import causes_of
from oscbridge.monitoring.control_client import processes

__all__ = ["with_other_bridges"]


async def with_other_bridges(error: OSCBridgeError) -> str:
    """The text of an error, with a line per running bridge if a port is in use."""
    lines = [str(error)]
    found = causes_of(error, contexts=True)
    if any(isinstance(each, OSError) and each.errno == errno.EADDRINUSE for each in found):
        running, _ = await processes()
        stop = "taskkill /pid" if os.name == "nt" else "kill"
        lines += [
            f"running already: {each}; to stop it: {stop} {each.pid}"
            for each in running
            if each.pid != os.getpid()
        ]
    return "\n".join(lines)
