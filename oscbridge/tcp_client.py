"""The TCP clients under their python-osc names."""

from oscbridge.client.tcp import SimpleTCPClient, TCPClient, TCPDispatchClient
from oscbridge.client.tcp_asyncio import (
    AsyncDispatchTCPClient,
    AsyncSimpleTCPClient,
    AsyncTCPClient,
)
from oscbridge.lazy_names import lazy_names

__all__ = [
    "AsyncDispatchTCPClient",
    "AsyncSimpleTCPClient",
    "AsyncTCPClient",
    "SimpleTCPClient",
    "TCPClient",
    "TCPDispatchClient",
]

__getattr__ = lazy_names(
    __name__,
    *("asyncio", "socket", "struct", "typing.AsyncGenerator", "typing.Generator"),
    *("typing.Iterable", "typing.List", "typing.Union", "oscbridge.slip"),
    *("oscbridge.dispatcher.Dispatcher", "oscbridge.osc_bundle.OscBundle"),
    *("oscbridge.osc_message.OscMessage", "oscbridge.osc_message_builder.ArgValue"),
    *("oscbridge.osc_message_builder.build_msg", "oscbridge.osc_tcp_server.MODE_1_1"),
)
