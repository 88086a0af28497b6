"""Asking servers whose HTTP is unusual, wrong or hostile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest

import oscbridge
from oscbridge_oscquery import http_client
from oscbridge_oscquery.http_client import OSCQueryQuestions, ServerAnswer
from oscbridge_oscquery.tree_reader import load_json

Serve = Callable[..., Awaitable[OSCQueryQuestions]]


@pytest.fixture
async def serve(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Serve]:
    """Starts a server that sends some bytes, and ends the connection or waits."""
    monkeypatch.setattr(http_client, "ANSWER_TIMEOUT", 1.0)
    monkeypatch.setattr(http_client, "COMPLETE_TIMEOUT", 0.2)
    async with AsyncExitStack() as stack:

        async def serve(*parts: bytes, ends: bool = True) -> OSCQueryQuestions:
            async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                task = asyncio.current_task()
                assert task is not None
                stack.push_async_callback(asyncio.wait, [task])
                try:
                    await reader.readuntil(b"\r\n\r\n")
                    for part in parts:
                        writer.write(part)
                        await writer.drain()
                        await asyncio.sleep(0.01)
                    if not ends:
                        await reader.read()
                except ConnectionError:
                    pass  # the client has read enough
                finally:
                    writer.close()

            server = await asyncio.start_server(answer, "127.0.0.1", 0)
            stack.callback(server.close)
            return OSCQueryQuestions(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")

        yield serve


OK = b"HTTP/1.1 200 OK\r\n"
TREE = '{"FULL_PATH":"/","DESCRIPTION":"Mühle über Köln"}'.encode()
DOCUMENT = {"FULL_PATH": "/", "DESCRIPTION": "Mühle über Köln"}
CHARACTERS = len(TREE.decode())


@pytest.mark.parametrize("ends", [True, False])
async def test_length_in_characters_is_too_short(serve: Serve, ends: bool) -> None:
    """Chataigne counts characters."""
    questions = await serve(
        OK + b"Content-Length: %d\r\n\r\n" % CHARACTERS,
        TREE[:20],
        TREE[20:45],
        TREE[45:],
        ends=ends,
    )
    assert await questions.ask("/") == ServerAnswer(200, DOCUMENT)


@pytest.mark.parametrize(
    "parts",
    [
        (OK + b"Content-Length: %d\r\n\r\n" % len(TREE), TREE),
        (OK + b"content-length:%d\r\nConnection: keep-alive\r\n\r\n" % len(TREE), TREE),
        (OK + b"Content-Length: 9999\r\n\r\n", TREE),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n", b"5;x=y\r\n" + TREE[:5] + b"\r\n",
         b"%X\r\n" % (len(TREE) - 5), TREE[5:], b"\r\n0\r\n\r\n"),
    ],
)  # fmt: skip
async def test_connection_that_stays_open_delays_nothing_for_long(
    serve: Serve, parts: tuple[bytes, ...]
) -> None:
    questions = await serve(*parts, ends=False)
    assert await questions.ask("/") == ServerAnswer(200, DOCUMENT)


async def test_body_without_length_ends_with_the_connection(serve: Serve) -> None:
    questions = await serve(OK + b"\r\n", TREE[:10], TREE[10:])
    assert await questions.ask("/") == ServerAnswer(200, DOCUMENT)
    questions = await serve(b"HTTP/1.0 200\r\n\r\n" + TREE)
    assert await questions.ask("/") == ServerAnswer(200, DOCUMENT)


@pytest.mark.parametrize(
    "data",
    [
        OK + b"Content-Length: 0\r\n\r\n",  # Chataigne, for an unknown path
        OK + b"\r\n",
        OK + b"\r\n  \r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
)
async def test_empty_answer_is_no_document(serve: Serve, data: bytes) -> None:
    assert await (await serve(data)).ask("/") == ServerAnswer(200)


@pytest.mark.parametrize("status", [204, 301, 400, 404, 500])
async def test_other_status_has_no_document(serve: Serve, status: int) -> None:
    questions = await serve(b"HTTP/1.1 %d X\r\n\r\n{}" % status)
    assert await questions.ask("/") == ServerAnswer(status)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        OK + b"X: " + b"x" * 40_000 + b"\r\n\r\n",
        OK + b"\r\nnot JSON",
        OK + b"\r\n" + b"[" * 100_000,
        OK + b"\r\n" + b"[" * 10 + b"," * 900_000,
        OK + b"Content-Length: 5\r\n\r\n{",
        OK + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"1" * 40_000,
        OK + b"Transfer-Encoding: chunked\r\n\r\n-5\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFF\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{",
    ],
)
async def test_nonsense_is_a_decode_error(serve: Serve, data: bytes) -> None:
    with pytest.raises(oscbridge.DecodeError):
        await (await serve(data)).ask("/")


async def test_answer_that_is_too_large_is_not_read_to_its_end(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_client, "MAX_TREE", 100_000)
    questions = await serve(OK + b"\r\n", *[b" " * 50_000] * 100, ends=False)
    with pytest.raises(oscbridge.DecodeError, match="more than"):
        await questions.ask("/")


async def test_body_that_is_longer_than_stated_is_not_parsed_again_and_again(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts: list[int] = []

    def counting(body: bytes) -> object:
        attempts.append(len(body))
        return load_json(body)

    monkeypatch.setattr(http_client, "load_json", counting)
    monkeypatch.setattr(http_client, "COMPLETE_TIMEOUT", 20.0)
    parts = [b"x" * 1_000] * 60
    questions = await serve(OK + b'Content-Length: 1\r\n\r\n["', *parts, b'"]')
    answer = await questions.ask("/")
    assert answer.document == ["x" * 60_000]
    assert len(attempts) <= http_client.MAX_ATTEMPTS + 1


async def test_server_that_says_nothing_is_given_up(serve: Serve) -> None:
    with pytest.raises(TimeoutError, match="does not answer in time"):
        await (await serve(ends=False)).ask("/")
    with pytest.raises(TimeoutError, match="does not answer in time"):
        await (await serve(b"HTTP/1.1 2", ends=False)).ask("/")


async def test_document_that_stays_incomplete_is_a_decode_error(serve: Serve) -> None:
    questions = await serve(OK + b"Content-Length: 5\r\n\r\n", TREE[:-5], ends=False)
    with pytest.raises(oscbridge.DecodeError):
        await questions.ask("/")


@pytest.mark.parametrize("text", ['{"V": NaN}', '\ufeff{"V": null}'])
async def test_json_of_lax_writers_is_read(serve: Serve, text: str) -> None:
    questions = await serve(OK + b"\r\n" + text.encode())
    assert await questions.ask("/") == ServerAnswer(200, {"V": None})


async def test_host_with_an_ipv6_address_is_in_brackets() -> None:
    heads: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(OK + b"Content-Length: 2\r\n\r\n{}")
        writer.close()

    async with await asyncio.start_server(answer, "::1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        await OSCQueryQuestions(f"http://[::1]:{port}").ask("/")
    assert f"\r\nHost: [::1]:{port}\r\n".encode() in heads[0]
