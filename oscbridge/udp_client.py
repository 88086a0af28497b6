"""The UDP clients under their python-osc names."""

from oscbridge.client.udp import DispatchClient, SimpleUDPClient, UDPClient

__all__ = ["DispatchClient", "SimpleUDPClient", "UDPClient"]
