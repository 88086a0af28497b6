"""Health over HTTP: responses, limits and attacks."""

from __future__ import annotations

import asyncio
import http.client
import logging
import random
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from typing import Any

import pytest

from oscbridge.bridge.app import App
from oscbridge.bridge.config.config import parse
from oscbridge.endpoints.osc.endpoint import OSCEndpoint
from oscbridge.http.limits import HTTPLimits
from oscbridge.monitoring.http_server import SHARE, HTTPServer
from oscbridge.net.url import HostPort
from oscbridge.plugins.manager import Plugins
from oscbridge.status.status import BridgeStatus, Received, Status, read_status

Serve = Callable[..., Awaitable[Any]]

NOTHING = Received(0, 0, 0, 0, 0, 0, 0, {}, {}, {}, None)
HEALTHZ = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
LAST = b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

MALFORMED = {
    "no HTTP": b"hello\r\n\r\n",
    "HTTP 0.9": b"GET /healthz\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200) + b"\r\n\r\n",
    "OSC": b"/a\0\0,i\0\0\0\0\0\x01\r\n\r\n",
    "blank lines": b"\r\n" * 10,
    "no host": b"GET /healthz HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "header without colon": b"GET /healthz HTTP/1.1\r\nHost: a\r\nwhat\r\n\r\n",
    "space before colon": b"GET /healthz HTTP/1.1\r\nHost : a\r\n\r\n",
    "NUL in a header": b"GET /healthz HTTP/1.1\r\nHost: a\0b\r\n\r\n",
    "NUL in the path": b"GET /health\0z HTTP/1.1\r\nHost: a\r\n\r\n",
    "two lengths": b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "negative length": b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
    "an invalid length": b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
    "bad chunk": b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
}

ELSEWHERE = [
    "/",
    "/metrics/",
    "/healthz/../metrics",
    "/../../../../etc/passwd",
    "/..%2f..%2fetc/passwd",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/%6detrics",
    "//metrics",
    "/metrics;x",
    "/metrics%00",
    "/metrics#x",
    "\\metrics",
    "metrics",
    "http://127.0.0.1/metrics",
    "file:///etc/passwd",
    "*",
]


def bridge(problem: str) -> Status:
    """A system of one bridge, with or without a problem."""
    return Status((BridgeStatus("a", "udp://x:1", "asyncio", problem, NOTHING, 0, 0, 0),), (), ())


# --- responses -------------------------------------------------------------------------------


async def test_healthz_is_ok_while_the_loop_runs(serve_http: Serve) -> None:
    client = await serve_http(bridge("broken"))
    response = await client.get("/healthz")
    assert (response.status, response.text) == (200, "ok\n")


async def test_readyz_is_ready_without_problems(serve_http: Serve) -> None:
    client = await serve_http(bridge(""))
    response = await client.get("/readyz")
    assert (response.status, response.text) == (200, "ready\n")


async def test_readyz_names_a_problem_until_it_is_fixed(serve_http: Serve) -> None:
    with socket.socket() as mixer:
        mixer.bind(("127.0.0.1", 0))  # bound, not listening yet
        port = mixer.getsockname()[1]
        text = f"""
            [bridge.stage]
            listen = "udp://127.0.0.1:0"
            [endpoint.mixer]
            type     = "osc"
            to       = "tcp://127.0.0.1:{port}"
            on_start = "retry"
        """
        app = App(parse(text, {"osc": OSCEndpoint}, "test.toml"), Plugins([]))
        client = await serve_http(lambda: read_status(app))
        not_started = await client.get("/readyz")
        await app.start()
        try:
            faulty = await client.get("/readyz")
            mixer.listen()
            async with asyncio.timeout(10):
                while (await client.get("/readyz")).status != 200:
                    await asyncio.sleep(0.05)
        finally:
            await app.stop()
    assert not_started.status == 503
    assert "bridge.stage: not listening\n" in not_started.text
    assert faulty.status == 503
    refused = "connection refused; nothing listens there"
    assert faulty.text == f"endpoint.mixer: not connected: {refused}\n"


