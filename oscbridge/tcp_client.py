"""The TCP clients under their python-osc names."""

from oscbridge.client.tcp import SimpleTCPClient, TCPClient, TCPDispatchClient
from oscbridge.client.tcp_asyncio import (
    AsyncDispatchTCPClient,
    AsyncSimpleTCPClient,
    AsyncTCPClient,
)

__all__ = [
    "AsyncDispatchTCPClient",
    "AsyncSimpleTCPClient",
    "AsyncTCPClient",
    "SimpleTCPClient",
    "TCPClient",
    "TCPDispatchClient",
]
