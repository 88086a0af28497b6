"""The token: each way to give it, and what happens without."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

import oscbridge
from oscbridge import Message
from oscbridge_websocket.tokens import Grant, Tokens, from_subprotocols

RIGHT = "right-and-secret"
BEARER = {"Authorization": f"Bearer {RIGHT}"}


async def end(client: Any) -> tuple[int | None, str | None]:
    """Wait for the bridge to close; nothing may come before."""
    with pytest.raises(ConnectionClosed):
        await client.recv()
    return client.close_code, client.close_reason


# --- the ways in -------------------------------------------------------------------------------


async def test_a_token_among_the_subprotocols_lets_in_and_is_not_sent_back(
    start: Any, join: Any, token: str, document: Any
) -> None:
    bridge = await start(token)
    client = await join(bridge, "osc.json", f"osc.token.{RIGHT}")
    assert client.subprotocol == "osc.json"
    bridge.send(Message.of("/a", 1))
    assert (await document(client))["address"] == "/a"
    assert RIGHT not in str(client.response.headers)


async def test_the_place_of_the_token_among_the_subprotocols_does_not_matter(
    start: Any, join: Any, token: str, messages: Any
) -> None:
    bridge = await start(token)
    client = await join(bridge, f"osc.token.{RIGHT}", "osc.binary")
    assert client.subprotocol == "osc.binary"
    bridge.send(Message.of("/a", 1))
    assert (await messages(client))[0].address == "/a"


@pytest.mark.parametrize(
    ("offered", "found"),
    [
        (["osc.json"], None),
        (["osc.token.abc"], "abc"),
        (["osc.token.a%20b%28%C3%BC%29"], "a b(ü)"),
        (["osc.token.%ff%"], "\ufffd%"),
        (["osc.token."], ""),
        (["osc.json", "osc.token.first", "osc.token.second"], "first"),
    ],
)
def test_a_subprotocol_holds_the_token_percent_encoded(
    offered: list[str], found: str | None
) -> None:
    assert from_subprotocols(offered) == found


async def test_a_program_gives_its_token_in_the_header_authorization(
    start: Any, join: Any, token: str, messages: Any
) -> None:
    bridge = await start(token)
    client = await join(bridge, headers=BEARER)
    bridge.send(Message.of("/a", 1))
    assert (await messages(client))[0].address == "/a"


async def test_a_binary_client_gives_its_token_as_the_first_message(
    start: Any, join: Any, token: str, messages: Any
) -> None:
    bridge = await start(token)
    client = await join(bridge)
    await client.send(oscbridge.encode_message(Message.of("/token", RIGHT)))
    while not bridge.clients:
        await asyncio.sleep(0)
    bridge.send(Message.of("/a", 1))
    assert (await messages(client))[0].address == "/a"


async def test_a_json_client_gives_its_token_as_the_first_message(
    start: Any, join: Any, token: str, document: Any
) -> None:
    bridge = await start(token)
    client = await join(bridge, "osc.json")
    await client.send(orjson.dumps({"address": "/token", "args": [RIGHT]}).decode())
    while not bridge.clients:
        await asyncio.sleep(0)
    bridge.send(Message.of("/a", 1))
    assert (await document(client))["address"] == "/a"


async def test_what_follows_the_token_at_once_is_taken(
    start: Any, join: Any, token: str, messages: Any
) -> None:
    bridge = await start(token)
    listener, client = await join(bridge, headers=BEARER), await join(bridge)
    await client.send(oscbridge.encode_message(Message.of("/token", RIGHT)))
    await client.send(oscbridge.encode_message(Message.of("/next", 1)))
    assert await messages(listener) == [Message.of("/next", 1)]


# --- without ------------------------------------------------------------------------------------


async def test_a_client_without_a_token_gets_nothing_and_is_closed_in_time(
    start: Any, join: Any, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oscbridge_websocket.endpoint.AUTH_TIMEOUT", 0.3)
    bridge = await start(token + "snapshot = true")
    known = await join(bridge, headers=BEARER)
    bridge.send(Message.of("/secret", 1))
    await known.recv()
    stranger = await join(bridge)
    bridge.send(Message.of("/secret", 2))
    assert await end(stranger) == (4401, "no token came within 0.3 s")
    assert bridge.refusals == 1


@pytest.mark.parametrize(
    "first",
    [
        oscbridge.encode_message(Message.of("/a", 1)),
        oscbridge.encode_message(Message.of("/token")),
        oscbridge.encode_message(Message.of("/token", 1)),
        oscbridge.encode_bundle([oscbridge.encode_message(Message.of("/token", RIGHT))]),
        b"noise",
        b"",
        RIGHT,
        "{",
    ],
    ids=["message", "no text", "number", "bundle", "noise", "nothing", "text", "json"],
)
async def test_a_first_message_that_is_no_token_is_not_routed_and_ends_it(
    start: Any, join: Any, token: str, first: bytes | str
) -> None:
    bridge = await start(token)
    listener = await join(bridge, headers=BEARER)
    stranger = await join(bridge, "osc.json")
    await stranger.send(first)
    assert await end(stranger) == (4401, "the first message must be the token")
    bridge.send(Message.of("/last"))
    assert await listener.recv() == oscbridge.encode_message(Message.of("/last"))


async def test_a_wrong_token_among_the_subprotocols_is_told_by_a_close_code(
    start: Any, join: Any, token: str
) -> None:
    bridge = await start(token)
    client = await join(bridge, "osc.json", "osc.token.wrong")
    assert await end(client) == (4401, "wrong token")
    assert bridge.refusals == 1


async def test_a_wrong_token_in_the_header_is_told_by_the_status(
    start: Any, join: Any, token: str
) -> None:
    bridge = await start(token)
    with pytest.raises(InvalidStatus) as caught:
        await join(bridge, headers={"Authorization": "Bearer wrong"})
    assert caught.value.response.status_code == 401
    assert caught.value.response.headers["WWW-Authenticate"].startswith("Bearer")
    assert bridge.refusals == 1


async def test_a_wrong_token_as_the_first_message_ends_it(
    start: Any, join: Any, token: str
) -> None:
    bridge = await start(token)
    client = await join(bridge)
    await client.send(oscbridge.encode_message(Message.of("/token", "wrong")))
    assert await end(client) == (4401, "wrong token")


@pytest.mark.parametrize("query", [f"token={RIGHT}", f"snapshot=1&access_token={RIGHT}", "token="])
async def test_a_token_in_the_url_is_refused_with_a_reason(
    start: Any, join: Any, token: str, query: str, caplog: pytest.LogCaptureFixture
) -> None:
    bridge = await start(token)
    with pytest.raises(InvalidStatus) as caught:
        await join(bridge, query=query, headers=BEARER)
    assert caught.value.response.status_code == 400
    assert b"does not belong into the URL" in caught.value.response.body
    assert RIGHT not in caplog.text


async def test_a_message_to_the_address_of_the_token_is_never_passed_on(
    start: Any, join: Any, messages: Any
) -> None:
    bridge = await start()
    sender, listener = await join(bridge, "osc.json"), await join(bridge)
    said = Message.of("/token", RIGHT)
    await sender.send(oscbridge.encode_message(said))
    await sender.send(oscbridge.encode_bundle([oscbridge.encode_message(said)]))
    await sender.send(orjson.dumps({"address": "/token", "args": [RIGHT]}).decode())
    await sender.send('{"address": "/last"}')
    assert [m.address for m in await messages(listener)] == ["/last"]
    assert bridge.bad == {"token": 3}


async def test_no_token_is_needed_where_none_is_set(start: Any, join: Any, messages: Any) -> None:
    bridge = await start()
    client = await join(bridge, "osc.binary", "osc.token.anything")
    bridge.send(Message.of("/a"))
    assert [m.address for m in await messages(client)] == ["/a"]


async def test_tokens_in_plain_text_on_a_network_are_warned_about(
    start: Any, token: str, caplog: pytest.LogCaptureFixture
) -> None:
    configuration = '[endpoint.web]\ntype = "websocket"\nlisten = "0.0.0.0:0"\n{options}\n'
    udp = '[bridge.osc]\nlisten = "udp://127.0.0.1:0"\n'
    await start(token, udp + configuration)
    assert "tokens are sent in plain text" in caplog.text
    assert RIGHT not in caplog.text


# --- a reload ----------------------------------------------------------------------------------


async def test_a_reload_closes_clients_whose_token_is_gone_and_keeps_the_others(
    start: Any, join: Any, tokens: Any, messages: Any
) -> None:
    bridge = await start(tokens(one="", two=""))
    one = await join(bridge, headers={"Authorization": "Bearer one-and-secret"})
    two = await join(bridge, headers={"Authorization": "Bearer two-and-secret"})
    assert bridge.update(tokens(two="", three=""))
    assert await end(one) == (4403, "this token is not good any more")
    bridge.send(Message.of("/a"))
    assert [m.address for m in await messages(two)] == ["/a"]
    three = await join(bridge, headers={"Authorization": "Bearer three-and-secret"})
    bridge.send(Message.of("/b"))
    assert [m.address for m in await messages(three)] == ["/b"]


async def test_a_client_that_is_closed_by_a_reload_sends_nothing_more(
    start: Any, join: Any, tokens: Any, messages: Any
) -> None:
    bridge = await start(tokens(one="", two=""))
    one = await join(bridge, headers={"Authorization": "Bearer one-and-secret"})
    two = await join(bridge, headers={"Authorization": "Bearer two-and-secret"})
    while bridge.clients < 2:
        await asyncio.sleep(0)
    assert bridge.update(tokens(two=""))
    await one.send(oscbridge.encode_message(Message.of("/late")))
    await end(one)
    bridge.send(Message.of("/a"))
    assert [m.address for m in await messages(two)] == ["/a"]


async def test_a_reload_in_the_middle_of_a_handshake_counts(
    start: Any, join: Any, tokens: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    bridge = await start(tokens(one=""))
    find = Tokens.find

    def find_and_reload(self: Tokens, text: str) -> Grant | None:
        monkeypatch.undo()
        found = find(self, text)
        assert bridge.update(tokens(two=""))
        return found

    monkeypatch.setattr(Tokens, "find", find_and_reload)
    client = await join(bridge, "osc.json", "osc.token.one-and-secret")
    assert await end(client) == (4401, "wrong token")


async def test_a_file_with_another_token_is_read_again(
    start: Any, join: Any, tokens: Any, tmp_path: Any
) -> None:
    text = tokens(one="")
    bridge = await start(text)
    client = await join(bridge, headers={"Authorization": "Bearer one-and-secret"})
    (tmp_path / "one.token").write_text("changed-and-secret")
    assert bridge.update(text)
    assert (await end(client))[0] == 4403
    await join(bridge, headers={"Authorization": "Bearer changed-and-secret"})


async def test_a_lock_that_a_reload_brings_closes_those_that_are_in(
    start: Any, join: Any, token: str
) -> None:
    bridge = await start()
    client = await join(bridge)
    while not bridge.clients:
        await asyncio.sleep(0)
    assert bridge.update(token)
    assert await end(client) == (4401, "a token is needed now")
    await join(bridge, headers=BEARER)


async def test_a_lock_that_a_reload_takes_away_lets_everybody_in(
    start: Any, join: Any, token: str, messages: Any
) -> None:
    bridge = await start(token)
    old = await join(bridge, headers=BEARER)
    assert bridge.update("")
    new = await join(bridge)
    while bridge.clients < 2:
        await asyncio.sleep(0)
    bridge.send(Message.of("/a"))
    for client in (old, new):
        assert [m.address for m in await messages(client)] == ["/a"]


async def test_another_place_to_listen_is_no_update(bridge: Any) -> None:
    other = '[endpoint.web]\ntype = "websocket"\nlisten = "127.0.0.1:1"\n'
    assert not bridge.update("", other)