async def test_problem_is_one_line_whatever_it_contains(serve_http: Serve) -> None:
    client = await serve_http(bridge("one\r\ntwo \x1b[31m \udcff"))
    response = await client.get("/readyz")
    assert response.text == "bridge.a: one\\r\\ntwo \\x1b[31m \\udcff\n"


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/metrics?name=x"])
async def test_head_is_answered_as_get_without_the_body(serve_http: Serve, path: str) -> None:
    client = await serve_http()
    head, get = await client.get(path, "HEAD"), await client.get(path)
    assert (head.status, head.body) == (get.status, b"") == (200, b"")
    assert head.headers["Content-Type"] == get.headers["Content-Type"]
    assert int(get.headers["Content-Length"]) == len(get.body)
    assert int(head.headers["Content-Length"]) > 0


@pytest.mark.parametrize("path", ["/healthz", "/nothing"])
async def test_every_response_has_the_security_headers(serve_http: Serve, path: str) -> None:
    headers = (await (await serve_http()).get(path)).headers
    assert headers["Content-Type"] == "text/plain; charset=utf-8"
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    policy = "default-src 'none'; frame-ancestors 'none'"
    assert headers["Content-Security-Policy"] == policy
    assert "Server" not in headers


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
async def test_options_has_the_status_of_get_and_no_content(serve_http: Serve, path: str) -> None:
    for problem, not_ready in (("", 200), ("broken", 503)):
        client = await serve_http(bridge(problem))
        response = await client.get(path, "OPTIONS")
        assert response.status == (not_ready if path == "/readyz" else 200)
        assert response.headers["Allow"] == "GET, HEAD, OPTIONS"
        assert response.text == ""
        assert (await client.get(path)).status == response.status


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "TRACE", "X-Y"])
async def test_unsupported_method_is_answered_with_allow(serve_http: Serve, method: str) -> None:
    response = await (await serve_http()).get("/metrics", method)
    assert (response.status, response.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")


@pytest.mark.parametrize("path", ELSEWHERE)
async def test_another_path_is_not_found(serve_http: Serve, path: str) -> None:
    client = await serve_http()
    request = f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode()
    answer = await client.send(request)
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert b"root:" not in answer
    assert path == "/" or path.encode() not in answer.replace(b"/metrics\n", b"")


async def test_failure_is_logged_and_discloses_nothing(
    serve_http: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> Status:
        raise RuntimeError("a secret")

    client = await serve_http(broken)
    with caplog.at_level(logging.ERROR):
        response = await client.get("/readyz")
        assert (response.status, response.text) == (500, "Internal Server Error\n")
        assert (await client.get("/metrics")).status == 500
    assert "a secret" in caplog.text
    assert (await client.get("/healthz")).status == 200


# --- host names ------------------------------------------------------------------------------


async def test_dns_rebinding_page_reads_nothing(
    serve_http: Serve,
) -> None:
    client = await serve_http(hosts=["My.host"])
    refused = await client.get("/metrics", Host="evil.example:9180")
    assert refused.status == 421
    assert "'hosts' in [http]" in refused.text
    assert "oscbridge" not in refused.text
    assert (await client.get("/metrics", Host="my.host:9180")).status == 200


@pytest.mark.parametrize("host", ["stage.local", "stage.home.arpa", "stage.internal", "stage.lan"])
async def test_name_that_nobody_can_register_is_accepted(serve_http: Serve, host: str) -> None:
    client = await serve_http()
    assert (await client.get("/metrics", Host=f"{host}:9180")).status == 200


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://localhost:3000", 200),
        ("https://evil.example", 403),
        ("null", 403),
        ("http://evil.example@localhost", 403),
    ],
)
async def test_page_of_another_site_is_rejected(
    serve_http: Serve, origin: str, status: int
) -> None:
    client = await serve_http()
    assert (await client.get("/metrics", Origin=origin)).status == status


# --- connections -----------------------------------------------------------------------------


async def test_connection_is_kept_for_the_next_request(serve_http: Serve) -> None:
    client = await serve_http()

    def ask() -> list[bytes]:
        connection = http.client.HTTPConnection(*client.server.address, timeout=10)
        bodies = []
        for path in ("/healthz", "/metrics", "/nothing", "/readyz"):
            connection.request("GET", path)
            bodies.append(connection.getresponse().read())
            sockets.add(connection.sock)
        connection.close()
        return bodies

    sockets: set[object] = set()
    bodies = await asyncio.to_thread(ask)
    assert (bodies[0], bodies[3]) == (b"ok\n", b"ready\n")
    assert len(sockets) == 1


