"""Messages that match no route of a forking bridge."""

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
match = "/known"
to = "desk"
"""


@pytest.mark.parametrize("scheme", ["udp", "tcp"])
async def test_last_address_without_a_route_is_reported(scheme: str) -> None:
    async with running_bridge(BRIDGE.format(scheme=scheme)) as bridge:
        bridge.send("stage", Message("/typo/1"), Message("/typo/2"))
        await bridge.until(lambda: bridge.bridge_status("stage").received.unmatched == 2)
        bridge.send("stage", Message("/known"))
        await bridge.recording("desk").arrived(1)
        assert bridge.bridge_status("stage").received.last_unmatched == "/typo/2"


async def test_long_address_without_a_route_is_shortened() -> None:
    text = BRIDGE.format(scheme="udp").replace(
        "mode", "limits = { max_address_length = 20_000 }\nmode"
    )
    async with running_bridge(text) as bridge:
        bridge.send("stage", Message("/" + "x" * 10_000))
        await bridge.until(lambda: bridge.bridge_status("stage").received.unmatched)
        found = bridge.bridge_status("stage").received
        assert found.last_unmatched.startswith("/xxx"), found
        assert len(found.last_unmatched) < 1_000
