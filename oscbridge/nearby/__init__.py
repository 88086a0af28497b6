"""Devices that could be added: in the local network, and at the ports of this machine."""

from oscbridge.nearby.search import DeviceSearch, FoundNearby, SearchResult

__all__ = ["DeviceSearch", "FoundNearby", "SearchResult"]
