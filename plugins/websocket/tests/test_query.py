"""The query of a client's URL: a snapshot first, one message per frame."""

from __future__ import annotations

from typing import Any

import oscbridge
from oscbridge import Message


async def test_snapshot_sends_the_last_value_of_each_address_first(
    bridge: Any, join: Any, messages: Any
) -> None:
    first = await join(bridge)
    bridge.send(Message.of("/a", 1), Message.of("/b", 2), Message.of("/a", 3))
    await messages(first, 3)
    late = await join(bridge, query="snapshot=1")
    assert {(m.address, m.args) for m in await messages(late, 2)} == {("/a", (3,)), ("/b", (2,))}
    bridge.send(Message.of("/c", 4))
    assert [m.address for m in await messages(late)] == ["/c"]


async def test_snapshot_contains_messages_from_before_the_first_client(
    bridge: Any, join: Any, messages: Any
) -> None:
    bridge.send(Message.of("/early", 1))
    await bridge.until(lambda: bridge.status.sent)
    client = await join(bridge, query="snapshot=1")
    assert [m.address for m in await messages(client)] == ["/early"]


async def test_client_without_snapshot_receives_only_new_messages(
    bridge: Any, join: Any, messages: Any
) -> None:
    first = await join(bridge)
    bridge.send(Message.of("/a", 1))
    await messages(first)
    late = await join(bridge)
    bridge.send(Message.of("/b", 2))
    assert [m.address for m in await messages(late)] == ["/b"]


async def test_client_may_decline_the_default_snapshot(
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


async def test_client_may_ask_for_one_message_per_frame(bridge: Any, join: Any) -> None:
    client = await join(bridge, query="bundles=0")
    sent = [Message.of("/n", index) for index in range(5)]
    bridge.send(*sent)
    assert [await client.recv() for _ in sent] == [oscbridge.encode_message(m) for m in sent]
