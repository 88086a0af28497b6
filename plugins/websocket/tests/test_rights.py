"""The rights of a token: listen, send, both, and which addresses."""

from __future__ import annotations

from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

import oscbridge
from oscbridge import Message
from oscbridge_websocket.incoming import MAX_FORBIDDEN

MIXER = 'addresses = ["/mixer/*", "/meters/{a,b}"]'


def bearer(name: str) -> dict[str, dict[str, str]]:
    return {"headers": {"Authorization": f"Bearer {name}-and-secret"}}


def packet(*addresses: str) -> bytes:
    encoded = [oscbridge.encode_message(Message.of(address)) for address in addresses]
    return encoded[0] if len(encoded) == 1 else oscbridge.encode_bundle(encoded)


async def test_message_from_a_listener_is_rejected_and_counted(
    start: Any, join: Any, tokens: Any, messages: Any, caplog: pytest.LogCaptureFixture
) -> None:
    bridge = await start(tokens(all="", ears='rights = ["listen"]'))
    ears, other = await join(bridge, **bearer("ears")), await join(bridge, **bearer("all"))
    await ears.send(packet("/a"))
    await ears.send(packet("/a", "/b"))
    await (await ears.ping())
    bridge.send(Message.of("/last"))
    for client in (ears, other):  # the listener stays connected
        assert [m.address for m in await messages(client)] == ["/last"]
    assert bridge.bad == {"rights": 2}
    assert "/a: this token may only listen" in caplog.text


async def test_missing_slash_gives_no_other_rights(
    start: Any, join: Any, tokens: Any, messages: Any
) -> None:
    bridge = await start(tokens(all="", mixer='addresses = ["/mixer/*"]'))
    mixer, other = await join(bridge, **bearer("mixer")), await join(bridge, **bearer("all"))
    for address in ("lights/1", "mixer/1"):
        await mixer.send(packet(address))
    await other.send(packet("token"))
    await (await mixer.ping())
    await (await other.ping())
    bridge.send(Message.of("/last"))
    found = [*await messages(other), *await messages(other)]
    assert [m.address for m in found] == ["/mixer/1", "/last"]
    assert bridge.bad == {"rights": 1, "token": 1}


async def test_token_that_only_configures_is_refused(start: Any, join: Any, tokens: Any) -> None:
    bridge = await start(tokens(admin='rights = ["configure"]'))
    page = await join(bridge, "osc.json", "osc.token.admin-and-secret")
    with pytest.raises(ConnectionClosed):
        await page.recv()
    assert (page.close_code, page.close_reason) == (4403, "this token may neither listen nor send")
    with pytest.raises(InvalidStatus) as caught:
        await join(bridge, **bearer("admin"))
    assert caught.value.response.status_code == 403
    assert bridge.refusals == 2


async def test_listener_that_keeps_sending_is_disconnected(
    start: Any, join: Any, tokens: Any
) -> None:
    bridge = await start(tokens(ears='rights = ["listen"]'))
    ears = await join(bridge, "osc.json", **bearer("ears"))
    for _ in range(MAX_FORBIDDEN):
        await ears.send('{"address": "/a"}')
    with pytest.raises(ConnectionClosed):
        await ears.recv()
    assert (ears.close_code, ears.close_reason) == (4403, "this token may not send that")
    assert bridge.bad == {"rights": MAX_FORBIDDEN}


async def test_sender_receives_nothing_not_even_the_snapshot(
    start: Any, join: Any, tokens: Any, messages: Any
) -> None:
    bridge = await start(tokens(all="", mouth='rights = ["send"]') + "")
    listener = await join(bridge, **bearer("all"))
    bridge.send(Message.of("/before"))
    await messages(listener)
    mouth = await join(bridge, query="snapshot=1", **bearer("mouth"))
    bridge.send(Message.of("/after"))
    await messages(listener)
    await mouth.send(packet("/from/mouth"))
    assert [m.address for m in await messages(listener)] == ["/from/mouth"]
    await mouth.close()
    with pytest.raises(ConnectionClosed):
        await mouth.recv()


async def test_listener_with_addresses_receives_only_those(
    start: Any, join: Any, tokens: Any, messages: Any, document: Any
) -> None:
    bridge = await start(tokens(all="", some=MIXER))
    everything = await join(bridge, **bearer("all"))
    some, json = (
        await join(bridge, **bearer("some")),
        await join(bridge, "osc.json", **bearer("some")),
    )
    await bridge.until(lambda: bridge.clients >= 3)
    sent = ["/other", "/mixer/1", "/meters/c", "/*", "/meters/b"]
    bridge.send(*map(Message.of, sent))
    assert [m.address for m in await messages(everything, 5)] == sent
    assert [m.address for m in await messages(some, 2)] == ["/mixer/1", "/meters/b"]
    assert [(await document(json))["address"] for _ in range(2)] == ["/mixer/1", "/meters/b"]


async def test_snapshot_contains_only_permitted_addresses(
    start: Any, join: Any, tokens: Any, messages: Any
) -> None:
    bridge = await start(tokens(all="", some=MIXER))
    everything = await join(bridge, **bearer("all"))
    bridge.send(Message.of("/other", 1), Message.of("/mixer/1", 2))
    await messages(everything, 2)
    some = await join(bridge, query="snapshot=1", **bearer("some"))
    bridge.send(Message.of("/mixer/2", 3))
    assert [m.address for m in await messages(some, 2)] == ["/mixer/1", "/mixer/2"]


