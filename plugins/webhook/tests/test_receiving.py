"""Requests that become messages, and those that do not."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import orjson
import pytest
from certificates import make_certificate
from programs import find_program

from oscbridge import Argument, Message, decode_json
from oscbridge_webhook.incoming import MAX_ADDRESS, MAX_ARGUMENTS

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
PARTS = (
    "preamble\r\n"
    '--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n1\r\n'
    '--b\r\ncontent-disposition: form-data; name="y; filename"\r\n\r\na b\r\n'
    '--b  \r\nContent-Disposition: form-data; name="z"; filename="z.bin"\r\n'
    "Content-Type: application/octet-stream\r\n\r\n\r\n\0\r\n"
    '--b\r\nContent-Disposition: form-data; name="e"\r\n\r\n\r\n'
    "--b--\r\nepilogue"
)
PART = b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n'
ENCODED = PART[:-2] + b"Content-Transfer-Encoding: base64\r\n\r\nMQ==\r\n--b--"
MANY = (PART + b"1\r\n") * (MAX_ARGUMENTS + 1) + b"--b--"
LISTEN = 'listen = "127.0.0.1:0"\n'
TOKENS = """
[[token]]
name = "wall"
secret = {{ env = "WALL" }}
rights = ["listen"]
[[token]]
name = "bell"
secret = {{ env = "BELL" }}
rights = ["send"]
[[token]]
name = "mixer"
secret = {{ env = "MIXER" }}
addresses = ["/mixer/*"]
"""


@pytest.fixture
def tokens(monkeypatch: pytest.MonkeyPatch) -> str:
    for name in ("wall", "bell", "mixer"):
        monkeypatch.setenv(name.upper(), f"{name}-of-24-characters-at-least")
    return (
        '[bridge.stage]\nlisten = "udp://127.0.0.1:0"\n[endpoint.hook]\ntype = "webhook"\n{options}'
        + TOKENS
    )


def secret(name: str) -> str:
    return f"{name}-of-24-characters-at-least"


@pytest.mark.parametrize(
    ("content_type", "body", "args"),
    [
        (JSON, "0.5", (0.5,)),
        (JSON, '"on"', ("on",)),
        (JSON, "[1, 2.5, true, null, [1, 2], {}]", (1, 2.5, True, None, "[1,2]", "{}")),
        (JSON, '{"a": 1, "b": {"c": [2]}}', (1, '{"c":[2]}')),
        (JSON, '{"args": [{"type": "d", "value": 1}, 2]}', (1.0, 2)),
        (JSON, '{"args": 7, "b": 1}', (7, 1)),
        ("application/vnd.x+json; charset=utf-8", "[]", ()),
        (FORM, "x=1&y=-2.5&on=true&name=a+b%26&empty=", (1, -2.5, True, "a b&", "")),
        (FORM, "0.5", (0.5,)),
        (f"{MULTIPART}; boundary=b", PARTS, (1, "a b", b"\r\n\0", "")),
        (f'{MULTIPART}; charset=utf-8; boundary="b"', PARTS, (1, "a b", b"\r\n\0", "")),
        (f"{MULTIPART}; boundary=b", "--b--", ()),
        ("text/plain; charset=UTF-8", "a=1 é", ("a=1 é",)),
        ("text/plain", "12", (12,)),
        ("image/png", "", ()),
    ],
)
async def test_a_body_becomes_arguments(
    start: Any, content_type: str, body: str, args: tuple[Argument, ...]
) -> None:
    bridge = await start()
    headers = {"Content-Type": content_type}
    status, _, _ = await bridge.request("POST", "/hook/x", headers=headers, data=body.encode())
    assert status == 204
    message = await bridge.received()
    assert (message.address, message.args) == ("/hook/x", args)


@pytest.mark.parametrize("coding", ["gzip", "br, identity", " DEFLATE"])
async def test_compressed_bodies_are_refused(start: Any, coding: str) -> None:
    bridge = await start()
    headers = {"Content-Type": JSON, "Content-Encoding": coding}
    status, fields, text = await bridge.request("POST", "/a", headers=headers, data=b"1")
    assert (status, fields["Accept-Encoding"]) == (415, "identity")
    assert "is not supported; send the body as it is" in orjson.loads(text)["detail"]


@pytest.mark.parametrize(
    ("path", "content_type", "body", "status", "detail"),
    [
        ("/a*", JSON, b"1", 400, "must not contain '*'"),
        ("/a%20b", JSON, b"1", 400, "must not contain ' '"),
        ("/%7Bx%7D", JSON, b"1", 400, "must not contain '{'"),
        ("/a%00", JSON, b"1", 400, "must not contain"),
        ("/%ff", JSON, b"1", 400, "percent-encoded UTF-8"),
        ("/a//b", JSON, b"1", 400, "without empty levels"),
        ("/", JSON, b"1", 400, "without empty levels"),
        ("/" + "a" * MAX_ADDRESS, JSON, b"1", 400, f"at most {MAX_ADDRESS}"),
        ("/api", JSON, b"1", 404, "available"),
        ("/api/x", JSON, b"1", 404, "available"),
        ("/api/v1/values", JSON, b"1", 405, ""),
        ("/%61pi/x", JSON, b"1", 404, "available"),
        ("/api%2Fv1", JSON, b"1", 404, "available"),
        ("/a", JSON, b"{", 400, "not valid JSON"),
        ("/a", JSON, b"[" * 300 + b"]" * 300, 400, "too many arrays and objects"),
        ("/a", JSON, b'{"args": %s}' % (b"[" * 300 + b"]" * 300), 400, "too many arrays"),
        ("/a", MULTIPART, b"--b--", 400, "must name the boundary"),
        ("/a", f"{MULTIPART}; boundary=", b"--b--", 400, "must name the boundary"),
        ("/a", f"{MULTIPART}; boundary={'b' * 71}", b"--b--", 400, "must name the boundary"),
        ("/a", f"{MULTIPART}; boundary=b", b"x", 400, "the last boundary is missing"),
        ("/a", f"{MULTIPART}; boundary=b", b"--b\r\nx--b--", 400, "the last boundary is missing"),
        ("/a", f"{MULTIPART}; boundary=b", b"--b\r\nx\r\n--b--", 400, "a part must have headers"),
        ("/a", f"{MULTIPART}; boundary=b", b"--b\r\nX: 1\r\n\r\nx\r\n--b--", 400, "form-data"),
        ("/a", f"{MULTIPART}; boundary=b", ENCODED, 400, "no encoding"),
        ("/a", f"{MULTIPART}; boundary=b", MANY, 422, f"at most {MAX_ARGUMENTS} arguments"),
        ("/a", f"{MULTIPART}; boundary=b", PART + b"\xff\r\n--b--", 422, "utf-8"),
        ("/a", JSON, b"\xff", 400, "not valid JSON"),
        ("/a", JSON, b"[" * 40_000, 400, "not valid JSON"),
        ("/a", JSON, b'{"args": [{"type": "q"}]}', 422, "unknown type 'q'"),
        ("/a", JSON, b"1e300", 422, ""),
        ("/a", JSON, b'"a\\u0000b"', 422, ""),
        ("/a", JSON, b"18446744073709551615", 422, ""),
        ("/a", JSON, b"[" + b"1," * MAX_ARGUMENTS + b"1]", 422, f"at most {MAX_ARGUMENTS}"),
        ("/a", FORM, b"&".join([b"a=1"] * 300), 422, f"at most {MAX_ARGUMENTS}"),
        ("/a", FORM, b"a=%ff", 422, ""),
        ("/a", "text/plain", b"\xff", 422, ""),
        ("/a", "text/plain; charset=utf-16", b"a", 415, "UTF-8"),
        ("/a", "multipart/mixed", b"a", 415, "Content-Type must be"),
        ("/a", JSON, b"1" * 70_000, 413, "65536 bytes"),
    ],
)
async def test_bad_requests_get_a_problem_document(
    start: Any, path: str, content_type: str, body: bytes, status: int, detail: str
) -> None:
    bridge = await start()
    headers = {"Content-Type": content_type}
    found, fields, text = await bridge.request("POST", path, headers=headers, data=body)
    problem = orjson.loads(text)
    assert (found, fields["Content-Type"], problem["status"]) == (
        status,
        "application/problem+json",
        status,
    )
    assert detail in problem.get("detail", "")
    assert bridge.status.received.messages == 0
    assert (await bridge.request("POST", "/good"))[0] == 204


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD", "PATCH"])
async def test_other_methods_are_refused(start: Any, method: str) -> None:
    bridge = await start()
    status, headers, _ = await bridge.request(method, "/a")
    assert (status, headers["Allow"]) == (405, "POST")


async def test_curl_rings_a_doorbell(start: Any) -> None:
    bridge = await start()
    curl = await asyncio.create_subprocess_exec(
        find_program("curl"), "-sS", "--fail", "-d", "0.5", f"{bridge.url}/hook/doorbell"
    )
    message = await bridge.received()
    assert (message.address, message.args) == ("/hook/doorbell", (0.5,))
    assert await curl.wait() == 0


async def test_values_are_those_of_routes_to_the_endpoint(start: Any) -> None:
    bridge = await start()
    bridge.send("/mixer/1", 0.5)
    await bridge.request("POST", "/mixer/2", json=[1])
    await bridge.bridge.until(lambda: bridge.status.sent == 2)
    status, _, body = await bridge.request("GET", "/api/v1/values")
    assert status == 200
    assert sorted(each["address"] for each in orjson.loads(body)) == ["/mixer/1", "/mixer/2"]
    _, _, body = await bridge.request("GET", "/api/v1/values?match=/*/2&match=/x")
    assert [each["address"] for each in orjson.loads(body)] == ["/mixer/2"]
    status, _, body = await bridge.request("GET", "/api/v1/values/mixer/1")
    assert (status, decode_json(body)) == (200, Message.of("/mixer/1", 0.5))
    assert (await bridge.request("HEAD", "/api/v1/values/mixer/1"))[0] == 200
    assert (await bridge.request("GET", "/api/v1/values/mixer/3"))[0] == 404
    assert (await bridge.request("GET", "/api/v1/values?match=/[a"))[0] == 400


async def test_openapi_describes_every_path(start: Any) -> None:
    bridge = await start()
    _, _, body = await bridge.request("GET", "/api/v1/openapi.json")
    document = orjson.loads(body)
    assert document["openapi"].startswith("3.1")
    assert set(document["paths"]) == {
        "/{address}", "/api/v1/values", "/api/v1/values/{address}", "/api/v1/events",
        "/api/v1/openapi.json",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("token", "method", "path", "status"),
    [
        ("", "POST", "/mixer/1", 401),
        ("wrong", "POST", "/mixer/1", 401),
        ("wall", "POST", "/mixer/1", 403),
        ("bell", "POST", "/mixer/1", 204),
        ("mixer", "POST", "/mixer/1", 204),
        ("mixer", "POST", "/lamp", 403),
        ("", "GET", "/api/v1/values", 401),
        ("bell", "GET", "/api/v1/values", 403),
        ("bell", "GET", "/api/v1/events", 403),
        ("bell", "GET", "/api/v1/openapi.json", 403),
        ("wall", "GET", "/api/v1/values/lamp", 200),
        ("mixer", "GET", "/api/v1/values/lamp", 403),
        ("mixer", "POST", "/mixer/1?token=x", 400),
    ],
)
async def test_tokens_allow_what_they_say(
    start: Any, tokens: str, token: str, method: str, path: str, status: int
) -> None:
    bridge = await start(LISTEN, tokens)
    bridge.offer("/lamp", 1)
    await bridge.bridge.until(lambda: bridge.status.sent == 1)
    found, _, _ = await bridge.request(method, path, secret(token) if token else "")
    assert found == status


async def test_values_are_only_those_that_a_token_may_listen_to(start: Any, tokens: str) -> None:
    bridge = await start(LISTEN, tokens)
    for address in ("/lamp", "/mixer/1"):
        bridge.offer(address, 1)
    await bridge.bridge.until(lambda: bridge.status.sent == 2)
    _, _, body = await bridge.request("GET", "/api/v1/values", secret("mixer"))
    assert [each["address"] for each in orjson.loads(body)] == ["/mixer/1"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Origin": "https://evil.example"}, 403),
        ({"Host": "stage.example"}, 204),
        ({"Origin": "https://page.example"}, 204),
    ],
)
async def test_requests_of_other_sites_are_refused(
    start: Any, headers: dict[str, str], status: int
) -> None:
    allowed = 'hosts = ["stage.example"]\norigins = ["https://page.example"]'
    bridge = await start(f"{LISTEN}{allowed}")
    assert (await bridge.request("POST", "/a", headers=headers))[0] == status
    assert bridge.status.refused == (status != 204)


async def test_pages_of_allowed_sites_may_send_json_and_read_answers(
    start: Any, tokens: str
) -> None:
    bridge = await start(f'{LISTEN}origins = ["https://page.example"]\n', tokens)
    page = {"Origin": "https://page.example"}
    asks = {"Access-Control-Request-Method": "POST"}
    status, headers, _ = await bridge.request("OPTIONS", "/a", headers=page | asks)
    assert (status, headers["Access-Control-Allow-Origin"]) == (204, page["Origin"])
    allowed = headers["Access-Control-Allow-Headers"].split(", ")
    assert {"Authorization", "Content-Type", "Last-Event-ID"} <= set(allowed)
    for token, expected in (("bell", 204), ("wall", 403)):
        status, headers, _ = await bridge.request("POST", "/a", secret(token), headers=page)
        assert (status, headers["Access-Control-Allow-Origin"]) == (expected, page["Origin"])


@pytest.mark.parametrize("method", ["OPTIONS", "POST"])
async def test_pages_of_other_sites_may_read_nothing(start: Any, method: str) -> None:
    bridge = await start(f'{LISTEN}origins = ["https://page.example"]\n')
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    status, fields, _ = await bridge.request(method, "/a", headers=headers)
    assert status == 403
    assert "Access-Control-Allow-Origin" not in fields


async def test_tls_serves_a_renewed_certificate_after_a_reload(start: Any, tmp_path: Path) -> None:
    old, new = make_certificate(tmp_path, "old"), make_certificate(tmp_path, "new")
    bridge = await start(f"{LISTEN}{old.toml}")
    assert bridge.url.startswith("https://")
    assert (await bridge.request("POST", "/a", ssl=old.trusted))[0] == 204
    before = bridge.bridge.endpoint("hook")
    old.certificate.write_bytes(new.certificate.read_bytes())
    old.key.write_bytes(new.key.read_bytes())
    await bridge.reload(f"{LISTEN}{old.toml}")
    assert bridge.bridge.endpoint("hook") is before
    assert (await bridge.request("POST", "/a", ssl=new.trusted))[0] == 204


async def test_a_reload_changes_limits_without_a_new_connection(start: Any) -> None:
    bridge = await start()
    before = bridge.bridge.endpoint("hook")
    await bridge.reload(f"{LISTEN}max_body_size = 10")
    assert bridge.bridge.endpoint("hook") is before
    assert (await bridge.request("POST", "/a", json="x" * 20))[0] == 413


async def test_connections_are_limited_and_counted(start: Any) -> None:
    bridge = await start(f"{LISTEN}max_connections = 3")
    opened = [await asyncio.open_connection("127.0.0.1", bridge.port) for _ in range(6)]
    await bridge.bridge.until(lambda: bridge.status.clients == 3)
    assert (await bridge.request("POST", "/a"))[0] == 204  # one that is idle makes room
    for _, writer in opened:
        writer.close()
