"""The settings of a worker, from the configuration of its bridge."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Final, NamedTuple

from oscbridge.bridge.config.bridge_models import BridgeOptions
from oscbridge.bridge.config.client_models import BridgeClientOptions
from oscbridge.bridge.routes.route import Route
from oscbridge.bridge.sources.forked.ipc_protocol import MAX_RECORD
from oscbridge.bridge.sources.forked.worker_settings import WorkerSettings
from oscbridge.logs.setup import log_form
from oscbridge.net.url import OSCURL

__all__ = ["WHY", "WorkerTask", "settings_for"]

WHY: Final = {
    "child": "the process that handled it ended early",
    "worker": "the worker that held them ended early",
    "encode": "the message that a route made cannot be encoded",
    "oversize": f"the message that a route made is larger than {MAX_RECORD} bytes",
}
"""Reasons to drop messages of a worker, in words."""


LONGEST_INTERVAL: Final = 1.0
"""Seconds between reports of one client, at most."""

REPORTS: Final = 5
"""Reports of a client in the time after which it is forgotten, at least."""


class WorkerTask(NamedTuple):
    """What a worker does beside the routes of the configuration."""

    has_plugin_routes: bool
    absorbed: tuple[str, ...] | None
    """Addresses of messages for the bridge itself; None if it has no clients."""
    report_interval: float = 0.0
    """Seconds between reports of one client that is heard."""
    reports_askers: bool = False

    @classmethod
    def of(cls, has_plugin_routes: bool, clients: BridgeClientOptions | None) -> WorkerTask:
        """The task for the present options of the clients; None without any."""
        if clients is None:
            return cls(has_plugin_routes, None)
        interval = min(LONGEST_INTERVAL, clients.forget / REPORTS)
        return cls(has_plugin_routes, clients.absorbed, interval, clients.answers == "asker")


def settings_for(
    name: str,
    address: OSCURL,
    options: BridgeOptions,
    routes: Sequence[Route],
    task: WorkerTask,
    descriptors: tuple[int, int, int],
) -> WorkerSettings:
    """The settings of a worker that inherits these descriptors.

    They are those of the bound socket, of the switch of the traffic mirror, and of its socket.
    """
    limits = options.limits
    bound, mirror_switch, mirror_socket = descriptors
    return WorkerSettings(
        name=name,
        listen=str(address),
        socket=bound,
        mirror_switch=mirror_switch,
        mirror_socket=mirror_socket,
        allow=list(options.allow),
        workers=options.workers,
        max_messages_per_child=options.max_messages_per_child,
        packet_limits=asdict(limits.packet_limits()),
        stream_limits=asdict(limits.stream_limits()),
        max_route_calls=limits.max_route_calls,
        scheduler={
            "max_pending": limits.max_pending,
            "horizon": limits.horizon,
            "too_early": limits.too_early,
        },
        forwards_tags=options.time_tags == "forward",
        routes=[route.config.pure() for route in routes],
        has_plugin_routes=task.has_plugin_routes,
        absorbed=task.absorbed,
        report_interval=task.report_interval,
        reports_askers=task.reports_askers,
        path=sys.path,
        log_level=logging.getLogger("oscbridge").getEffectiveLevel(),
        log_form=log_form(),
    )
