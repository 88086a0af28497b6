"""The TCP servers under their python-osc names."""

import os
from typing import TYPE_CHECKING

from oscbridge.lazy_names import lazy_names
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

__getattr__ = lazy_names(
    __name__,
    *("oscbridge.server.tcp_asyncio.AsyncOSCTCPServer",),
    *("_TCPHandler1_0=oscbridge.server.request_handlers.PrefixHandler",),
    *("_TCPHandler1_1=oscbridge.server.request_handlers.SLIPHandler", "asyncio"),
    *("logging", "socket", "socketserver", "struct", "typing.List", "typing.Tuple"),
    *("oscbridge.osc_message_builder", "oscbridge.slip"),
    *("oscbridge.dispatcher.Dispatcher", "LOG=logging.root"),
)
