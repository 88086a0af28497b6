"""Conditions of routes that read from a forking bridge."""

from __future__ import annotations

import pytest

from oscbridge.osc import Message
from oscbridge.testing import running_bridge

BRIDGE = """
[bridge.stage]
listen = "{scheme}://127.0.0.1:0"
mode = "forking"

[endpoint.desk]
type = "recording"

[[route]]
from = "stage"
when = "1 / x > 1"
to = "desk"
"""


@pytest.mark.parametrize("scheme", ["udp", "tcp"])
async def test_worker_reports_what_a_condition_filters(scheme: str) -> None:
    async with running_bridge(BRIDGE.format(scheme=scheme)) as bridge:
        bridge.send("stage", *[Message.of("/x", value) for value in (0.5, 2.0, 0.0, 4.0)])
        await bridge.recording("desk").arrived(1)
        await bridge.until(lambda: bridge.route_status(1).messages.filtered.get("when") == 2)
        await bridge.until(lambda: bridge.route_status(1).failed == {"expression": 1})
