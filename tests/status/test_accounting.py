"""Snapshots add up: nothing is counted twice or not at all."""

from __future__ import annotations

import asyncio

import oscbridge
from oscbridge import Message
from oscbridge.testing import running_bridge

STUCK = """
[endpoint.stuck]
type = "stuck"
policy = "latest"
"""


class NeverDone(oscbridge.Endpoint):
    """Never completes a send."""

    async def send(self, message: Message) -> None:
        await asyncio.Event().wait()


async def test_message_that_is_being_sent_is_in_flight_and_not_queued() -> None:
    async with running_bridge(STUCK, {"stuck": NeverDone}, installed=False) as bridge:
        bridge.offer("stuck", *(Message.of(f"/{number}") for number in range(3)))
        await bridge.until(lambda: bridge.endpoint_status("stuck").in_flight)
        status = bridge.endpoint_status("stuck")
        assert (status.offered, status.queued, status.in_flight) == (3, 2, 1)
        page = bridge.metrics()
        assert 'oscbridge_endpoint_in_flight_messages{endpoint="stuck"} 1.0' in page
        assert 'oscbridge_endpoint_queued_messages{endpoint="stuck"} 2.0' in page


class Deafened(oscbridge.Endpoint):
    """Has two clients; one of them misses each message."""

    async def send(self, message: Message) -> None:
        self.host.client_dropped("slow_client", 1, "a client reads too slowly")


async def test_message_that_one_client_misses_is_sent_and_not_dropped() -> None:
    text = '[endpoint.fan]\ntype = "fan"'
    async with running_bridge(text, {"fan": Deafened}, installed=False) as bridge:
        bridge.offer("fan", Message("/a"), Message("/b"))
        await bridge.until(lambda: bridge.endpoint_status("fan").sent == 2)
        status = bridge.endpoint_status("fan")
        assert (status.offered, status.dropped, status.client_dropped) == (
            2,
            {},
            {"slow_client": 2},
        )
        name = "oscbridge_endpoint_client_dropped_messages_total"
        assert f'{name}{{endpoint="fan",reason="slow_client"}} 2.0' in bridge.metrics()
