"""The models of the tables that concern the process as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field

from oscbridge.bridge.sinks.runner import DRAIN_TIMEOUT
from oscbridge.net.url import HostPort
from oscbridge.options import Options

__all__ = ["HTTPOptions", "RunOptions"]


class HTTPOptions(Options):
    """``[http]``: serves health and metrics. Without the table nothing is served."""

    listen: HostPort = HostPort("127.0.0.1", 9180)
    """Where to serve ``/healthz``, ``/readyz`` and ``/metrics``: ``host:port``.
    ``[::]`` and ``*`` are all addresses, IPv6 and IPv4."""
    hosts: tuple[str, ...] = ()
    """Additional host names under which clients may address it. IP addresses and names that
    nobody can register (``stage``, ``stage.local``, ``stage.lan``) always work."""


class RunOptions(Options):
    """``[run]``: the process."""

    renamed_keys: ClassVar[Mapping[str, str]] = {"drain": "drain_timeout"}

    drain_timeout: Annotated[float, Field(ge=0, le=600)] = DRAIN_TIMEOUT
    """Seconds within which endpoints must deliver their queues when the bridge stops."""
    blocked_timeout: Annotated[float, Field(ge=0.05, le=3600)] = 1.0
    """Seconds after which an event loop that a plugin or a function blocks is reported, with the
    line that blocks it."""
