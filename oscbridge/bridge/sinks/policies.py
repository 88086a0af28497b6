"""From the options of an endpoint runner to its send queue, one kind per policy."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from oscbridge.bridge.sinks.backpressure import Backpressure
from oscbridge.bridge.sinks.latency import LatencySampler
from oscbridge.bridge.sinks.queues import BlockingQueue, DropOldestQueue, LatestQueue
from oscbridge.bridge.sinks.send_queue import SendQueue
from oscbridge.bridge.sinks.spool.queue import SpoolQueue
from oscbridge.bridge.sinks.spool.serializer import SpoolSerializer
from oscbridge.bridge.sinks.spool.writer import SpoolBounds, SpoolWriter
from oscbridge.endpoint import Endpoint, OnStart, Policy
from oscbridge.logs.rate_limited import RateLimitedLog

__all__ = ["RunnerOptions", "make_queue"]


@dataclass(frozen=True)
class RunnerOptions:
    """The keys of ``[endpoint.NAME]`` that the bridge itself reads."""

    policy: Policy
    on_start: OnStart
    queue_size: int
    """Messages."""
    spool: SpoolBounds | None = None
    """Required by the policy ``spool``."""


def make_queue(
    options: RunnerOptions,
    endpoint: Endpoint,
    loop: asyncio.AbstractEventLoop,
    on_drop: Callable[[str, int], None],
    sampler: LatencySampler,
    backpressure: Backpressure,
    log: RateLimitedLog,
) -> SendQueue:
    """Return the send queue that the policy asks for. A spool starts its thread at once."""
    size = options.queue_size
    match options.policy:
        case "drop_oldest":
            return DropOldestQueue(size, loop, on_drop, sampler, endpoint.essential)
        case "latest":
            keys = endpoint.essential, endpoint.key
            return LatestQueue(size, loop, on_drop, sampler, *keys)
        case "block":
            return BlockingQueue(size, loop, on_drop, sampler, backpressure)
        case "spool":
            if options.spool is None:
                raise ValueError("the policy 'spool' requires a file")
            serializer = SpoolSerializer(endpoint.RouteOptions)
            writer = SpoolWriter(options.spool, serializer, endpoint.keeps, log)
            return SpoolQueue(size, loop, on_drop, sampler, writer)
