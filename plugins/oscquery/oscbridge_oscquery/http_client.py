"""Asking an OSCQuery server: one JSON document for one path, whatever the server's HTTP is like.

No HTTP library is used for this, as all of them end a body at its ``Content-Length``: Chataigne
counts characters there, not bytes, so that the end of a tree with an umlaut would be missing.
"""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from typing import Final, NamedTuple

from yarl import URL

import oscbridge
from oscbridge_oscquery.paths import path_of_address
from oscbridge_oscquery.tree_reader import MAX_TREE, load_json

__all__ = ["ANSWER_TIMEOUT", "NO_ANSWER", "OSCQueryQuestions", "ServerAnswer"]

ANSWER_TIMEOUT: Final = 5.0
"""Seconds for a connection, and again for the head and for each part of the body of an answer."""

TOTAL_TIMEOUT: Final = 20.0
"""Seconds for a whole answer."""

COMPLETE_TIMEOUT: Final = 0.5
"""Seconds without further data after which a complete document is the whole answer."""

MAX_HEAD: Final = 32_768
"""Bytes of the head of an answer."""

MAX_CHUNK_LINE: Final = 64
"""Characters of the size of a chunk."""

LARGE: Final = 1 << 18
"""Bytes of a document that takes long to read."""

MAX_ATTEMPTS: Final = 16
"""Attempts to read a body that is longer than its length, until it ends or pauses."""

_CHUNK: Final = 65_536


class ServerAnswer(NamedTuple):
    """The answer to a question."""

    status: int
    document: object = None
    """The JSON document; None without one."""

    @property
    def is_found(self) -> bool:
        """Whether there is a document."""
        return self.status == 200 and self.document is not None


NO_ANSWER: Final = ServerAnswer(404)
"""The answer of a server that knows no such node."""


class OSCQueryQuestions:
    """Asks one server. Each question has its own connection."""

    def __init__(self, url: str, token: str | None = None) -> None:
        parsed = URL(url)
        self.host = parsed.host or ""
        self.port = parsed.port or 80
        self.is_secure = parsed.scheme == "https"
        self.tls: ssl.SSLContext | None = ssl.create_default_context() if self.is_secure else None
        host = self.host.partition("%")[0]  # a scope means something on this machine only
        self._authority = f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"
        self.headers: dict[str, str] = {}
        """The headers of every request besides those that HTTP needs."""
        self.has_token = token is not None
        if token is not None:
            self.headers["Authorization"] = f"Bearer {token}"

    async def ask(self, address: str, query: str = "") -> ServerAnswer:
        """The answer for a node. Raises ``OSError`` and :class:`oscbridge.DecodeError`."""
        try:
            async with asyncio.timeout(TOTAL_TIMEOUT):
                return await self._ask(f"{path_of_address(address)}{query and '?'}{query}")
        except TimeoutError:
            raise TimeoutError("the server does not answer in time") from None
        except (EOFError, ValueError, asyncio.LimitOverrunError) as error:
            raise oscbridge.DecodeError("http", f"the answer is not HTTP: {error}") from None

    async def _ask(self, target: str) -> ServerAnswer:
        async with asyncio.timeout(ANSWER_TIMEOUT):
            reader, writer = await asyncio.open_connection(
                self.host, self.port, ssl=self.tls, limit=MAX_HEAD
            )
        try:
            lines = [
                f"GET {target} HTTP/1.1",
                f"Host: {self._authority}",
                "Accept: application/json, */*",
                "Connection: close",
                *(f"{name}: {value}" for name, value in self.headers.items()),
            ]
            writer.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
            return await _read_answer(reader)
        finally:
            writer.transport.abort()  # the answer is complete, or of no use


async def _read_answer(reader: asyncio.StreamReader) -> ServerAnswer:
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT):
            head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError:
        raise ValueError(f"a head of more than {MAX_HEAD} bytes") from None
    first, *lines = head.decode("latin-1").split("\r\n")
    protocol, _, rest = first.partition(" ")
    if not protocol.startswith("HTTP/1.") or not rest[:3].isdecimal():
        raise ValueError(f"{first[:40]!r}")
    status = int(rest[:3])
    fields = {
        name.strip().lower(): value.strip()
        for name, _, value in (line.partition(":") for line in lines if line)
    }
    if status == 204 or not 200 <= status < 300:
        return ServerAnswer(status)
    if "chunked" in fields.get("transfer-encoding", "").lower():
        body = await _read_chunks(reader)
        return ServerAnswer(status, await _load(body))
    length = fields.get("content-length", "")
    return ServerAnswer(
        status, await _read_body(reader, int(length) if length.isdecimal() else None)
    )


async def _read_body(reader: asyncio.StreamReader, length: int | None) -> object:
    """The document of a body: at least ``length`` bytes, and more until it is complete."""
    body = bytearray()
    attempts = 0
    while True:
        is_full = length is not None and len(body) >= length
        if is_full and not body.strip():
            return None
        if is_full and attempts < MAX_ATTEMPTS:
            attempts += 1
            with suppress(oscbridge.DecodeError):
                return await _load(body)
        try:
            async with asyncio.timeout(COMPLETE_TIMEOUT if is_full else ANSWER_TIMEOUT):
                part = await reader.read(_CHUNK)
        except TimeoutError:
            return await _load(body)
        if not part:
            return await _load(body)
        body += part
        if len(body) > MAX_TREE:
            raise oscbridge.DecodeError("size", f"an answer of more than {MAX_TREE >> 20} MiB")


async def _load(body: bytes | bytearray) -> object:
    """The document of a body, if there is one; of a large one on a thread."""
    if not body.strip():
        return None
    data = bytes(body)
    return load_json(data) if len(data) < LARGE else await asyncio.to_thread(load_json, data)


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = bytearray()
    while True:
        async with asyncio.timeout(ANSWER_TIMEOUT):
            line = await reader.readuntil(b"\r\n")
            size = int(line[:MAX_CHUNK_LINE].partition(b";")[0], 16)
            if size == 0:
                return bytes(body)
            if size < 0 or len(body) + size > MAX_TREE:
                raise oscbridge.DecodeError("size", f"an answer of more than {MAX_TREE >> 20} MiB")
            body += await reader.readexactly(size)
            await reader.readexactly(2)
