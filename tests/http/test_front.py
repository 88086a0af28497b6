"""A front for plugins: an application of aiohttp behind limits and rules."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from http import HTTPStatus

import pytest
from aiohttp import ClientSession, WSMsgType, web

from oscbridge import HostPolicy, HostPort
from oscbridge.http import HTTPFront, HTTPLimits, HTTPProblem, HTTPRules, read_body
from oscbridge.testing import until

ANY_PORT = HostPort("127.0.0.1", 0)
RULES = HTTPRules(HostPolicy(), "[endpoint.hook]")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Serve = Callable[..., Awaitable[HTTPFront]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Starts a front with one handler for every path."""
    async with AsyncExitStack() as stack:

        async def serve(handler: Handler, limits: HTTPLimits | None = None) -> HTTPFront:
            app = web.Application()
            app.router.add_route("*", "/{path:.*}", handler)
            log = logging.getLogger("oscbridge.hook")
            front = HTTPFront(app, RULES, log, limits=limits or HTTPLimits())
            await front.start(ANY_PORT)
            stack.push_async_callback(front.stop)
            return front

        yield serve


async def send(front: HTTPFront, *pieces: bytes) -> bytes:
    """The answer to data, until the front closes the connection."""
    async with asyncio.timeout(10):
        reader, writer = await asyncio.open_connection("127.0.0.1", front.port)
        try:
            for data in pieces:
                writer.write(data)
                await writer.drain()
                await asyncio.sleep(0.02)  # so that it arrives on its own
            return await reader.read()
        finally:
            writer.close()


async def echo(request: web.Request) -> web.Response:
    return web.Response(body=await read_body(request, HTTPLimits(max_body_size=1_000)))


def post(body: bytes, *headers: bytes, close: bool = True) -> bytes:
    lines = [b"POST / HTTP/1.1", b"Host: a", *headers]
    lines += [b"Connection: close"] * close
    return b"\r\n".join([*lines, b"", body])


@pytest.mark.parametrize("error", [SystemExit, GeneratorExit, KeyError], ids=lambda e: e.__name__)
@pytest.mark.parametrize("begins", [False, True], ids=["at once", "in its answer"])
async def test_exception_in_a_handler_costs_one_answer(
    begins: bool, error: type[BaseException], serve: Serve
) -> None:
    async def explode(request: web.Request) -> web.StreamResponse:
        if "explode" not in request.path:
            return web.Response(text="fine")
        if begins:
            response = web.StreamResponse()
            await response.prepare(request)
            await response.write(b"begun")
        raise error("dim")

    front = await serve(explode)
    answer = await send(front, b"GET /explode HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 " if begins else b"HTTP/1.1 500 ")
    answer = await send(front, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert answer.endswith(b"fine")
    assert front.reporting.statistics.failed == 1


@pytest.mark.parametrize("size", [0, 1, 1_000])
async def test_body_is_read(serve: Serve, size: int) -> None:
    body = b"x" * size
    answer = await send(await serve(echo), post(body, b"Content-Length: %d" % size))
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b"\r\n\r\n" + body)


async def test_body_may_come_in_pieces_and_chunks(serve: Serve) -> None:
    front = await serve(echo)
    answer = await send(front, post(b"ab", b"Content-Length: 5"), b"c", b"de")
    assert answer.endswith(b"\r\n\r\nabcde")
    chunked = post(b"2\r\nab\r\n", b"Transfer-Encoding: chunked")
    answer = await send(front, chunked, b"3\r\ncd", b"e\r\n0\r\n\r\n")
    assert answer.endswith(b"\r\n\r\nabcde")


async def test_connection_is_kept_after_a_body(serve: Serve) -> None:
    front = await serve(echo)
    async with ClientSession() as session:
        for text in ("one", "", "three"):
            url = f"http://127.0.0.1:{front.port}/"
            async with session.post(url, data=text.encode()) as response:
                assert await response.text() == text
        assert front.connections == 1


@pytest.mark.parametrize(
    "request_",
    [
        post(b"", b"Content-Length: 1001"),
        post(b"fff\r\n" + b"x" * 0xFFF, b"Transfer-Encoding: chunked"),
    ],
)
async def test_large_body_is_rejected_with_a_problem_document(
    serve: Serve, request_: bytes
) -> None:
    answer = await send(await serve(echo), request_)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 413 ")
    assert b"application/problem+json" in head
    assert json.loads(body) == {
        "type": "about:blank",
        "title": HTTPStatus.REQUEST_ENTITY_TOO_LARGE.phrase,
        "status": 413,
        "detail": "the body must not have more than 1000 bytes",
    }


@pytest.mark.parametrize(
    "head", [post(b"ab", b"Content-Length: 5"), post(b"2\r\nab\r\n", b"Transfer-Encoding: chunked")]
)
async def test_slow_body_is_answered_with_408(serve: Serve, head: bytes) -> None:
    async def slow(request: web.Request) -> web.Response:
        await read_body(request, HTTPLimits(request_timeout=0.1))
        raise AssertionError

    answer = await send(await serve(slow), head)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"did not arrive within 0.1 s" in answer


