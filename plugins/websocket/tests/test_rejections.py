"""Pages and programs that are rejected receive the reason, and nothing else."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from oscbridge import Message

STRANGER = "https://stranger.example"


async def closed(client: Any) -> tuple[int | None, str | None]:
    with pytest.raises(ConnectionClosed):
        await client.recv()
    return client.close_code, client.close_reason


@pytest.mark.parametrize(
    ("offered", "selected"),
    [
        ((), None),
        (("osc.json",), "osc.json"),
        (("osc.token.right-and-secret", "osc.binary"), "osc.binary"),
        (("mqtt", "osc.json"), "osc.json"),
        (("osc.token.right-and-secret", "mqtt"), "mqtt"),
    ],
)
async def test_page_of_another_site_sees_the_reason_by_an_offered_subprotocol(
    start: Any, join: Any, token: str, offered: tuple[str, ...], selected: str | None
) -> None:
    bridge = await start(token)
    client = await join(bridge, *offered, origin="null")
    assert client.subprotocol == selected
    reason = 'pages from files may not connect; to allow them: origins = ["null"]'
    assert await closed(client) == (4403, reason)


async def test_rejected_page_receives_and_sends_nothing(
    start: Any, join: Any, raw: Any, messages: Any
) -> None:
    bridge = await start("snapshot = true")
    known = await join(bridge)
    bridge.send(Message.of("/secret", 1))
    await messages(known)
    client = await raw(bridge)
    head = await client.request(
        f"GET /?snapshot=1 HTTP/1.1\nHost: localhost\nOrigin: {STRANGER}\n"
        "Connection: Upgrade\nUpgrade: websocket\nSec-WebSocket-Version: 13\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\nSec-WebSocket-Protocol: osc.json\n"
    )
    assert " 101 " in head
    assert "secret" not in head
    text = b'{"address":"/from/stranger"}'
    client.write(b"\x81" + bytes([0x80 | len(text)]) + bytes(4) + text)
    bridge.send(*(Message.of("/secret", number) for number in range(50)))
    data = await client.read_all()
    # One close frame, and not a byte more.
    assert data[0] == 0x88
    assert len(data) == 2 + data[1]
    assert b"secret" not in data
    await messages(known, 50)
    bridge.send(Message.of("/end"))
    assert [each.address for each in await messages(known)] == ["/end"]
    assert bridge.clients == 1


async def test_page_above_the_client_limit_sees_the_reason(start: Any, join: Any) -> None:
    bridge = await start("max_connections = 1")
    await join(bridge)
    while not bridge.clients:
        await asyncio.sleep(0)
    client = await join(bridge, "osc.json", origin="http://127.0.0.1:3000")
    assert await closed(client) == (1013, "too many clients")


async def test_page_with_unknown_subprotocols_sees_the_known_ones(bridge: Any, join: Any) -> None:
    client = await join(bridge, "mqtt", origin="http://127.0.0.1:3000")
    assert await closed(client) == (4400, "unknown subprotocol; offer osc.json or osc.binary")


async def test_page_with_a_token_in_its_url_sees_why(start: Any, join: Any, token: str) -> None:
    bridge = await start(token)
    client = await join(bridge, "osc.json", origin="http://localhost", query="token=x")
    assert await closed(client) == (4400, "a token in the URL would end up in logs")


# --- JSON without a subprotocol ----------------------------------------------------------------


async def test_json_can_be_asked_for_in_the_url(bridge: Any, join: Any, document: Any) -> None:
    one, other = await join(bridge, query="format=json"), await join(bridge, query="format=JSON")
    await (await one.ping())
    while bridge.clients < 2:
        await asyncio.sleep(0)
    await one.send('{"address": "/a", "args": [1]}')
    assert await document(other) == {"address": "/a", "args": [{"type": "i", "value": 1}]}


async def test_subprotocol_counts_if_the_url_says_something_else(
    bridge: Any, join: Any, messages: Any
) -> None:
    client = await join(bridge, "osc.binary", query="format=json")
    await (await client.ping())
    while not bridge.clients:
        await asyncio.sleep(0)
    bridge.send(Message.of("/a", 1))
    assert await messages(client) == [Message.of("/a", 1)]


async def test_unknown_format_is_rejected_with_the_reason(bridge: Any, join: Any) -> None:
    client = await join(bridge, query="format=xml")
    assert await closed(client) == (4400, "unknown format 'xml'; available: json, binary")


async def test_token_in_a_json_text_is_accepted_with_the_format_in_the_url(
    start: Any, join: Any, token: str
) -> None:
    bridge = await start(token)
    client = await join(bridge, query="format=json")
    await client.send('{"address": "/token", "args": ["right-and-secret"]}')
    while not bridge.clients:
        await asyncio.sleep(0)


async def test_token_in_a_text_of_a_binary_client_is_answered_with_the_reason(
    start: Any, join: Any, token: str
) -> None:
    bridge = await start(token)
    client = await join(bridge)
    await client.send('{"address": "/token", "args": ["right-and-secret"]}')
    reason = "text needs the subprotocol osc.json, or ?format=json in the URL"
    assert await closed(client) == (1003, reason)


# --- proxies without Upgrade -------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    ["Connection: close\n", "Connection: keep-alive\n", "", "Upgrade: websocket\n"],
)
@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_request_whose_upgrade_a_proxy_removed_gets_426_and_one_log_line(
    bridge: Any, raw: Any, headers: str, version: str, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        client = await raw(bridge)
        answer = await client.request(
            f"GET / HTTP/{version}\nHost: stage.local\n{headers}Sec-WebSocket-Version: 13\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\nSec-WebSocket-Protocol: osc.json\n"
        )
        assert answer.split()[1] == "426"
        assert "upgrade: websocket" in answer.lower()
    lines = [line for line in caplog.messages if "proxy_set_header Upgrade $http_upgrade" in line]
    assert len(lines) == 1
    assert "proxy_http_version 1.1" in lines[0]


async def test_upgrade_over_http_1_0_gets_426_and_one_log_line(
    bridge: Any, raw: Any, caplog: pytest.LogCaptureFixture
) -> None:
    # nginx with its default proxy_http_version, and the Upgrade headers set.
    for _ in range(3):
        client = await raw(bridge)
        answer = await client.request(
            "GET / HTTP/1.0\nHost: stage.local\nConnection: upgrade\nUpgrade: websocket\n"
            "Sec-WebSocket-Version: 13\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\n"
        )
        assert answer.split()[1] == "426"
    lines = [line for line in caplog.messages if "it is HTTP/1.0, not HTTP/1.1" in line]
    assert len(lines) == 1
    assert "proxy_http_version 1.1" in lines[0]


async def test_builtin_page_is_served_under_the_path_that_a_proxy_keeps(
    bridge: Any, raw: Any
) -> None:
    for path, status in (("/osc/", "200"), ("/a/b/", "200"), ("/osc", "404"), ("/osc/x", "404")):
        client = await raw(bridge)
        answer = await client.request(f"GET {path} HTTP/1.1\nHost: stage.local\n")
        assert answer.split()[1] == status


async def test_page_is_served_by_a_proxy_that_always_asks_for_an_upgrade(
    bridge: Any, raw: Any
) -> None:
    client = await raw(bridge)
    answer = await client.request("GET / HTTP/1.1\nHost: stage.local\nConnection: upgrade\n")
    assert answer.split()[1] == "200"


async def test_clients_are_pinged_as_often_as_configured(start: Any, raw: Any) -> None:
    bridge = await start("ping_interval = 1")
    client = await raw(bridge)
    await client.handshake()
    async with asyncio.timeout(10):  # half of the default interval
        assert (await client.reader.readexactly(1)) == b"\x89"
