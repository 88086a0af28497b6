"""Where clients with tokens connect: each front and each way to send a token, as attackers do.

Attack tests are parametrised with :data:`FRONTS`. A new front derives from :class:`Front`.
"""

from __future__ import annotations

import asyncio
import json
import re
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, ClassVar, Final, NamedTuple, Protocol
from urllib.parse import quote

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from oscbridge.bridge.app import App
from oscbridge.bridge.config.config import Configuration, parse
from oscbridge.http.limits import HTTPLimits
from oscbridge.monitoring.service import Service
from oscbridge.plugins.manager import Plugins
from oscbridge.status.metrics import HTTPCounters, Metrics
from oscbridge.status.status import Reloads, Status, read_status
from oscbridge.testing import RunningBridge, running_bridge
from oscbridge.testing.bridge import recorded_log
from oscbridge_ui.greeting import HELLO_TIMEOUT
from oscbridge_ui.protocol_base import SUBPROTOCOL
from oscbridge_websocket.connection import OPEN_TIMEOUT

__all__ = ["FRONTS", "Answer", "Front", "RunningFront"]

LOOPBACK: Final = "127.0.0.1"


class Answer(NamedTuple):
    """What a client with a token got."""

    status: int
    """An HTTP status; 200 if it has access."""
    retry_after: int = 0
    """Seconds that it is asked to wait."""
    text: str = ""
    """All that it received, as text."""


class Attempt(NamedTuple):
    """One connection of a client."""

    port: int
    token: str | None
    source: str
    """The address of this machine that it comes from."""
    query: str
    """The query of its URL."""
    headers: Mapping[str, str]
    """Further headers."""


class RunningFront(Protocol):
    """A front that runs, as a test sees it."""

    @property
    def port(self) -> int:
        """Where it listens, on 127.0.0.1."""

    @property
    def log(self) -> Sequence[str]:
        """The lines logged so far."""

    @property
    def refusals(self) -> int:
        """Clients that were refused."""

    def shown(self) -> str:
        """Everything that status and metrics show, as text."""

    async def reload(self, tokens: str) -> None:
        """Reload with other tokens."""


