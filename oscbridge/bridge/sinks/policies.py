"""From the options of an endpoint runner to its send queue, one kind per policy."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from oscbridge.bridge.routes.config import MAX_ADDRESSES
from oscbridge.bridge.sinks.backpressure import Backpressure
from oscbridge.bridge.sinks.drops import DropCounter
from oscbridge.bridge.sinks.expiring_queue import AgedMessage, ExpiringQueue
from oscbridge.bridge.sinks.latency import LatencySampler
from oscbridge.bridge.sinks.memory_queue import MemoryQueue
from oscbridge.bridge.sinks.must_deliver import no_key
from oscbridge.bridge.sinks.queue_base import EntryT
from oscbridge.bridge.sinks.queues import (
    BlockingQueue,
    DropOldestQueue,
    LatestQueue,
)
from oscbridge.bridge.sinks.send_queue import SendQueue
from oscbridge.bridge.sinks.spool.bounds import SpoolBounds
from oscbridge.contract.abilities import Coalescing, Durability, MustDeliver
from oscbridge.contract.delivery import Deliverable
from oscbridge.contract.endpoint import AnyEndpoint, OnStart, Policy
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
    max_age: float | None = None
    """Seconds after which a waiting message expires; None for never, or as ``spool`` says."""
    max_addresses: int = MAX_ADDRESSES
    """Addresses whose last value is kept, where the endpoint asks for that."""
    stall_timeout: float = 5.0
    """Seconds after which a send in progress is a problem, except with the policy ``block``."""
    dry: bool = False
    """Whether messages are logged and counted instead of sent."""


def make_queue(
    options: RunnerOptions,
    endpoint: AnyEndpoint,
    loop: asyncio.AbstractEventLoop,
    drops: DropCounter,
    sampler: LatencySampler,
    backpressure: Backpressure,
    log: RateLimitedLog,
) -> SendQueue:
    """Return the send queue that the policy asks for. A spool starts its thread at once."""
    if options.policy == "spool":
        return _on_disk(options, endpoint, loop, drops, sampler, backpressure, log)
    parts = loop, drops, sampler, backpressure
    must_deliver = _must_deliver_key(endpoint)
    coalesce = endpoint.coalesce_key if isinstance(endpoint, Coalescing) else _address
    if options.max_age is None:
        return _in_memory(options, must_deliver, coalesce, *parts)
    queue = _in_memory(options, _inner(must_deliver), _inner(coalesce), *parts)
    return ExpiringQueue(queue, options.max_age, drops, sampler, must_deliver, loop.time)


def _on_disk(
    options: RunnerOptions,
    endpoint: AnyEndpoint,
    loop: asyncio.AbstractEventLoop,
    drops: DropCounter,
    sampler: LatencySampler,
    backpressure: Backpressure,
    log: RateLimitedLog,
) -> SendQueue:
    # Imported only where there is a spool: SQLite takes 2 MB.
    from oscbridge.bridge.sinks.spool.index import SpoolIndex
    from oscbridge.bridge.sinks.spool.queue import SpoolQueue
    from oscbridge.bridge.sinks.spool.serializer import SpoolSerializer
    from oscbridge.bridge.sinks.spool.writer import SpoolWriter

    if options.spool is None:
        raise ValueError("the policy 'spool' requires a file")
    serializer = SpoolSerializer(endpoint.route_options_type)
    is_durable = endpoint.is_durable if isinstance(endpoint, Durability) else _always
    writer = SpoolWriter(options.spool, serializer, is_durable, log)
    index = SpoolIndex(options.queue_size, _must_deliver_key(endpoint))
    return SpoolQueue(index, loop, drops, sampler, writer, backpressure)


def _in_memory(
    options: RunnerOptions,
    must_deliver: Callable[[EntryT], Hashable],
    coalesce: Callable[[EntryT], Hashable],
    loop: asyncio.AbstractEventLoop,
    drops: DropCounter,
    sampler: LatencySampler,
    backpressure: Backpressure,
) -> MemoryQueue[EntryT]:
    """Return the queue in memory that the policy asks for."""
    size = options.queue_size
    match options.policy:
        case "latest":
            return LatestQueue(size, loop, drops, sampler, must_deliver, coalesce)
        case "block":
            return BlockingQueue(size, loop, drops, sampler, backpressure)
        case _:
            return DropOldestQueue(size, loop, drops, sampler, must_deliver)


def _inner(key: Callable[[Deliverable], Hashable]) -> Callable[[AgedMessage], Hashable]:
    """The same key, of the message in an entry."""
    return lambda entry: key(entry.message)


def _address(message: Deliverable) -> str:
    """The coalesce key without the ability :class:`Coalescing`."""
    return message.address


def _must_deliver_key(endpoint: AnyEndpoint) -> Callable[[Deliverable], Hashable]:
    """Without :class:`MustDeliver` any message may be dropped."""
    return endpoint.must_deliver_key if isinstance(endpoint, MustDeliver) else no_key


def _always(_message: Deliverable) -> bool:
    """Without :class:`Durability` all messages are durable."""
    return True
