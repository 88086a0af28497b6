"""Bridges as sinks in a running system: their sinks, and the clients of their servers."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Iterator, Mapping
from typing import Final

from oscbridge.bridge.clients.sink import BridgeSink
from oscbridge.bridge.sinks.runner import EndpointRunner
from oscbridge.bridge.sources.listener import Listener

__all__ = ["attach_clients", "drain_clients", "sends_to_clients"]

CLIENTS_TIMEOUT: Final = 0.2
"""Seconds that a stop allows for sending queued messages to clients before servers stop."""


def sends_to_clients(runner: EndpointRunner) -> bool:
    """Whether it is the sink of a bridge."""
    return isinstance(runner.endpoint, BridgeSink)


def drain_clients(runners: Iterable[EndpointRunner], seconds: float) -> Iterator[Awaitable[None]]:
    """Wait for queued messages to the clients of each bridge, while its server still listens."""
    for runner in runners:
        if sends_to_clients(runner):
            yield runner.drain(min(seconds, CLIENTS_TIMEOUT))


def attach_clients(
    runners: Mapping[str, EndpointRunner], listeners: Mapping[str, Listener]
) -> None:
    """Let the sinks of bridges send to the clients of the servers that listen now."""
    for name, runner in runners.items():
        if isinstance(runner.endpoint, BridgeSink):
            runner.endpoint.use(listeners[name].clients if name in listeners else None)
    for name, listener in listeners.items():
        if name not in runners and listener.clients is not None:
            listener.clients.serve(None, None)
