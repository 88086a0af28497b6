"""What a client may ask for in its URL: the last values first, a frame a message."""

from __future__ import annotations

import asyncio
from typing import Any

import oscbridge
from oscbridge import Message


async def test_a_client_that_asks_is_first_given_the_last_value_of_each_address(
    bridge: Any, join: Any, messages: Any
) -> None:
    first = await join(bridge)
    bridge.send(Message.of("/a", 1), Message.of("/b", 2), Message.of("/a", 3))
    await messages(first, 3)
    late = await join(bridge, query="snapshot=1")
    assert {(m.address, m.args) for m in await messages(late, 2)} == {("/a", (3,)), ("/b", (2,))}
    bridge.send(Message.of("/c", 4))
    assert [m.address for m in await messages(late)] == ["/c"]


async def test_what_came_before_any_client_is_in_the_snapshot(
    bridge: Any, join: Any, messages: Any
) -> None:
    bridge.send(Message.of("/early", 1))
    while not bridge.app.endpoints["web"].sent:
        await asyncio.sleep(0)
    client = await join(bridge, query="snapshot=1")
    assert [m.address for m in await messages(client)] == ["/early"]


async def test_without_asking_a_client_gets_only_what_comes(
    bridge: Any, join: Any, messages: Any
) -> None:
    first = await join(bridge)
    bridge.send(Message.of("/a", 1))
    await messages(first)
    late = await join(bridge)
    bridge.send(Message.of("/b", 2))
    assert [m.address for m in await messages(late)] == ["/b"]


async def test_an_endpoint_may_give_the_snapshot_unasked_and_a_client_may_refuse_it(
    start: Any, join: Any, document: Any, messages: Any
) -> None:
    bridge = await start("snapshot = true")
    first = await join(bridge)
    bridge.send(Message.of("/a", 1))
    await messages(first)
    asked_nothing = await join(bridge, "osc.json")
    assert (await document(asked_nothing))["address"] == "/a"
    refused = await join(bridge, query="snapshot=0")
    bridge.send(Message.of("/b", 2))
    assert [m.address for m in await messages(refused)] == ["/b"]


async def test_a_client_may_ask_for_every_message_in_a_frame_of_its_own(
    bridge: Any, join: Any
) -> None:
    client = await join(bridge, query="bundles=0")
    sent = [Message.of("/n", index) for index in range(5)]
    bridge.send(*sent)
    assert [await client.recv() for _ in sent] == [oscbridge.encode_message(m) for m in sent]