@pytest.mark.parametrize("request_", [LAST, b"GET /healthz HTTP/1.0\r\n\r\n"])
async def test_connection_is_closed_on_request(serve_http: Serve, request_: bytes) -> None:
    answer = await (await serve_http()).send(request_)
    assert b"connection: close" in answer.lower()
    assert answer.endswith(b"\r\n\r\nok\n")


async def test_request_may_come_in_pieces(serve_http: Serve) -> None:
    client = await serve_http()
    reader, writer = await asyncio.open_connection(*client.server.address)
    for index in range(len(LAST)):
        writer.write(LAST[index : index + 1])
        await writer.drain()
        await asyncio.sleep(0)
    assert (await reader.read()).endswith(b"ok\n")
    writer.close()


async def test_client_that_closed_its_sending_side_is_answered(serve_http: Serve) -> None:
    assert (await (await serve_http()).send(HEALTHZ, finish=True)).endswith(b"ok\n")


async def test_client_idle_between_requests_is_closed(serve_http: Serve) -> None:
    client = await serve_http(limits=HTTPLimits(idle_timeout=0.05))
    answer = await client.send(HEALTHZ)
    assert answer.endswith(b"ok\n")
    assert not client.server.reporting.statistics.closed


async def test_request_on_a_kept_connection_has_its_own_timeout(serve_http: Serve) -> None:
    client = await serve_http(limits=HTTPLimits(request_timeout=0.1))
    answer = await client.send(HEALTHZ + b"GET")
    assert answer.count(b"HTTP/1.1") == 1
    reader, writer = await asyncio.open_connection(*client.server.address)
    writer.write(HEALTHZ)
    assert (await reader.readuntil(b"ok\n")).startswith(b"HTTP/1.1 200")
    writer.write(b"GET")
    assert (await reader.read()).startswith(b"HTTP/1.1 408")
    writer.close()


async def test_port_in_use_is_an_error(serve_http: Serve) -> None:
    taken = (await serve_http()).server.address
    with pytest.raises(OSError, match="in use"):
        await HTTPServer(taken, lambda: bridge("")).start()


async def test_server_stops_immediately_and_can_start_again(serve_http: Serve) -> None:
    client = await serve_http()
    writers = [(await asyncio.open_connection(*client.server.address))[1] for _ in range(3)]
    writers[0].write(HEALTHZ)
    writers[1].write(b"GET /")
    assert (await client.get("/healthz")).status == 200
    address = client.server.address
    started = time.monotonic()
    await client.server.stop()
    assert time.monotonic() - started < 2
    for writer in writers:
        writer.close()
    with pytest.raises(OSError):
        await asyncio.open_connection(*address)
    await client.server.start()
    assert (await client.get("/healthz")).status == 200


# --- hostile clients -------------------------------------------------------------------------


@pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED.keys())
async def test_malformed_request_is_rejected_and_the_next_one_answered(
    serve_http: Serve, descriptors: Callable[[], int], data: bytes
) -> None:
    client = await serve_http()
    before = descriptors()
    assert await client.status(data) == 400
    assert (await client.get("/healthz")).status == 200
    await gone(client)
    assert descriptors() == before


async def gone(client: Any) -> None:
    """Wait until all clients are disconnected."""
    async with asyncio.timeout(10):
        while client.server.connections:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("line", [b"GET / HTTP/2.0", b"GET / HTTP/1.2", b"GET / HTTP/9.9"])
async def test_unsupported_http_version_is_rejected(serve_http: Serve, line: bytes) -> None:
    client = await serve_http()
    assert await client.status(line + b"\r\nHost: a\r\nConnection: close\r\n\r\n") == 505


@pytest.mark.parametrize("start", [b"GET /", b"GET / HTTP/1.1\r\nHost: a\r\nX: ", b"a"])
async def test_endless_request_line_is_rejected(serve_http: Serve, start: bytes) -> None:
    client = await serve_http()
    assert await client.status(start + b"x" * 30_000) == 431


async def test_endless_headers_are_rejected(serve_http: Serve) -> None:
    client = await serve_http()
    data = b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 3_000
    assert await client.status(data) == 431


