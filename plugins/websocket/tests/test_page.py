"""The page that a browser gets, as HTTP; tests/peers looks at it in a browser."""

from __future__ import annotations

from typing import Any

import pytest


async def get(client: Any, path: str) -> tuple[str, dict[str, str], bytes]:
    """Status line, headers and body."""
    head = await client.request(f"GET {path} HTTP/1.1\nHost: 127.0.0.1\nConnection: keep-alive\n")
    status, *lines = head.strip().split("\r\n")
    headers = {key.lower(): value for key, _, value in (line.partition(": ") for line in lines)}
    return status, headers, await client.reader.read()


@pytest.mark.parametrize("path", ["/", "/?theme=dark"])
async def test_a_browser_gets_the_page(bridge: Any, raw: Any, path: str) -> None:
    status, headers, body = await get(await raw(bridge), path)
    assert status == "HTTP/1.1 200 OK"
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert int(headers["content-length"]) == len(body)
    assert body.startswith(b"<!doctype html>")


async def test_the_page_may_load_nothing_from_elsewhere(bridge: Any, raw: Any) -> None:
    _, headers, body = await get(await raw(bridge), "/")
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none';")
    assert "frame-ancestors 'none'" in policy
    assert b"http://" not in body
    assert b"https://" not in body


@pytest.mark.parametrize("path", ["/favicon.ico", "/index.html", "//", "/../page.html"])
async def test_any_other_path_is_not_found(bridge: Any, raw: Any, path: str) -> None:
    status, _, _ = await get(await raw(bridge), path)
    assert status == "HTTP/1.1 404 Not Found"


async def test_the_page_can_be_turned_off(start: Any, raw: Any) -> None:
    bridge = await start("page = false")
    status, _, _ = await get(await raw(bridge), "/")
    assert status == "HTTP/1.1 404 Not Found"


async def test_a_client_may_connect_to_any_path(bridge: Any, raw: Any) -> None:
    client = await raw(bridge)
    answer = await client.request(
        "GET /socket?x=1 HTTP/1.1\nHost: localhost\nConnection: keep-alive, Upgrade\n"
        "Upgrade: websocket\nSec-WebSocket-Version: 13\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\n"
    )
    assert answer.startswith("HTTP/1.1 101 ")
