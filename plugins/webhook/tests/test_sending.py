"""Messages that become requests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

import oscbridge
from oscbridge.testing import check_configuration
from oscbridge_webhook.target import MAX_URL

CONFIGURATION = """
[bridge.stage]
listen = "udp://127.0.0.1:0"

[endpoint.hook]
type = "webhook"
{options}
"""

ROUTE = (
    CONFIGURATION
    + """
[[route]]
from = "stage"
match = "/fader/{{n}}"
to = "hook"
"""
)


async def test_a_message_is_posted_as_osc_json(start: Any, receiver: Any) -> None:
    bridge = await start(f'url = "{receiver.url}/hook"')
    bridge.offer("/mixer/1", 0.5, "a")
    method, path, headers, body = await receiver.next()
    assert (method, path, headers["Content-Type"]) == ("POST", "/hook", "application/json")
    assert oscbridge.decode_json(body) == oscbridge.Message.of("/mixer/1", 0.5, "a")


@pytest.mark.parametrize(
    ("rest", "args", "path"),
    [
        ("", (), "/"),
        ("?a=1", (), "/?a=1"),
        ("/x/{address}", (), "/x/fader/7"),
        ("/x?a={0}&b={1:i}", ("a/b&c=d?#é ", 1.5), "/x?a=a%2Fb%26c%3Dd%3F%23%C3%A9%20&b=2"),
        ("/{0}", ("../admin",), "/..%2Fadmin"),
        ("/x/{= x * 2}", (4,), "/x/8"),
        ("/a%20b", (), "/a%20b"),
    ],
)
async def test_values_in_a_url_are_percent_encoded(
    start: Any, receiver: Any, rest: str, args: tuple[oscbridge.Argument, ...], path: str
) -> None:
    bridge = await start(f"url = '{receiver.url}{rest}'")
    bridge.offer("/fader/7", *args)
    assert (await receiver.next()).path == path


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("..", "level '..'"),
        ("%2e%2E", ""),
        ("x" * MAX_URL, f"at most {MAX_URL} characters"),
        (None, ""),
    ],
)
async def test_a_value_leads_to_no_other_path(
    start: Any, receiver: Any, value: str | None, problem: str
) -> None:
    bridge = await start(f"url = '{receiver.url}/hook/{{0}}/x'")
    bridge.offer("/a", *([] if value is None else [value]))
    if value == "%2e%2E":  # the percent signs are encoded, so it is a name like any other
        assert (await receiver.next()).path == "/hook/%252e%252E/x"
        return
    await bridge.bridge.until(lambda: bridge.status.dropped == {"bad": 1})
    assert any("/a: " in line and problem in line for line in bridge.bridge.log)
    bridge.offer("/a", "good")
    assert (await receiver.next()).path == "/hook/good/x"


@pytest.mark.parametrize(
    ("body", "sent", "content_type"),
    [
        ('{"level": {0}, "text": "{1}"}', b'{"level": 0.5, "text": "a\\"b"}', "application/json"),
        ("{0} dB", b"0.5 dB", "text/plain; charset=utf-8"),
        ("{= x * 2}", b"1", "text/plain; charset=utf-8"),
    ],
)
async def test_a_body_is_filled_in(
    start: Any, receiver: Any, body: str, sent: bytes, content_type: str
) -> None:
    bridge = await start(f"url = '{receiver.url}'\nbody = '{body}'".replace("\\", ""))
    bridge.offer("/a", 0.5, 'a"b')
    request = await receiver.next()
    assert (request.body, request.headers["Content-Type"]) == (sent, content_type)


async def test_headers_and_secrets_are_sent(
    start: Any, receiver: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK_TOKEN", "Bearer s3cret")
    headers = '{ Authorization = { env = "HOOK_TOKEN" }, X-Stage = "1", content-type = "a/b" }'
    bridge = await start(f'url = "{receiver.url}"\nheaders = {headers}')
    bridge.offer("/a")
    sent = (await receiver.next()).headers
    assert {key.lower(): value for key, value in sent.items()} | {
        "authorization": "Bearer s3cret",
        "x-stage": "1",
        "content-type": "a/b",
    } == {key.lower(): value for key, value in sent.items()}
    assert "s3cret" not in repr(bridge.bridge.status()) + bridge.bridge.metrics()


async def test_a_secret_url_is_not_shown(
    start: Any, receiver: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK_URL", f"{receiver.url}/T0/s3cret/{{address}}")
    receiver.answer(404)
    bridge = await start('url = { env = "HOOK_URL" }')
    bridge.offer("/a")
    assert (await receiver.next()).path == "/T0/s3cret/a"
    await bridge.bridge.until(lambda: bridge.status.dropped == {"bad": 1})
    assert "s3cret" not in repr(bridge.bridge.status()) + "".join(bridge.bridge.log)
    assert bridge.url == receiver.url


def test_a_secret_url_that_is_invalid_is_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK_URL", "s3cret")
    with pytest.raises(oscbridge.ConfigurationError) as caught:
        check_configuration(CONFIGURATION.format(options='url = { env = "HOOK_URL" }'), tmp_path)
    assert "the secret is not a valid URL" in str(caught.value)
    assert "s3cret" not in str(caught.value)


async def test_get_has_no_body(start: Any, receiver: Any) -> None:
    bridge = await start(f'url = "{receiver.url}/on"\nmethod = "GET"')
    bridge.offer("/a", 1)
    request = await receiver.next()
    assert (request.method, request.body) == ("GET", b"")
    assert "Content-Type" not in request.headers


async def test_a_route_has_its_own_request(start: Any, receiver: Any) -> None:
    own = "webhook = {{ url = '%s/f/{{n}}', method = 'PUT', body = '[{{n}}, {{0}}]'"
    route = (own % receiver.url) + ", headers = {{ X-B = '2' }} }}"
    bridge = await start(
        f"url = '{receiver.url}/other'\nheaders = {{ X-A = '1', X-B = '1' }}", ROUTE + route
    )
    bridge.send("/fader/7", 0.5)
    method, path, headers, body = await receiver.next()
    assert (method, path, orjson.loads(body)) == ("PUT", "/f/7", [7, 0.5])
    lower = {key.lower(): value for key, value in headers.items()}
    assert (lower["x-a"], lower["x-b"]) == ("1", "2")


async def test_headers_of_the_endpoint_are_not_sent_to_another_server(
    start: Any, receiver: Any
) -> None:
    route = f"webhook = {{{{ url = '{receiver.url}/' }}}}"
    bridge = await start(
        "url = 'http://127.0.0.1:9/'\nheaders = { Authorization = 'secret' }", ROUTE + route
    )
    bridge.send("/fader/7")
    assert "secret" not in (await receiver.next()).headers.values()


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ("", "set url to send requests, or listen to accept them, or both"),
        ("url = 'ftp://a'", "expected http://host/path"),
        ("url = 'a.example/b'", "expected http://host/path"),
        ("url = 'http://u:p@a/'", "must not contain a user or a password"),
        ("url = 'http://{host}/'", "placeholders are possible only after the host"),
        ("url = 'http://a.{0}'", "placeholders are possible only after the host"),
        ("url = 'http://a/b c'", "must not contain ' '"),
        ("url = 'http://a/#x'", "must not contain '#'"),
        ("url = 'http://a/../b'", "must not contain the level '..'"),
        ("url = 'http://a:0/'", "expected http://host/path"),
        ("url = 'http://a:99999/'", "Port out of range"),
        ("url = 'http://192.168.1/'", "not a valid IPv4 address"),
        ("url = 'http://a/{= x +}'", "position"),
        ("url = 'http://a/{'", "unclosed '{'"),
        ("url = 'http://a'\nheaders = { 'X A' = '1' }", "not a valid name"),
        ('url = "http://a"\nheaders = { X = "a\\r\\nB: c" }', "control characters"),
        ("url = 'http://a'\nheaders = { Host = 'b' }", "Host cannot be set"),
        ("url = 'http://a'\nheaders = { X = '1', x = '2' }", "must not be given twice"),
        ("url = 'http://a'\nheaders = { X = { env = 'NOT_SET_1' } }", "'NOT_SET_1' is not set"),
        ("url = 'http://a'\nheaders = { X = { value = 'shown' } }", "a secret must not"),
        ("url = 'http://a'\nmethod = 'TRACE'", "'POST', 'PUT'"),
        ("listen = '127.0.0.1:0'\nkey = 'missing.key'", "no such file"),
    ],
)
def test_invalid_options_are_explained(options: str, problem: str, tmp_path: Path) -> None:
    with pytest.raises(oscbridge.ConfigurationError) as caught:
        check_configuration(CONFIGURATION.format(options=options), tmp_path)
    assert problem in str(caught.value)


@pytest.mark.parametrize("key", ["url = 'http://a/{x}'", "body = '{x}'"])
def test_a_route_must_capture_what_its_request_needs(key: str, tmp_path: Path) -> None:
    text = ROUTE.format(options="url = 'http://a/'") + f"webhook = {{ {key} }}"
    with pytest.raises(oscbridge.ConfigurationError, match=r"unknown placeholder \{x\}"):
        check_configuration(text, tmp_path)
