"""The limits of a bridge: every key with its type, its default and its meaning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from oscbridge.contract.options import Options
from oscbridge.dispatch.scheduler import Scheduler
from oscbridge.osc import Limits
from oscbridge.server.connection_limits import StreamLimits

__all__ = ["LimitOptions"]

_Bytes = Annotated[int, Field(ge=16, le=256 << 20)]
_Count = Annotated[int, Field(ge=1, le=1_000_000)]
_Connections = Annotated[int, Field(ge=1, le=10_000)]
_Seconds = Annotated[float, Field(ge=0.1, le=30 * 86_400)]


class LimitOptions(Options):
    """``[bridge.NAME.limits]``: how much a bridge accepts. What exceeds a limit is counted."""

    renamed_keys: ClassVar[Mapping[str, str]] = {
        "packet": "max_packet_size",
        "depth": "max_depth",
        "tags": "max_type_tags",
        "arguments": "max_arguments",
        "address": "max_address_length",
        "calls": "max_route_calls",
        "pending": "max_pending",
        "beyond": "too_early",
        "connections": "max_connections",
        "connections_per_address": "max_connections_per_address",
        "idle": "idle_timeout",
        "unfinished": "packet_timeout",
        "reply_wait": "reply_timeout",
        "reply_bytes": "max_reply_bytes",
    }

    max_packet_size: _Bytes = 1_048_576
    """Bytes per packet. UDP carries at most 65,535."""
    max_depth: Annotated[int, Field(ge=1, le=100)] = 16
    """Levels of bundles within bundles, and of arrays within arrays."""
    max_type_tags: _Count = 16_384
    """Type tags per message, including brackets."""
    max_arguments: _Count = 16_384
    """Arguments per message, including those within arrays."""
    max_address_length: Annotated[int, Field(ge=1, le=65_535)] = 512
    """Bytes per address."""
    max_route_calls: _Count = 16_384
    """Route calls per bundle: the sum over all its messages."""
    max_pending: _Count = 10_000
    """Messages that wait for their time tags."""
    horizon: Annotated[float, Field(ge=0, le=30 * 86_400)] = 10.0
    """Seconds that a time tag may lie in the future. A message that is more than 2 s ahead is
    logged."""
    too_early: Literal["run", "drop"] = "run"
    """What happens to messages that exceed ``max_pending`` or ``horizon``: ``run`` (they are
    handled at once) or ``drop``."""
    max_connections: _Connections = 256
    """Simultaneous TCP clients. In ``threading`` and ``forking``, ``workers`` limits them too;
    ``blocking`` serves one, and the others wait."""
    max_connections_per_address: _Connections = 16
    """Simultaneous TCP clients per address."""
    idle_timeout: _Seconds = 86_400.0
    """Seconds without data after which a TCP client is disconnected."""
    packet_timeout: _Seconds = 30.0
    """Seconds within which a TCP client must complete a packet."""
    reply_timeout: _Seconds = 5.0
    """Seconds within which a TCP client must accept a reply."""
    max_reply_bytes: _Bytes = 4_194_304
    """Bytes of replies that wait for a TCP client, in ``asyncio``."""

    def packet_limits(self) -> Limits:
        """The limits of a dispatcher."""
        return Limits(
            max_packet_size=self.max_packet_size,
            max_depth=self.max_depth,
            max_type_tags=self.max_type_tags,
            max_arguments=self.max_arguments,
            max_address_length=self.max_address_length,
        )

    def stream_limits(self) -> StreamLimits:
        """The limits of a TCP server."""
        return StreamLimits(
            max_packet_size=self.max_packet_size,
            max_connections=self.max_connections,
            max_connections_per_address=self.max_connections_per_address,
            idle_timeout=self.idle_timeout,
            packet_timeout=self.packet_timeout,
            reply_timeout=self.reply_timeout,
            max_reply_bytes=self.max_reply_bytes,
        )

    def scheduler(self) -> Scheduler:
        """A scheduler with these limits."""
        return Scheduler(self.max_pending, horizon=self.horizon, too_early=self.too_early)