@pytest.mark.parametrize("head", [b"Content-Length: 5", b"Transfer-Encoding: chunked"])
async def test_slow_bodies_make_room_for_other_clients(serve: Serve, head: bytes) -> None:
    arrived: list[web.Request] = []

    async def handle(request: web.Request) -> web.Response:
        arrived.append(request)
        return await echo(request)

    front = await serve(handle, HTTPLimits(max_connections=3))
    slow = [await asyncio.open_connection("127.0.0.1", front.port) for _ in range(3)]
    for _, writer in slow:
        writer.write(b"POST / HTTP/1.1\r\nHost: a\r\n" + head + b"\r\n\r\n1\r\n")
    await until(lambda: len(arrived) == 3)
    answer = await send(front, post(b"abc", b"Content-Length: 3"))
    assert answer.endswith(b"\r\n\r\nabc")
    with suppress(ConnectionResetError):  # the oldest
        assert await asyncio.wait_for(slow[0][0].read(), 10) == b""
    assert front.reporting.statistics.closed == {"max_connections": 1}
    for _, writer in slow:
        writer.close()


@pytest.mark.parametrize("head", [b"Content-Length: 3", b"Transfer-Encoding: chunked"])
async def test_request_with_a_complete_body_makes_no_room(serve: Serve, head: bytes) -> None:
    read, finish = asyncio.Event(), asyncio.Event()

    async def slow(request: web.Request) -> web.Response:
        body = await read_body(request, HTTPLimits())
        read.set()
        await finish.wait()
        return web.Response(body=body)

    front = await serve(slow, HTTPLimits(max_connections=1))
    body = b"abc" if b"Length" in head else b"3\r\nabc\r\n0\r\n\r\n"
    first = asyncio.create_task(send(front, post(b"", head), body))
    await asyncio.wait_for(read.wait(), 10)
    assert (await send(front)).startswith(b"HTTP/1.1 503 ")  # it is refused before it sends
    finish.set()
    assert (await first).endswith(b"\r\n\r\nabc")


async def test_body_that_a_handler_awaits_without_a_limit_times_out(serve: Serve) -> None:
    async def wait(request: web.Request) -> web.Response:
        return web.Response(text=await request.text())

    front = await serve(wait, HTTPLimits(request_timeout=0.1, linger_timeout=0.1))
    for request in (
        post(b"ab", b"Content-Length: 5"),
        post(b"2\r\nab\r\n", b"Transfer-Encoding: chunked"),
        post(b"1\r\na\r\n", b"Transfer-Encoding: chunked") + b"nonsense\r\n",
    ):
        assert not (await send(front, request)).startswith(b"HTTP/1.1 200 ")
    assert front.reporting.statistics.closed == {"slow_body": 3}


async def test_handler_may_take_longer_than_its_body_may(serve: Serve) -> None:
    async def think(request: web.Request) -> web.Response:
        text = await request.text()
        await asyncio.sleep(0.5)
        return web.Response(text=text)

    front = await serve(think, HTTPLimits(request_timeout=0.1, linger_timeout=0.1))
    for request in (
        post(b"ab", b"Content-Length: 2"),
        post(b"2\r\nab\r\n0\r\n\r\n", b"Transfer-Encoding: chunked"),
    ):
        assert (await send(front, request)).endswith(b"\r\n\r\nab")


async def test_expectation_of_a_client_is_met(serve: Serve) -> None:
    answer = await send(
        await serve(echo), post(b"", b"Content-Length: 2", b"Expect: 100-continue"), b"ab"
    )
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 ")
    assert answer.endswith(b"\r\n\r\nab")


async def test_data_after_a_body_is_no_further_request(serve: Serve) -> None:
    handled = []

    async def count(request: web.Request) -> web.Response:
        handled.append(await read_body(request, HTTPLimits()))
        return web.Response()

    twice = post(b"abc", b"Content-Length: 3", close=False) * 2
    answer = await send(await serve(count), twice)
    assert handled == [b"abc"]
    assert answer.count(b"HTTP/1.1") == 1
    assert b"connection: close" in answer.lower()


@pytest.mark.parametrize(
    "headers",
    [
        [b"Content-Length: 3", b"Transfer-Encoding: chunked"],
        [b"Transfer-Encoding: chunked", b"Content-Length: 3"],
        [b"Content-Length: 3", b"Content-Length: 4"],
        [b"Content-Length: 3, 4"],
        [b"Content-Length: +3"],
        [b"Content-Length: 0x3"],
        [b"Transfer-Encoding: identity"],
        [b"Transfer-Encoding: chunked, identity"],
        [b"Transfer-Encoding : chunked"],
        [b"X: a\nContent-Length: 3"],
        [b"X: a\rContent-Length: 3"],
        [b"X: a", b" Content-Length: 3"],
    ],
    ids=lambda headers: repr(headers),
)
async def test_ambiguous_length_is_rejected_and_what_follows_is_not_handled(
    serve: Serve, headers: list[bytes]
) -> None:
    handled = []

    async def note(request: web.Request) -> web.Response:
        handled.append(request.path)
        return web.Response()

    smuggled = b"0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
    answer = await send(await serve(note), post(smuggled, *headers, close=False))
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert handled == []


