"""Snapshots on their way from the running process to a client."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

from oscbridge.monitoring.control_server import encode_answer
from oscbridge.monitoring.snapshots import decode_status
from oscbridge.status.status import EndpointStatus, Received, Status
from oscbridge.testing import running_bridge

CONFIGURATION = """
[bridge.in]
listen = "udp://127.0.0.1:0"

[endpoint.out]
type   = "websocket"
listen = "127.0.0.1:0"

[[route]]
from = "in"
to   = "out"
"""


def counted(received: Received) -> Received:
    """With something in every counter that has reasons."""
    reasons = Counter({"a": 1, "b": 2})
    return replace(received, bad=reasons, closed=reasons, dropped=reasons)


def counted_endpoint(endpoint: EndpointStatus) -> EndpointStatus:
    reasons = Counter({"a": 1, "b": 2})
    return replace(
        endpoint,
        dropped=reasons,
        client_dropped=reasons,
        received=counted(endpoint.received),
    )


async def test_counters_with_reasons_reach_the_client() -> None:
    async with running_bridge(CONFIGURATION) as bridge:
        in_, out = bridge.bridge_status("in"), bridge.endpoint_status("out")
        route = bridge.route_status(1)
    reasons = Counter({"when": 3})
    messages = replace(route.messages, filtered=reasons, failed=reasons)
    status = Status(
        (replace(in_, received=counted(in_.received)),),
        (counted_endpoint(out),),
        (replace(route, messages=messages, results=messages),),
    )
    decoded = decode_status(json.loads(encode_answer({"status": status}))["status"])
    assert json.loads(encode_answer({"": decoded})) == json.loads(encode_answer({"": status}))
    assert decoded.bridges[0].received.bad == {"a": 1, "b": 2}
    assert decoded.routes[0].messages.failed == {"when": 3}
