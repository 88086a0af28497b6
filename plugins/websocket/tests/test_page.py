"""The page, which leads to the control room."""

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
async def test_browser_gets_the_page(bridge: Any, raw: Any, path: str) -> None:
    status, headers, body = await get(await raw(bridge), path)
    assert status == "HTTP/1.1 200 OK"
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert int(headers["content-length"]) == len(body)
    assert body.startswith(b"<!doctype html>")


async def test_page_loads_nothing_from_other_sites(bridge: Any, raw: Any) -> None:
    _, headers, body = await get(await raw(bridge), "/")
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none';")
    assert "frame-ancestors 'none'" in policy
    assert b"http://" not in body
    assert b"https://" not in body


@pytest.mark.parametrize("path", ["/favicon.ico", "/index.html", "//", "/../page.html"])
async def test_other_paths_are_not_found(bridge: Any, raw: Any, path: str) -> None:
    status, _, _ = await get(await raw(bridge), path)
    assert status == "HTTP/1.1 404 Not Found"


async def test_page_can_be_disabled(start: Any, raw: Any) -> None:
    bridge = await start("page = false")
    status, _, _ = await get(await raw(bridge), "/")
    assert status == "HTTP/1.1 404 Not Found"


async def test_client_may_connect_to_any_path(bridge: Any, raw: Any) -> None:
    client = await raw(bridge)
    answer = await client.request(
        "GET /socket?x=1 HTTP/1.1\nHost: localhost\nConnection: keep-alive, Upgrade\n"
        "Upgrade: websocket\nSec-WebSocket-Version: 13\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\n"
    )
    assert answer.startswith("HTTP/1.1 101 ")


# --- the control room ---------------------------------------------------------------------------


async def shown(bridge: Any, raw: Any, header: str = "Host: localhost") -> str:
    """The text of the page for a request with these headers."""
    client = await raw(bridge)
    await client.request(f"GET / HTTP/1.1\n{header}\nConnection: keep-alive\n")
    return (await client.reader.read()).decode()


async def test_page_without_a_control_room_says_how_to_get_one(bridge: Any, raw: Any) -> None:
    text = await shown(bridge, raw)
    assert "<a " not in text
    assert "oscbridge run" in text


@pytest.mark.parametrize(
    ("header", "linked"),
    [
        ("Host: localhost:8080", True),
        ("Host: 127.0.0.1:8080", True),
        ("Host: localhost\nX-Forwarded-For: 192.0.2.1", False),
        ("Host: localhost\nForwarded: for=192.0.2.1", False),
    ],
)
async def test_page_leads_to_the_control_room_unless_a_proxy_is_between(
    bridge: Any, raw: Any, monkeypatch: pytest.MonkeyPatch, header: str, linked: bool
) -> None:
    find = {"localhost": "http://localhost:9180/", "127.0.0.1": "http://127.0.0.1:9180/"}
    host = bridge.endpoint.host
    monkeypatch.setattr(host, "control_room_url", lambda name: find.get(name, ""))
    text = await shown(bridge, raw, header)
    name = header.removeprefix("Host: ").partition(":")[0].partition("\n")[0]
    assert (f'<a href="http://{name}:9180/">' in text) is linked


async def test_address_of_the_control_room_is_shown_as_text(
    bridge: Any, raw: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bridge.endpoint.host, "control_room_url", lambda name: '"><script>')
    text = await shown(bridge, raw)
    assert "<script>" not in text
    assert "&quot;&gt;&lt;script&gt;" in text
