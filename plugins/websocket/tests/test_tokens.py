"""Tokens: each way to send one, and connections without."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

import oscbridge
from oscbridge import Message
from oscbridge_websocket.authorization import RequestAuthorizer
from oscbridge_websocket.tokens import from_subprotocols

RIGHT = "right-and-secret"
BEARER = {"Authorization": f"Bearer {RIGHT}"}


async def end(client: Any) -> tuple[int | None, str | None]:
    """Wait until the bridge closes; it must send nothing before."""
    with pytest.raises(ConnectionClosed):
        await client.recv()
    return client.close_code, client.close_reason


# --- sending a token ---------------------------------------------------------------------------


async def test_token_in_a_subprotocol_is_accepted_and_not_sent_back(
    start: Any, join: Any, token: str, document: Any
) -> None:
    bridge = await start(token)
    client = await join(bridge, "osc.json", f"osc.token.{RIGHT}")
    assert client.subprotocol == "osc.json"
    bridge.send(Message.of("/a", 1))
    assert (await document(client))["address"] == "/a"
    assert RIGHT not in str(client.response.headers)


async def test_position_of_the_token_among_the_subprotocols_does_not_matter(
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
def test_subprotocol_contains_the_token_percent_encoded(
    offered: list[str], found: str | None
) -> None:
    assert from_subprotocols(offered) == found


async def test_token_in_the_authorization_header_is_accepted(
    start: Any, join: Any, token: str, messages: Any
) -> None:
    bridge = await start(token)
    client = await join(bridge, headers=BEARER)
    bridge.send(Message.of("/a", 1))
    assert (await messages(client))[0].address == "/a"


async def test_token_in_the_first_binary_message_is_accepted(
    start: Any, join: Any, token: str, messages: Any
) -> None:
    bridge = await start(token)
    client = await join(bridge)
    await client.send(oscbridge.encode_message(Message.of("/token", RIGHT)))
    await bridge.until(lambda: bridge.clients)
    bridge.send(Message.of("/a", 1))
    assert (await messages(client))[0].address == "/a"


async def test_token_in_the_first_json_message_is_accepted(
    start: Any, join: Any, token: str, document: Any
) -> None:
    bridge = await start(token)
    client = await join(bridge, "osc.json")
    await client.send(orjson.dumps({"address": "/token", "args": [RIGHT]}).decode())
    await bridge.until(lambda: bridge.clients)
    bridge.send(Message.of("/a", 1))
    assert (await document(client))["address"] == "/a"


async def test_messages_right_after_the_token_are_routed(
    start: Any, join: Any, token: str, messages: Any
) -> None:
    bridge = await start(token)
    listener, client = await join(bridge, headers=BEARER), await join(bridge)
    await client.send(oscbridge.encode_message(Message.of("/token", RIGHT)))
    await client.send(oscbridge.encode_message(Message.of("/next", 1)))
    assert await messages(listener) == [Message.of("/next", 1)]


# --- without -----------------------------------------------------------------------------------


async def test_client_without_a_token_receives_nothing_and_times_out(
    start: Any, join: Any, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oscbridge_websocket.first_message.AUTH_TIMEOUT", 0.3)
    bridge = await start("snapshot = true" + token)
    known = await join(bridge, headers=BEARER)
    bridge.send(Message.of("/secret", 1))
    await known.recv()
    stranger = await join(bridge)
    bridge.send(Message.of("/secret", 2))
    assert await end(stranger) == (4401, "no token received within 0.3 s")
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
async def test_first_message_that_is_not_a_token_is_not_routed_and_closes(
    start: Any, join: Any, token: str, first: bytes | str
) -> None:
    bridge = await start(token)
    listener = await join(bridge, headers=BEARER)
    stranger = await join(bridge, "osc.json")
    await stranger.send(first)
    assert await end(stranger) == (4401, "the first message must be the token")
    bridge.send(Message.of("/last"))
    assert await listener.recv() == oscbridge.encode_message(Message.of("/last"))


async def test_wrong_token_in_a_subprotocol_is_reported_by_close_code(
    start: Any, join: Any, token: str
) -> None:
    bridge = await start(token)
    client = await join(bridge, "osc.json", "osc.token.wrong")
    assert await end(client) == (4401, "wrong token")
    assert bridge.refusals == 1


async def test_wrong_token_in_the_header_is_reported_by_status(
    start: Any, join: Any, token: str
) -> None:
    bridge = await start(token)
    with pytest.raises(InvalidStatus) as caught:
        await join(bridge, headers={"Authorization": "Bearer wrong"})
    assert caught.value.response.status_code == 401
    assert caught.value.response.headers["WWW-Authenticate"].startswith("Bearer")
    assert bridge.refusals == 1


async def test_wrong_token_in_the_first_message_closes(start: Any, join: Any, token: str) -> None:
    bridge = await start(token)
    client = await join(bridge)
    await client.send(oscbridge.encode_message(Message.of("/token", "wrong")))
    assert await end(client) == (4401, "wrong token")


@pytest.mark.parametrize(
    "query",
    [
        f"token={RIGHT}",
        f"snapshot=1&access_token={RIGHT}",
        "token=",
        f"TOKEN={RIGHT}",
        f"token[]={RIGHT}",
        f"%20token.={RIGHT}",
        f"x-api-key={RIGHT}",
        f"Access_Token={RIGHT}",
        f"auth={RIGHT}",
        f"%74oken={RIGHT}",
    ],
)
async def test_token_in_the_url_is_rejected_with_a_reason(
    start: Any, join: Any, token: str, query: str, caplog: pytest.LogCaptureFixture
) -> None:
    bridge = await start(token)
    with pytest.raises(InvalidStatus) as caught:
        await join(bridge, query=query, headers=BEARER)
    assert caught.value.response.status_code == 400
    assert b"A token in the URL" in caught.value.response.body
    assert RIGHT not in caplog.text


async def test_message_to_the_token_address_is_never_routed(
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


async def test_no_token_is_required_where_none_is_set(start: Any, join: Any, messages: Any) -> None:
    bridge = await start()
    client = await join(bridge, "osc.binary", "osc.token.anything")
    bridge.send(Message.of("/a"))
    assert [m.address for m in await messages(client)] == ["/a"]


async def test_plain_text_tokens_on_a_network_log_a_warning(
    start: Any, token: str, caplog: pytest.LogCaptureFixture
) -> None:
    configuration = '[endpoint.web]\ntype = "websocket"\nlisten = "0.0.0.0:0"\n{options}\n'
    udp = '[bridge.osc]\nlisten = "udp://127.0.0.1:0"\n'
    await start(token, udp + configuration)
    assert "tokens are sent in plain text" in caplog.text
    assert RIGHT not in caplog.text


# --- a reload ----------------------------------------------------------------------------------


async def test_reload_disconnects_clients_whose_token_was_removed(
    start: Any, join: Any, tokens: Any, messages: Any
) -> None:
    bridge = await start(tokens(one="", two=""))
    one = await join(bridge, headers={"Authorization": "Bearer one-and-secret"})
    two = await join(bridge, headers={"Authorization": "Bearer two-and-secret"})
    assert await bridge.update(tokens(two="", three=""))
    assert await end(one) == (4403, "this token is no longer valid")
    bridge.send(Message.of("/a"))
    assert [m.address for m in await messages(two)] == ["/a"]
    three = await join(bridge, headers={"Authorization": "Bearer three-and-secret"})
    bridge.send(Message.of("/b"))
    assert [m.address for m in await messages(three)] == ["/b"]


async def test_client_disconnected_by_a_reload_sends_nothing_more(
    start: Any, join: Any, tokens: Any, messages: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    bridge = await start(tokens(one="", two=""))
    one = await join(bridge, headers={"Authorization": "Bearer one-and-secret"})
    two = await join(bridge, headers={"Authorization": "Bearer two-and-secret"})
    await bridge.until(lambda: bridge.clients >= 2)
    on_access_changed = bridge.endpoint.on_access_changed
    late = []

    def change_and_send() -> None:
        on_access_changed()
        # Sent before the client knows that its connection is being closed.
        late.append(asyncio.create_task(one.send(oscbridge.encode_message(Message.of("/late")))))

    monkeypatch.setattr(bridge.endpoint, "on_access_changed", change_and_send)
    assert await bridge.update(tokens(two=""))
    await asyncio.gather(*late)
    assert late
    await end(one)
    bridge.send(Message.of("/a"))
    assert [m.address for m in await messages(two)] == ["/a"]


async def test_reload_during_a_handshake_applies(
    start: Any, join: Any, tokens: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = RequestAuthorizer.process_request

    async def process_and_reload(*arguments: Any) -> Any:
        response = await process(*arguments)
        assert await bridge.update(tokens(two=""))
        return response

    monkeypatch.setattr(RequestAuthorizer, "process_request", process_and_reload)
    bridge = await start(tokens(one=""))
    client = await join(bridge, "osc.json", "osc.token.one-and-secret")
    assert await end(client) == (4401, "wrong token")


async def test_reload_reads_token_files_again(
    start: Any, join: Any, tokens: Any, tmp_path: Any
) -> None:
    text = tokens(one="")
    bridge = await start(text)
    client = await join(bridge, headers={"Authorization": "Bearer one-and-secret"})
    (tmp_path / "one.token").write_text("changed-and-secret")
    assert await bridge.update(text)
    assert (await end(client))[0] == 4403
    await join(bridge, headers={"Authorization": "Bearer changed-and-secret"})


async def test_reload_that_adds_a_token_disconnects_clients(
    start: Any, join: Any, token: str
) -> None:
    bridge = await start()
    client = await join(bridge)
    await bridge.until(lambda: bridge.clients)
    assert await bridge.update(token)
    assert await end(client) == (4401, "a token is now required")
    await join(bridge, headers=BEARER)


async def test_reload_that_removes_the_token_accepts_everybody(
    start: Any, join: Any, token: str, messages: Any
) -> None:
    bridge = await start(token)
    old = await join(bridge, headers=BEARER)
    assert await bridge.update("")
    new = await join(bridge)
    await bridge.until(lambda: bridge.clients >= 2)
    bridge.send(Message.of("/a"))
    for client in (old, new):
        assert [m.address for m in await messages(client)] == ["/a"]


async def test_changed_listen_address_is_not_an_update(bridge: Any) -> None:
    other = '[endpoint.web]\ntype = "websocket"\nlisten = "127.0.0.1:1"\n'
    assert not await bridge.update("", other)