async def test_handler_of_a_stream_is_cancelled_when_the_client_disconnects(serve: Serve) -> None:
    ended = asyncio.Event()

    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"data: 1\n\n")
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return response

    front = await serve(stream)
    reader, writer = await asyncio.open_connection("127.0.0.1", front.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert b"data: 1" in await reader.readuntil(b"data: 1\n\n")
    writer.close()
    async with asyncio.timeout(10):
        await ended.wait()
        while front.connections:
            await asyncio.sleep(0.01)


async def test_client_that_does_not_read_a_stream_is_closed(serve: Serve) -> None:
    ended = asyncio.Event()

    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(bytes(100_000))
        finally:
            ended.set()

    front = await serve(stream, HTTPLimits(send_timeout=0.2))
    _, writer = await asyncio.open_connection("127.0.0.1", front.port, limit=1_000)
    writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    async with asyncio.timeout(10):
        await ended.wait()
    assert front.reporting.statistics.closed == {"slow_reader": 1}
    writer.close()


async def test_error_in_a_stream_closes_the_connection(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"a")
        raise RuntimeError("broken")

    answer = await send(await serve(stream), b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert answer.count(b"HTTP/1.1") == 1
    assert not answer.endswith(b"0\r\n\r\n")
    assert "broken" in caplog.text


async def test_websocket_of_an_application_works(serve: Serve) -> None:
    async def upgrade(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            await socket.send_str(message.data.upper())
        return socket

    front = await serve(upgrade)
    async with (
        ClientSession() as session,
        session.ws_connect(f"http://127.0.0.1:{front.port}/") as socket,
    ):
        for text in ("one", "two" * 50_000):
            await socket.send_str(text)
            message = await socket.receive(timeout=10)
            assert (message.type, message.data) == (WSMsgType.TEXT, text.upper())


async def test_limit_per_address_makes_room(serve: Serve) -> None:
    front = await serve(echo, HTTPLimits(max_connections_per_address=2))
    silent = [await asyncio.open_connection("127.0.0.1", front.port) for _ in range(2)]
    async with asyncio.timeout(10):
        while front.connections < 2:
            await asyncio.sleep(0.01)
    assert (await send(front, post(b""))).startswith(b"HTTP/1.1 200 ")
    assert front.reporting.statistics.closed == {"max_connections_per_address": 1}
    for _, writer in silent:
        writer.close()


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost: a\r\n"])
async def test_connection_that_makes_room_gets_a_response(serve: Serve, sent: bytes) -> None:
    front = await serve(echo, HTTPLimits(max_connections=1))
    reader, writer = await asyncio.open_connection("127.0.0.1", front.port)
    writer.write(sent)
    await until(lambda: front.connections == 1)
    assert (await send(front, post(b""))).startswith(b"HTTP/1.1 200 ")
    head, _, body = (await asyncio.wait_for(reader.read(), 10)).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nRetry-After: 1" in head
    assert json.loads(body)["detail"] == "no connection is available; try again"
    assert front.responses == {200: 1, 503: 1}
    writer.close()


async def test_every_client_of_a_burst_gets_a_response(serve: Serve) -> None:
    """Also those whose requests were not read yet, and those that nobody makes room for."""

    async def slow(request: web.Request) -> web.Response:
        await asyncio.sleep(0.05)
        return await echo(request)

    front = await serve(slow, HTTPLimits(max_connections=4))
    clients = [socket.create_connection(("127.0.0.1", front.port)) for _ in range(100)]
    for client in clients:  # at once: the front reads nothing before the first await
        client.sendall(post(b""))

    async def answer(client: socket.socket) -> bytes:
        reader, writer = await asyncio.open_connection(sock=client)
        try:
            return await reader.readline()
        finally:
            writer.close()

    async with asyncio.timeout(30):
        lines = await asyncio.gather(*map(answer, clients))
    assert {*lines} == {b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 503 Service Unavailable\r\n"}


@pytest.mark.parametrize(
    ("error", "status", "detail"),
    [
        (HTTPProblem(HTTPStatus.IM_A_TEAPOT, "tea"), 418, "tea"),
        (web.HTTPNotFound(), 404, None),
        (web.HTTPConflict(text="twice"), 409, "twice"),
        (ValueError("a secret"), 500, None),
    ],
)
async def test_error_of_a_handler_is_a_problem_document(
    serve: Serve, error: Exception, status: int, detail: str | None
) -> None:
    async def fail(request: web.Request) -> web.Response:
        raise error

    answer = await send(await serve(fail), post(b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    problem = json.loads(body)
    assert (problem["status"], problem.get("detail")) == (status, detail)


async def test_request_that_is_not_http_gets_a_problem_document(serve: Serve) -> None:
    answer = await send(await serve(echo), b"hello\r\n\r\n")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["title"] == "Bad Request"
    assert b"\r\nserver:" not in answer.lower()
