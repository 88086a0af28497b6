"""What a forking bridge reports about messages that its worker does not pass on."""

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
to = "desk"
"""
CONDITION = BRIDGE + 'when = "1 / x > 1"'
KNOWN = BRIDGE + 'match = "/known"'


@pytest.mark.parametrize("scheme", ["udp", "tcp"])
async def test_worker_reports_what_a_condition_filters(scheme: str) -> None:
    async with running_bridge(CONDITION.format(scheme=scheme)) as bridge:
        bridge.send("stage", *[Message.of("/x", value) for value in (0.5, 2.0, 0.0, 4.0)])
        await bridge.recording("desk").arrived(1)
        await bridge.until(lambda: bridge.route_status(1).messages.filtered.get("when") == 2)
        await bridge.until(lambda: bridge.route_status(1).failed == {"expression": 1})


@pytest.mark.parametrize("scheme", ["udp", "tcp"])
@pytest.mark.parametrize(
    ("step", "message", "reason"),
    [
        ('match = "/x/{n}"', Message.of("/x/*", 1), "pattern"),
        ('types = "s"', Message.of("/x/1", 1), "types"),
    ],
)
async def test_filtered_messages_are_not_answered(
    scheme: str, step: str, message: Message, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with running_bridge(BRIDGE.format(scheme=scheme) + step) as bridge:
        bridge.send("stage", message, message)
        await bridge.until(lambda: bridge.route_status(1).messages.filtered == {reason: 2})
    assert [each.getMessage() for each in caplog.records if each.levelname == "ERROR"] == []


@pytest.mark.parametrize("scheme", ["udp", "tcp"])
async def test_last_address_without_a_route_is_reported(scheme: str) -> None:
    async with running_bridge(KNOWN.format(scheme=scheme)) as bridge:
        bridge.send("stage", Message("/typo/1"), Message("/typo/2"))
        await bridge.until(lambda: bridge.bridge_status("stage").received.unmatched == 2)
        bridge.send("stage", Message("/known"))
        await bridge.recording("desk").arrived(1)
        assert bridge.bridge_status("stage").received.last_unmatched == "/typo/2"


async def test_long_address_without_a_route_is_shortened() -> None:
    text = KNOWN.format(scheme="udp").replace(
        "mode", "limits = { max_address_length = 20_000 }\nmode"
    )
    async with running_bridge(text) as bridge:
        bridge.send("stage", Message("/" + "x" * 10_000))
        await bridge.until(lambda: bridge.bridge_status("stage").received.unmatched)
        found = bridge.bridge_status("stage").received
        assert found.last_unmatched.startswith("/xxx"), found
        assert len(found.last_unmatched) < 1_000