@pytest.mark.parametrize(
    "frame",
    [
        packet("/other"),
        packet("/*"),
        packet("//fader"),
        packet("/{mixer,other}/1"),
        packet("/mixer/1", "/other"),
        oscbridge.encode_bundle([packet("/mixer/1"), packet("/mixer/2", "/other")]),
        '{"address": "/other"}',
        '{"packets": [{"address": "/mixer/1"}, {"packets": [{"address": "/*"}]}]}',
    ],
    ids=["other", "star", "depth", "choice", "bundle", "bundles", "json", "json bundles"],
)
async def test_forbidden_packet_is_not_routed(
    start: Any, join: Any, tokens: Any, messages: Any, frame: bytes | str
) -> None:
    bridge = await start(tokens(all="", some=MIXER))
    listener = await join(bridge, **bearer("all"))
    some = await join(bridge, "osc.json", **bearer("some"))
    await some.send(frame)
    await some.send(packet("/mixer/1", "/meters/a"))
    await some.send(packet("/mixer/*"))
    found = await messages(listener, 3)
    assert [m.address for m in found] == ["/mixer/1", "/meters/a", "/mixer/*"]
    assert bridge.bad == {"rights": 1}


async def test_message_is_not_sent_back_to_a_sender_with_limited_rights(
    start: Any, join: Any, tokens: Any, messages: Any
) -> None:
    bridge = await start(tokens(some=MIXER))
    one, other = await join(bridge, **bearer("some")), await join(bridge, **bearer("some"))
    await bridge.until(lambda: bridge.clients >= 2)
    await one.send(packet("/mixer/1"))
    assert [m.address for m in await messages(other)] == ["/mixer/1"]
    bridge.send(Message.of("/mixer/2"))
    assert [m.address for m in await messages(one)] == ["/mixer/2"]


async def test_clients_with_the_same_rights_share_a_group(
    start: Any, join: Any, tokens: Any
) -> None:
    bridge = await start(tokens(one=MIXER, two=MIXER, three=""))
    for name in ("one", "two", "one", "three"):
        await join(bridge, **bearer(name))
    await bridge.until(lambda: bridge.clients >= 4)
    groups = bridge.endpoint.groups
    assert sorted(len(group.clients) for group in groups) == [1, 3]


async def test_reload_changes_the_rights_of_connected_clients(
    start: Any, join: Any, tokens: Any, messages: Any
) -> None:
    bridge = await start(tokens(all="", some='rights = ["listen"]'))
    listener, some = await join(bridge, **bearer("all")), await join(bridge, **bearer("some"))
    await bridge.until(lambda: bridge.clients >= 2)
    assert await bridge.update(tokens(all="", some=MIXER))
    bridge.send(Message.of("/other"), Message.of("/mixer/1"))
    assert [m.address for m in await messages(some)] == ["/mixer/1"]
    await messages(listener, 2)
    await some.send(packet("/mixer/2"))
    assert [m.address for m in await messages(listener)] == ["/mixer/2"]


async def test_reload_that_takes_a_right_closes_the_connection_and_no_other(
    start: Any, join: Any, tokens: Any, messages: Any
) -> None:
    bridge = await start(tokens(all="", some=""))
    listener, some = await join(bridge, **bearer("all")), await join(bridge, **bearer("some"))
    await bridge.until(lambda: bridge.clients >= 2)
    assert await bridge.update(tokens(all="", some='rights = ["listen"]'))
    with pytest.raises(ConnectionClosed):
        await some.recv()
    reason = "this token has fewer rights now; connect again"
    assert (some.close_code, some.close_reason) == (1012, reason)
    again = await join(bridge, **bearer("some"))
    await bridge.until(lambda: bridge.clients >= 2)
    bridge.send(Message.of("/a"))
    for client in (listener, again):
        assert [m.address for m in await messages(client)] == ["/a"]


async def test_reload_that_makes_a_token_invalid_here_closes_its_connection(
    start: Any, join: Any, tokens: Any
) -> None:
    bridge = await start(tokens(all="", some='endpoints = ["web"]'))
    some = await join(bridge, **bearer("some"))
    await bridge.until(lambda: bridge.clients)
    assert await bridge.update(tokens(all="", some='endpoints = ["http"]'))
    with pytest.raises(ConnectionClosed):
        await some.recv()
    assert (some.close_code, some.close_reason) == (4403, "this token is no longer valid")


async def test_renamed_token_keeps_its_connections(
    start: Any, join: Any, tokens: Any, messages: Any
) -> None:
    text = tokens(some="")
    bridge = await start(text)
    some = await join(bridge, **bearer("some"))
    await bridge.until(lambda: bridge.clients)
    assert await bridge.update(text.replace('name = "some"', 'name = "other"'))
    bridge.send(Message.of("/a"))
    assert [m.address for m in await messages(some)] == ["/a"]


async def test_group_is_removed_with_its_last_client(start: Any, join: Any, tokens: Any) -> None:
    bridge = await start(tokens(all="", some=MIXER))
    for name in ("all", "some"):
        client = await join(bridge, **bearer(name))
        await client.close()
    endpoint = bridge.endpoint
    await bridge.until(lambda: not endpoint.groups)