async def test_body_is_not_read(serve_http: Serve) -> None:
    client = await serve_http()
    for head in (b"Content-Length: 1000000000", b"Transfer-Encoding: chunked"):
        request = b"GET /healthz HTTP/1.1\r\nHost: a\r\n" + head + b"\r\n\r\n"
        answer = await client.send(request + b"400\r\n" + b"x" * 2_000)
        assert answer.startswith(b"HTTP/1.1 200")
        assert b"connection: close" in answer.lower()


async def test_endless_body_is_cut_off(serve_http: Serve, descriptors: Callable[[], int]) -> None:
    client = await serve_http()
    before = descriptors()
    head = b"POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n"
    reader, writer = await asyncio.open_connection(*client.server.address)
    writer.write(head)
    assert (await reader.readline()).startswith(b"HTTP/1.1 405")
    with pytest.raises(ConnectionError):
        async with asyncio.timeout(10):
            while True:
                writer.write(b"x" * 65_536)
                await writer.drain()
                await asyncio.sleep(0)
    writer.close()
    await gone(client)
    assert descriptors() <= before


async def test_unfinished_request_times_out_and_is_counted(
    serve_http: Serve, descriptors: Callable[[], int]
) -> None:
    client = await serve_http(limits=HTTPLimits(request_timeout=0.2, linger_timeout=0.1))
    before = descriptors()
    reader, writer = await asyncio.open_connection(*client.server.address)
    dripping = asyncio.create_task(drip(writer))
    assert (await reader.read()).startswith(b"HTTP/1.1 408")
    dripping.cancel()
    writer.close()
    await gone(client)
    assert client.server.reporting.statistics.closed == {"slow_request": 1}
    assert descriptors() <= before


async def drip(writer: asyncio.StreamWriter) -> None:
    writer.write(b"GET /healthz HTTP/1.1\r\n")
    while True:
        writer.write(b"X: y\r\n")
        await asyncio.sleep(0.01)


async def test_silent_client_is_closed_and_counted(serve_http: Serve) -> None:
    client = await serve_http(limits=HTTPLimits(request_timeout=0.05))
    assert await client.send(b"") == b""
    assert client.server.reporting.statistics.closed == {"slow_request": 1}


async def test_client_that_does_not_read_is_closed_and_counted(serve_http: Serve) -> None:
    client = await serve_http(bridge("x" * 10_000_000), limits=HTTPLimits(send_timeout=0.1))
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        sock.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(sock, client.server.address)
        await loop.sock_sendall(sock, b"GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n")
        async with asyncio.timeout(10):
            while not client.server.reporting.statistics.closed:
                await asyncio.sleep(0.01)
    assert client.server.reporting.statistics.closed == {"slow_reader": 1}
    assert (await client.get("/healthz")).status == 200


async def test_long_response_arrives_complete_and_the_connection_stays(serve_http: Serve) -> None:
    client = await serve_http(bridge("x" * 10_000_000))
    reader, writer = await asyncio.open_connection(*client.server.address)
    for _ in range(2):
        writer.write(b"GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 503")
        assert len(await reader.readexactly(10_000_011)) == 10_000_011
    writer.close()


async def test_only_the_first_pipelined_request_is_answered(
    serve_http: Serve,
) -> None:
    client = await serve_http()
    answer = await client.send(HEALTHZ * 500)
    assert answer.count(b"HTTP/1.1 200") == 1
    assert b"connection: close" in answer.lower()


async def test_responses_use_no_more_than_their_share_of_the_loop(serve_http: Serve) -> None:
    costs: list[float] = []

    def slow() -> Status:
        started = time.monotonic()
        time.sleep(0.01)
        costs.append(time.monotonic() - started)
        return bridge("")

    client = await serve_http(slow)
    started = time.monotonic()
    await asyncio.gather(*(client.get("/readyz") for _ in range(6)))
    took = time.monotonic() - started
    assert len(costs) == 6
    assert took > sum(costs[:-1]) / SHARE


