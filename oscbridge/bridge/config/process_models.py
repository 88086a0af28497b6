"""The models of what concerns the process as a whole."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from oscbridge.bridge.sinks.runner import DRAIN_TIMEOUT
from oscbridge.endpoint import Options
from oscbridge.net.url import HostPort

__all__ = ["HTTPOptions", "RunOptions"]


class HTTPOptions(Options):
    """``[http]``: where health and metrics are served. Without the table they are not."""

    listen: HostPort = HostPort("127.0.0.1", 9180)
    """Where to serve ``/healthz``, ``/readyz`` and ``/metrics``: ``host:port``."""
    hosts: tuple[str, ...] = ()
    """Names that it may be called by, beside addresses and names without a dot."""


class RunOptions(Options):
    """``[run]``: the process."""

    drain: Annotated[float, Field(ge=0, le=600)] = DRAIN_TIMEOUT
    """Seconds that a stop gives endpoints to deliver what waits."""
