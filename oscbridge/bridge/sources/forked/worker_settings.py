"""What a supervisor hands to its worker at the start, as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from oscbridge.logs.setup import Form

__all__ = ["WorkerSettings"]


@dataclass(frozen=True)
class WorkerSettings:
    """The settings of a worker: values that JSON can represent."""

    name: str
    """The name of the bridge."""
    listen: str
    """The URL that the socket is bound to."""
    socket: int
    """Descriptor of the bound socket."""
    mirror_switch: int
    """Descriptor of the byte that turns the traffic mirror on."""
    mirror_socket: int
    """Descriptor of the socket for mirrored packets."""
    allow: Sequence[str]
    workers: int
    """Most children at once."""
    max_messages_per_child: int
    """Messages after which a child is replaced, over UDP."""
    packet_limits: Mapping[str, Any]
    stream_limits: Mapping[str, Any]
    max_route_calls: int
    scheduler: Mapping[str, Any]
    forwards_tags: bool
    """Whether messages run at once and hand their time tags on."""
    routes: Sequence[Mapping[str, Any]]
    """The pure steps of each route (:meth:`RouteConfig.pure`)."""
    has_plugin_routes: bool
    absorbed: Sequence[str] | None
    """Addresses of messages for the bridge itself; None if it has no clients."""
    report_interval: float
    """Seconds between reports of one client that is heard."""
    reports_askers: bool
    """Whether each message that is routed is reported with its sender."""
    path: Sequence[str]
    """``sys.path``."""
    log_level: int
    log_form: Form
    finish_timeout: float = 0.0
    """Seconds to finish accepted messages after :data:`RETIRE`."""
    counts: int = -1
    """Descriptor of the memory for :class:`WorkerStatistics`."""

    def encode(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    @classmethod
    def decode(cls, data: bytes) -> WorkerSettings:
        return cls(**json.loads(data))
