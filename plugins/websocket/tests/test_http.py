"""HTTP requests: malformed, endless, to unknown paths, under unknown host names."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from oscbridge_websocket.connection import CLOSE_TIMEOUT, MAX_REQUEST_HEAD, WebSocketConnection

HOST = b"Host: 127.0.0.1\r\n"
UPGRADE = (
    b"Connection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
)

# Request, status
REQUESTS = {
    "page": (b"GET / HTTP/1.1\r\n" + HOST, 200),
    "old HTTP": (b"GET / HTTP/1.0\r\n", 200),
    "other path": (b"GET /favicon.ico HTTP/1.1\r\n" + HOST, 404),
    "path outside": (b"GET /../../etc/passwd HTTP/1.1\r\n" + HOST, 404),
    "path outside, encoded": (b"GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\n" + HOST, 404),
    "path outside, back": (b"GET /..\\..\\etc\\passwd HTTP/1.1\r\n" + HOST, 404),
    "path with a zero": (b"GET /\0 HTTP/1.1\r\n" + HOST, 404),
    "no slash": (b"GET page.html HTTP/1.1\r\n" + HOST, 404),
    "absolute": (b"GET http://example.org/ HTTP/1.1\r\n" + HOST, 404),
    "file": (b"GET file:///etc/passwd HTTP/1.1\r\n" + HOST, 404),
    "HEAD": (b"HEAD / HTTP/1.1\r\n" + HOST, 200),
    "HEAD elsewhere": (b"HEAD /x HTTP/1.1\r\n" + HOST, 404),
    "OPTIONS": (b"OPTIONS * HTTP/1.1\r\n" + HOST, 405),
    "DELETE": (b"DELETE / HTTP/1.1\r\n" + HOST, 405),
    "CONNECT": (b"CONNECT example.org:443 HTTP/1.1\r\n" + HOST, 405),
    "POST without a body": (b"POST / HTTP/1.1\r\nContent-Length: 0\r\n" + HOST, 405),
    "POST": (b"POST / HTTP/1.1\r\nContent-Length: 3\r\n" + HOST, 400),
    "chunks": (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" + HOST, 400),
    "upgrade by POST": (b"POST / HTTP/1.1\r\n" + HOST + UPGRADE, 405),
    "upgrade to something else": (
        b"GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n" + HOST,
        426,
    ),
    "upgrade without a key": (
        b"GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" + HOST,
        400,
    ),
    "two hosts": (b"GET / HTTP/1.1\r\n" + HOST + HOST, 400),
    "two origins": (b"GET / HTTP/1.1\r\n" + HOST + b"Origin: null\r\n" * 2 + UPGRADE, 400),
    "bad subprotocols": (
        b"GET / HTTP/1.1\r\n" + HOST + b"Sec-WebSocket-Protocol: a b\r\n" + UPGRADE,
        400,
    ),
    "new HTTP": (b"PRI * HTTP/2.0\r\n", 400),
    "no version": (b"GET /\r\n", 400),
    "no request": (b"hello\r\n", 400),
    "noise": (bytes(range(256)) + b"\r\n", 400),
    "header without a name": (b"GET / HTTP/1.1\r\n: x\r\n", 400),
    "header without a colon": (b"GET / HTTP/1.1\r\nHost\r\n", 400),
    "folded header": (b"GET / HTTP/1.1\r\nA: b\r\n c\r\n", 400),
    "zero in a header": (b"GET / HTTP/1.1\r\nA: \0\r\n", 400),
    "path that is not ASCII": ("GET /ü HTTP/1.1\r\n".encode(), 400),
    "long path": (b"GET /" + b"a" * 9_000 + b" HTTP/1.1\r\n" + HOST, 414),
    "long header": (b"GET / HTTP/1.1\r\nA: " + b"a" * 9_000 + b"\r\n", 431),
    "many headers": (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 200, 431),
    "much in all": (b"GET / HTTP/1.1\r\n" + (b"A: " + b"b" * 6_000 + b"\r\n") * 6, 431),
}
USUAL = {
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    "connection": "close",
    "referrer-policy": "no-referrer",
}


@pytest.mark.parametrize(("request_", "status"), REQUESTS.values(), ids=REQUESTS.keys())
async def test_request_gets_a_small_response_with_the_common_headers_and_is_closed(
    start: Any,
    raw: Any,
    unharmed: Any,
    request_: bytes,
    status: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    bridge = await start('origins = ["*"]')
    async with unharmed(bridge):
        client = await raw(bridge)
        client.write(request_ + b"\r\n")
        async with asyncio.timeout(CLOSE_TIMEOUT + 1):
            answer = await client.read_all()
        await client.close()
        head, _, body = answer.partition(b"\r\n\r\n")
        line, *lines = head.decode().split("\r\n")
        headers = {key.lower(): value for key, _, value in (each.partition(": ") for each in lines)}
        assert line.split()[1] == str(status), answer
        assert headers | USUAL == headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "server" not in headers
        assert not set(answer.decode().split()) & {"root:x:0:0:root:/root:/bin/bash", "Traceback"}
        if request_.startswith(b"HEAD"):
            assert body == b""
        else:
            assert len(body) == int(headers["content-length"])
            assert len(body) < 400 or status == 200
    assert caplog.text == ""


async def test_endless_request_is_cut_off(bridge: Any, raw: Any, unharmed: Any) -> None:
    async with unharmed(bridge):
        client = await raw(bridge)
        client.write(b"GET / HTTP/1.1\r\n")
        ended = asyncio.create_task(client.read_all())
        written = 0
        async with asyncio.timeout(CLOSE_TIMEOUT + 3):
            while not ended.done():
                client.write(b"A: " + b"b" * 4_000 + b"\r\n")
                written += 4_005
                await asyncio.sleep(0)
        assert written > MAX_REQUEST_HEAD
        await client.close()


async def test_half_closed_client_still_gets_its_response(
    bridge: Any, raw: Any, unharmed: Any
) -> None:
    async with unharmed(bridge):
        client = await raw(bridge)
        client.write(b"GET / HTT")
        client.writer.write_eof()
        assert (await client.read_all()).startswith(b"HTTP/1.1 400 ")
        await client.close()


async def test_client_that_stays_after_an_error_response_is_disconnected(
    bridge: Any, raw: Any
) -> None:
    client = await raw(bridge)
    client.write(b"noise\r\n\r\n")
    assert (await client.read_all()).startswith(b"HTTP/1.1 400 ")
    async with asyncio.timeout(CLOSE_TIMEOUT + 1):
        while bridge.connections:
            client.write(b"more noise")
            await asyncio.sleep(0.01)


# --- host names --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("stage.example.org:8080", 200),
        ("127.0.0.1", 200),
        ("localhost", 200),
        ("stranger.example.org", 421),
        ("", 421),
    ],
)
async def test_unknown_host_is_rejected_where_hosts_are_set(
    start: Any, raw: Any, host: str, status: int
) -> None:
    bridge = await start('hosts = ["stage.example.org"]')
    client = await raw(bridge)
    answer = await client.request(f"GET / HTTP/1.1\nHost: {host}\n")
    assert answer.split()[1] == str(status)
    assert bridge.refusals == (status == 421)


async def test_unknown_host_is_rejected_where_no_hosts_are_set(
    bridge: Any, raw: Any, caplog: pytest.LogCaptureFixture
) -> None:
    client = await raw(bridge)
    answer = await client.request("GET / HTTP/1.1\nHost: oscbridge.example.org:8080\n")
    assert answer.split()[1] == "421"
    assert bridge.refusals == 1
    assert "hosts = ['oscbridge.example.org'] in [endpoint.web]" in caplog.text


@pytest.mark.parametrize("host", ["stage.local", "stage.lan", "stage.home.arpa", "stage.internal"])
async def test_name_that_nobody_can_register_is_accepted(bridge: Any, raw: Any, host: str) -> None:
    client = await raw(bridge)
    answer = await client.request(f"GET / HTTP/1.1\nHost: {host}:8080\n")
    assert answer.split()[1] == "200"


@pytest.mark.parametrize(
    ("locked", "hosts", "status"),
    [
        (False, "", 421),
        (False, 'hosts = ["stage.example.org"]', 101),
        (False, 'hosts = ["*"]', 101),
        (True, "", 101),
        (True, 'hosts = ["other.example.org"]', 421),
    ],
)
async def test_page_under_a_registrable_name_needs_a_token_or_hosts(
    start: Any,
    raw: Any,
    token: str,
    monkeypatch: pytest.MonkeyPatch,
    locked: bool,
    hosts: str,
    status: int,
) -> None:
    monkeypatch.setattr(WebSocketConnection, "local_address", ("192.168.1.20", 8080))
    bridge = await start(hosts + (token if locked else ""))
    client = await raw(bridge)
    page = "Host: stage.example.org:8080\nOrigin: http://stage.example.org:8080\n"
    answer = await client.request(f"GET / HTTP/1.1\n{page}{UPGRADE.decode()}".replace("\r\n", "\n"))
    assert answer.split()[1] == str(status)
