"""The UDP servers under their python-osc names."""

import os
from typing import TYPE_CHECKING

from oscbridge.lazy_names import lazy_names
from oscbridge.server.udp import (
    BlockingOSCUDPServer,
    OSCUDPServer,
    ThreadingOSCUDPServer,
    looks_like_osc,
)

if TYPE_CHECKING:
    from oscbridge.server.udp_asyncio import AsyncIOOSCUDPServer

__all__ = ["AsyncIOOSCUDPServer", "BlockingOSCUDPServer", "OSCUDPServer", "ThreadingOSCUDPServer"]


def _is_valid_request(request: tuple[bytes, object]) -> bool:
    return looks_like_osc(request[0])


if hasattr(os, "fork"):
    from oscbridge.server.udp_forking import ForkingOSCUDPServer

    __all__ += ["ForkingOSCUDPServer"]

__getattr__ = lazy_names(
    __name__,
    *("oscbridge.server.udp_asyncio.AsyncIOOSCUDPServer",),
    *("_UDPHandler=oscbridge.server.request_handlers.UDPHandler", "asyncio", "socket"),
    *("socketserver", "typing.Any", "typing.Coroutine", "typing.Tuple", "typing.Union"),
    *("typing.cast", "oscbridge.osc_bundle", "oscbridge.osc_message"),
    *("oscbridge.dispatcher.Dispatcher", "oscbridge.osc_message_builder.build_msg"),
)
