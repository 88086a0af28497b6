"""Snapshots of a running process, one after another: status and addresses."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from oscbridge.bridge.sinks.latency import Latency
from oscbridge.distributions import version
from oscbridge.errors import OSCBridgeError
from oscbridge.monitoring.address_table import Row
from oscbridge.monitoring.control_client import RunningProcess, ask
from oscbridge.monitoring.leader_calls import decode_leader
from oscbridge.status.address_counts import AddressCounts
from oscbridge.status.route_status import RouteMessages, RouteStatus
from oscbridge.status.status import BridgeStatus, EndpointStatus, Received, Status

__all__ = ["Snapshot", "decode_status", "snapshots"]


class Snapshot(NamedTuple):
    """Status and addresses at one time."""

    time: float
    """Seconds on a monotonic clock."""
    status: Status
    rows: Sequence[Row]
    """The busiest addresses, and the latest."""
    addresses: int
    """Number of known addresses, of which only some are in ``rows``."""
    forgotten: int
    """Addresses that were evicted."""


@asynccontextmanager
async def snapshots(
    process: RunningProcess, every: float, rows: int
) -> AsyncIterator[AsyncIterator[Snapshot]]:
    """A snapshot every ``every`` seconds until the process ends.

    Each has the ``rows`` busiest addresses and the ``rows`` latest ones; the first has none.
    Raises :class:`OSCBridgeError` if the process runs an incompatible version.
    """
    request = {"command": "top", "every": every, "rows": rows}
    async with ask(process.socket, request) as batches:
        yield _snapshots(batches, process)


async def _snapshots(
    batches: AsyncIterator[list[Any]], process: RunningProcess
) -> AsyncIterator[Snapshot]:
    async for batch in batches:
        for answer in batch:
            try:
                yield _snapshot(answer)
            except (KeyError, TypeError) as error:
                text = f"it runs version {process.version} and this is {version('oscbridge')}"
                raise OSCBridgeError(f"cannot read the answer of the bridge: {text}") from error


def _snapshot(answer: Mapping[str, Any]) -> Snapshot:
    return Snapshot(
        answer["time"],
        decode_status(answer["status"]),
        [_row(*row) for row in answer["rows"]],
        answer["addresses"],
        answer["forgotten"],
    )


def _row(address: str, sources: Sequence[str], sinks: Sequence[str], *rest: Any) -> Row:
    return Row(address, tuple(sources), tuple(sinks), *rest)


def decode_status(status: Mapping[str, Any]) -> Status:
    """A status from its JSON form. Raises ``KeyError`` and ``TypeError`` for another form."""
    return Status(
        bridges=tuple(
            BridgeStatus(**{**each, "received": Received(**each["received"])})
            for each in status["bridges"]
        ),
        endpoints=tuple(
            EndpointStatus(
                **{
                    **each,
                    "received": Received(**each["received"]),
                    "latency": _latency(each["latency"]),
                }
            )
            for each in status["endpoints"]
        ),
        routes=tuple(_route(each) for each in status["routes"]),
        variables=status["variables"],
        is_dry=status["is_dry"],
        addresses=AddressCounts(**status["addresses"]),
        leader=decode_leader(status["leader"]),
        plugin_problems=tuple(status["plugin_problems"]),
    )


def _route(fields: Mapping[str, Any]) -> RouteStatus:
    messages, results = RouteMessages(**fields["messages"]), fields["results"]
    made = None if results is None else RouteMessages(**results)
    return RouteStatus(**{**fields, "messages": messages, "results": made})


def _latency(fields: Mapping[str, Any]) -> Latency:
    latency = Latency()
    latency.counts = fields["counts"]
    latency.total = fields["total"]
    return latency