async def test_connection_that_waits_longest_for_its_request_makes_room(
    serve_http: Serve,
) -> None:
    client = await serve_http(limits=HTTPLimits(max_connections=4))
    silent = [await asyncio.open_connection(*client.server.address) for _ in range(4)]
    async with asyncio.timeout(10):
        while client.server.connections < 4:
            await asyncio.sleep(0.01)
    assert (await client.get("/healthz")).status == 200
    assert (await silent[0][0].read()).startswith(b"HTTP/1.1 503 ")
    assert client.server.reporting.statistics.closed == {"max_connections": 1}
    for _, writer in silent:
        writer.close()


async def test_healthz_answers_while_64_half_open_requests_are_held(serve_http: Serve) -> None:
    client = await serve_http(limits=HTTPLimits(request_timeout=60))
    held = []
    for _ in range(64):
        held.append(await asyncio.open_connection(*client.server.address))
        held[-1][1].write(b"GET /healthz HTTP/1.1\r\nHost: a\r\n")
    for _ in range(3):
        assert (await client.get("/healthz")).status == 200
    assert client.server.connections <= client.server.limits.max_connections
    for _, writer in held:
        writer.close()


async def test_excess_connection_is_closed_while_all_others_are_being_answered(
    serve_http: Serve,
) -> None:
    client = await serve_http(bridge("x" * 10_000_000), limits=HTTPLimits(max_connections=2))
    with ExitStack() as stack:
        loop = asyncio.get_running_loop()
        for _ in range(2):
            sock = stack.enter_context(socket.socket())
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            sock.setblocking(False)
            await loop.sock_connect(sock, client.server.address)
            await loop.sock_sendall(sock, b"GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n")
            await loop.sock_recv(sock, 1)
        assert (await client.send(b"")).startswith(b"HTTP/1.1 503 ")
    assert client.server.reporting.statistics.closed == {"max_connections": 1}


async def test_idle_connection_makes_room(serve_http: Serve) -> None:
    client = await serve_http(limits=HTTPLimits(max_connections=4))
    kept = [await asyncio.open_connection(*client.server.address) for _ in range(4)]
    for reader, writer in kept:
        writer.write(HEALTHZ)
        await reader.readuntil(b"ok\n")
    assert (await client.get("/healthz")).status == 200
    assert await kept[0][0].read() == b""
    assert not client.server.reporting.statistics.closed
    for _, writer in kept:
        writer.close()


async def test_two_thousand_connections_do_no_harm(
    serve_http: Serve, descriptors: Callable[[], int]
) -> None:
    client = await serve_http(limits=HTTPLimits(request_timeout=0.5))
    before = descriptors()
    for _ in range(4):
        opened = await asyncio.gather(
            *(asyncio.open_connection(*client.server.address) for _ in range(500))
        )
        await asyncio.gather(*(reader.read() for reader, _ in opened))
        for _, writer in opened:
            writer.close()
    closed = client.server.reporting.statistics.closed
    assert closed["max_connections"] + closed["slow_request"] == 2_000
    assert closed["max_connections"] > 1_500
    assert (await client.get("/healthz")).status == 200
    await gone(client)
    assert descriptors() == before


async def test_random_bytes_end_nothing(
    serve_http: Serve, descriptors: Callable[[], int], caplog: pytest.LogCaptureFixture
) -> None:
    client = await serve_http(
        limits=HTTPLimits(500, request_timeout=0.1, idle_timeout=0.1, linger_timeout=0.1)
    )
    before = descriptors()
    dice = random.Random(5)

    async def attack() -> None:
        data = bytearray(HEALTHZ)
        for _ in range(dice.randint(1, 8)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        answer = await client.send(bytes(data))
        assert not answer or answer.startswith(b"HTTP/1.1 ")

    for _ in range(6):
        await asyncio.gather(*(attack() for _ in range(50)))
    assert (await client.get("/healthz")).status == 200
    await gone(client)
    assert descriptors() <= before
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


# --- imports ---------------------------------------------------------------------------------


@pytest.mark.parametrize("module", ["oscbridge", "oscbridge.cli.running", "oscbridge.cli.health"])
def test_http_modules_are_loaded_on_demand(module: str) -> None:
    code = f"import sys, {module}; print({{'aiohttp', 'prometheus_client'}} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "set()\n"


def test_unusable_listen_host_is_an_error() -> None:
    async def start() -> None:
        await HTTPServer(HostPort("no such host.", 0), lambda: bridge("")).start()

    with pytest.raises(OSError):
        asyncio.run(start())