class Front(ABC):
    """A front, and one way to send a token to it."""

    name: str
    """What it is called under ``endpoints`` of a token."""
    handshake_timeout: float
    """Seconds after which a client that is not answered is disconnected."""
    few_connections: str
    """Options of its table with which it takes about 40 connections that have no access yet."""

    @abstractmethod
    def run(self, tokens: str, options: str = "") -> AbstractAsyncContextManager[RunningFront]:
        """Run it with tokens, and with further options of its table, in TOML."""

    async def attempt(
        self,
        port: int,
        token: str | None,
        *,
        source: str = LOOPBACK,
        query: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Connect once with a token from an address of this machine; None sends no token."""
        return await self._attempt(Attempt(port, token, source, query, headers or {}))

    @abstractmethod
    async def _attempt(self, attempt: Attempt) -> Answer:
        """Connect once."""


class _RunningEndpoint:
    """An endpoint ``web`` of a type with tokens, in a running bridge."""

    def __init__(self, bridge: RunningBridge, type_name: str, options: str) -> None:
        self._bridge = bridge
        self._type_name = type_name
        self._options = options

    @property
    def port(self) -> int:
        return int(self._bridge.endpoint("web").describe().rpartition(":")[2])

    @property
    def log(self) -> Sequence[str]:
        return self._bridge.log

    @property
    def refusals(self) -> int:
        return self._bridge.endpoint_status("web").refused

    def shown(self) -> str:
        return f"{self._bridge.status()!r}\n{self._bridge.metrics()}"

    async def reload(self, tokens: str) -> None:
        await self._bridge.reload(_with_endpoint(self._type_name, tokens, self._options))


@asynccontextmanager
async def _running(type_name: str, tokens: str, options: str) -> AsyncIterator[RunningFront]:
    async with running_bridge(_with_endpoint(type_name, tokens, options)) as bridge:
        yield _RunningEndpoint(bridge, type_name, options)


def _with_endpoint(type_name: str, tokens: str, options: str) -> str:
    endpoint = f'[endpoint.web]\ntype = "{type_name}"\nlisten = "{LOOPBACK}:0"\n{options}\n'
    return f"[bridge.osc]\nlisten = 'udp://{LOOPBACK}:0'\n{endpoint}{tokens}"


class WebSocketFront(Front):
    """A WebSocket endpoint; a program sends its token in the header ``Authorization``."""

    name = "web"
    handshake_timeout = OPEN_TIMEOUT
    few_connections = "max_handshakes = 40"

    def run(self, tokens: str, options: str = "") -> AbstractAsyncContextManager[RunningFront]:
        return _running("websocket", tokens, options)

    async def _attempt(self, attempt: Attempt) -> Answer:
        sent, subprotocols = self._request(attempt.token)
        try:
            async with connect(
                f"ws://{LOOPBACK}:{attempt.port}/?{attempt.query}",
                additional_headers={**sent, **attempt.headers},
                subprotocols=subprotocols,  # type: ignore[arg-type]
                local_addr=(attempt.source, 0),
                compression=None,
                proxy=None,
                close_timeout=1,
            ) as client:
                received = str(client.response.headers) if client.response else ""
                try:
                    await (await client.ping())
                except ConnectionClosed:
                    return self._closed(client.close_code or 0, client.close_reason or "", received)
                return Answer(200, text=received)
        except InvalidStatus as error:
            response = error.response
            retry_after = int(response.headers.get("Retry-After", 0))
            body = (response.body or b"").decode()
            return Answer(response.status_code, retry_after, f"{response.headers}{body}")

    def _request(self, token: str | None) -> tuple[Mapping[str, str], Sequence[str] | None]:
        return {} if token is None else {"Authorization": f"Bearer {token}"}, None

    def _closed(self, code: int, reason: str, received: str) -> Answer:
        """The answer to a page: close codes are statuses plus 4000."""
        words = reason.split()
        retry_after = int(words[-2]) if "retry in" in reason else 0
        return Answer(code - 4_000, retry_after, received + reason)


class WebSocketPageFront(WebSocketFront):
    """A WebSocket endpoint; a page sends its token as a subprotocol."""

    def _request(self, token: str | None) -> tuple[Mapping[str, str], Sequence[str] | None]:
        return {}, ["osc.json"] + ([] if token is None else [f"osc.token.{quote(token, safe='')}"])


class _RunningHTTP:
    def __init__(
        self, tokens: str, options: str, log: Sequence[str], sites: Mapping[str, str]
    ) -> None:
        self._tokens = tokens
        self._options = options
        self.log = log
        app = App(self._read(), Plugins())
        self.service = Service(app, self._read, "show.toml", sites=sites)

    def _read(self) -> Configuration:
        table = f'[http]\nlisten = "{LOOPBACK}:0"\n{self._options}\n'
        bridge = f'[bridge.osc]\nlisten = "udp://{LOOPBACK}:0"\n'
        return parse(f"{bridge}{table}{self._tokens}", Plugins().endpoint_types, "show.toml")

    @property
    def port(self) -> int:
        return int(self.service.http_address.rpartition(":")[2])

    @property
    def refusals(self) -> int:
        return self.service.http.refused

    def shown(self) -> str:
        counters = HTTPCounters({}, {}, 0, self.refusals)
        metrics = Metrics(self._status, lambda: counters, Reloads)
        return f"{self._status()!r}\n{metrics.render('')[0].decode()}"

    def _status(self) -> Status:
        return read_status(self.service.app)

    async def reload(self, tokens: str) -> None:
        self._tokens = tokens
        await self.service.reload()


class TokenHTTPFront(Front):
    """``[http]``, at a path that asks for a token; with access it is not found."""

    name = "http"
    handshake_timeout = HTTPLimits().request_timeout
    few_connections = ""
    path = "/nothing"
    sites: ClassVar[Mapping[str, str]] = {}
    """The pages of plugins, by name."""

    @asynccontextmanager
    async def run(self, tokens: str, options: str = "") -> AsyncIterator[RunningFront]:
        with recorded_log() as log:
            running = _RunningHTTP(tokens, options, log, self.sites)
            await running.service.start()
            try:
                yield running
            finally:
                await running.service.stop()

    async def _attempt(self, attempt: Attempt) -> Answer:
        fields = {"Host": LOOPBACK, "Connection": "close", **attempt.headers}
        if attempt.token is not None:
            fields["Authorization"] = f"Bearer {attempt.token}"
        request = f"GET {self.path}?{attempt.query} HTTP/1.1"
        lines = [request, *(f"{key}: {fields[key]}" for key in fields)]
        reader, writer = await asyncio.open_connection(
            LOOPBACK, attempt.port, local_addr=(attempt.source, 0)
        )
        try:
            writer.write("\r\n".join([*lines, "", ""]).encode())
            text = (await reader.read()).decode()
        finally:
            writer.close()
        status = int(text.split()[1])
        found = re.search(r"^Retry-After: (\d+)", text, re.MULTILINE)
        return Answer(200 if status == 404 else status, int(found[1]) if found else 0, text)


class ControlRoomFront(TokenHTTPFront):
    """The WebSocket of the control room: a page sends its token in its first message."""

    handshake_timeout = HELLO_TIMEOUT
    sites: ClassVar[Mapping[str, str]] = {"ui": "oscbridge_ui.site:ControlRoom"}

    async def _attempt(self, attempt: Attempt) -> Answer:
        try:
            async with connect(
                f"ws://{LOOPBACK}:{attempt.port}/ui?{attempt.query}",
                subprotocols=[Subprotocol(SUBPROTOCOL)],
                additional_headers=attempt.headers,
                local_addr=(attempt.source, 0),
                compression=None,
                proxy=None,
                close_timeout=1,
            ) as client:
                await client.send(json.dumps({"type": "hello", "token": attempt.token or ""}))
                text = str(await client.recv())
        except InvalidStatus as error:
            return Answer(error.response.status_code, text=str(error.response.headers))
        return _answer_in(json.loads(text), text)


def _answer_in(message: Mapping[str, Any], text: str) -> Answer:
    """The answer as a status, by the reason: a page shows that."""
    if message["type"] == "welcome":
        return Answer(200, text=text)
    retry_after = message["retry_after"]
    if "token in the URL" in message["reason"]:
        return Answer(400, text=text)
    return Answer(429 if retry_after else 401, retry_after, text)


class WebhookFront(TokenHTTPFront):
    """A webhook endpoint, asked for a value that it does not have."""

    name = "web"
    path = "/api/v1/values/nothing"

    def run(self, tokens: str, options: str = "") -> AbstractAsyncContextManager[RunningFront]:
        return _running("webhook", tokens, options)


class OSCQueryFront(TokenHTTPFront):
    """An OSCQuery server, asked for a node that it does not have."""

    name = "web"

    def run(self, tokens: str, options: str = "") -> AbstractAsyncContextManager[RunningFront]:
        return _running("oscquery", tokens, options)


class OSCQueryWebSocketFront(WebSocketFront):
    """The WebSocket of an OSCQuery server."""

    handshake_timeout = HTTPLimits().request_timeout
    few_connections = "max_connections = 40"

    def run(self, tokens: str, options: str = "") -> AbstractAsyncContextManager[RunningFront]:
        return _running("oscquery", tokens, options)


FRONTS: Final[Mapping[str, Front]] = {
    "websocket": WebSocketFront(),
    "websocket page": WebSocketPageFront(),
    "http": TokenHTTPFront(),
    "webhook": WebhookFront(),
    "oscquery": OSCQueryFront(),
    "oscquery websocket": OSCQueryWebSocketFront(),
    "control room": ControlRoomFront(),
}
"""Every front with every way to send a token, by the name of the test's parameter."""
