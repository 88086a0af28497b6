"""Other bridges of this user, where a start fails because a port is in use."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator

from oscbridge.errors import OSCBridgeError
from oscbridge.monitoring.control_client import processes

__all__ = ["with_other_bridges"]


async def with_other_bridges(error: OSCBridgeError) -> str:
    """The text of an error, with a line per running bridge if a port is in use."""
    lines = [str(error)]
    if any(each.errno == errno.EADDRINUSE for each in _os_errors(error)):
        running, _ = await processes()
        lines += [f"running already: {each}" for each in running if each.pid != os.getpid()]
    return "\n".join(lines)


def _os_errors(error: BaseException | None) -> Iterator[OSError]:
    while error is not None:
        if isinstance(error, OSError):
            yield error
        error = error.__cause__ or error.__context__
