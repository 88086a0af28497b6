"""One connected page: its access, its topics and its commands."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from http import HTTPStatus
from typing import Final

from aiohttp import WSMsgType, web
from pydantic import BaseModel, ValidationError

from oscbridge import AccessDenied, AccessGrant, AccessRights, Right, TokenBucket
from oscbridge.monitoring import Operations, SiteAccess
from oscbridge_ui.client_messages import (
    CLIENT_MESSAGES,
    ClientMessage,
    Hello,
    Unwatch,
    WatchLog,
    WatchNow,
    WatchValues,
)
from oscbridge_ui.command_runner import Command, CommandRunner
from oscbridge_ui.encoding import encoded
from oscbridge_ui.feeds import Feeds
from oscbridge_ui.log_feed import LogTopic
from oscbridge_ui.parts import process_of
from oscbridge_ui.protocol_base import MAX_RATE, SUBPROTOCOL
from oscbridge_ui.scope import PageScope
from oscbridge_ui.server_messages import Denied, Refused, Welcome
from oscbridge_ui.status_feed import NowTopic, PulseTopic
from oscbridge_ui.topic import Topic
from oscbridge_ui.values_feed import ValuesTopic

__all__ = ["Connected"]

MAX_MESSAGE: Final = 65_536
"""Bytes of a message from a page."""

HELLO_TIMEOUT: Final = 5.0
"""Seconds for the first message."""

HEARTBEAT: Final = 15.0
"""Seconds between pings; a page that does not answer is closed."""

WATCHES: Final = 60.0
"""Messages per second that are no commands, on average over a second; a page that sends more
waits."""

MAX_ANSWERS: Final = 1_000
"""Answers that wait to be sent."""

CLOSE_TIMEOUT: Final = 1.0
"""Seconds for a page to confirm that the connection is closed."""

_NOTHING: Final = AccessGrant(None, AccessRights.of(()))
_MISSING: Final = AccessDenied(HTTPStatus.UNAUTHORIZED, "a token is needed")

DENIED: Final = 4401
"""The close code of a connection without access."""
INVALID: Final = 4400
"""The close code after a message that is not valid."""


class Connected:
    """A connection, from its upgrade to its end."""

    def __init__(
        self,
        request: web.Request,
        operations: Operations,
        access: SiteAccess,
        feeds: Feeds,
        log: logging.Logger,
    ) -> None:
        self._request = request
        self._operations = operations
        self._access = access
        self._feeds = feeds
        self._log = log
        self._socket = web.WebSocketResponse(
            protocols=(SUBPROTOCOL,),
            heartbeat=HEARTBEAT,
            max_msg_size=MAX_MESSAGE,
            timeout=CLOSE_TIMEOUT,
            compress=False,
        )
        self._grant: AccessGrant | None = None
        self._scope = PageScope(_NOTHING)
        self._topics: dict[str, Topic] = {}
        self._answers: deque[BaseModel] = deque(maxlen=MAX_ANSWERS)
        self._wake = asyncio.Event()
        self._watches = TokenBucket(WATCHES, WATCHES, time.monotonic)
        self._runner = CommandRunner(operations, feeds, self._answer)
        self._denying: asyncio.Task[None] | None = None

    @property
    def has_access(self) -> bool:
        """Whether it has said hello with a valid token, or needs none."""
        return self._grant is not None

    async def serve(self) -> web.StreamResponse:
        """Serve until the page or the bridge closes the connection."""
        await self._socket.prepare(self._request)
        if self._socket.ws_protocol != SUBPROTOCOL:
            text = f"expected the subprotocol {SUBPROTOCOL}"
            await self._socket.close(code=INVALID, message=text.encode())
            return self._socket
        if not await self._greet():
            return self._socket
        self._feeds.values.open()
        try:
            await self._serve()
        finally:
            self._end_all()
            self._feeds.values.release()
        return self._socket

    async def _serve(self) -> None:
        if self._grant is not None:
            await self._send(self._welcome(self._grant))
        if self._grant is not None:  # a reload may have changed or ended it meanwhile
            self._use(self._grant)
        sending = asyncio.create_task(self._send_all())
        try:
            await self._receive_all()
        finally:
            for task in (sending, self._denying, *self._runner.running):
                if task is not None:
                    task.cancel()
            await asyncio.wait([sending])

    async def close(self) -> None:
        """Close the connection, as the server stops."""
        await self._socket.close(code=1012, message=b"the bridge stops")

    def abort(self) -> None:
        """End the connection at once."""
        if self._request.transport is not None:
            self._request.transport.abort()

    def access_changed(self) -> None:
        """Renew the access; close the connection if it has lost some."""
        if self._grant is None:
            return
        found = self._access.renew(self._request, self._grant)
        if isinstance(found, AccessDenied):
            self._grant = None  # meanwhile it can do nothing more
            self._end_all()
            self._denying = asyncio.create_task(self._deny(found))
        elif found != self._grant:
            self._use(found)
            self._answer(self._welcome(found))

    def _use(self, grant: AccessGrant) -> None:
        """Show from now on what this grant allows."""
        self._grant = grant
        self._scope = scope = PageScope(grant)
        self._watch("pulse", PulseTopic(self._feeds.status, scope, self._wake.set))
        if "now" in self._topics:
            self._watch("now", NowTopic(self._feeds.status, scope, self._wake.set))
        if scope.is_limited:
            self._end("log")
        topic = self._topics.get("values")
        if isinstance(topic, ValuesTopic):
            topic.use_scope(scope)

    # --- access -------------------------------------------------------------------------------

    async def _greet(self) -> bool:
        """Read the first message. Returns whether the page has access."""
        try:
            async with asyncio.timeout(HELLO_TIMEOUT):
                hello = await self._next()
        except TimeoutError:
            hello = None
        if not isinstance(hello, Hello):
            await self._socket.close(code=INVALID, message=b"expected a message of type 'hello'")
            return False
        found = self._access.without_token(self._request)
        if found is None and not hello.token:
            found = _MISSING
        elif found is None:
            found = await self._access.check(self._request, hello.token)
        denied = found if isinstance(found, AccessDenied) else found.without("listen")
        if denied is not None:
            await self._deny(denied, another_helps=isinstance(found, AccessGrant))
            return False
        assert isinstance(found, AccessGrant)
        self._grant = found
        return True

    async def _deny(self, denied: AccessDenied, *, another_helps: bool = False) -> None:
        needed = another_helps or denied.status in (401, 429)
        await self._send(
            Denied(reason=denied.reason, token_needed=needed, retry_after=denied.retry_after)
        )
        await self._socket.close(code=DENIED, message=denied.reason.encode()[:120])

    def _welcome(self, grant: AccessGrant) -> Welcome:
        process = process_of(self._operations)
        is_limited = PageScope(grant).is_limited
        if is_limited:
            process = process.model_copy(update={"configuration": "", "pid": 0, "addresses": ()})
        order: tuple[Right, ...] = ("listen", "send", "configure")
        rights = tuple(each for each in order if each in grant.rights.rights)
        return Welcome(rights=rights, limited=is_limited, process=process, time=time.time())

    # --- from the page ------------------------------------------------------------------------

    async def _receive_all(self) -> None:
        while (message := await self._next()) is not None:
            if self._grant is None:  # it is being closed
                continue
            if isinstance(message, Command):
                self._runner.start(message, self._grant, self._scope)
                continue
            if wait := self._watches.take(1):
                await asyncio.sleep(wait)
            match message:
                case WatchNow():
                    self._watch_now(message)
                case WatchLog() if self._scope.is_limited:
                    text = "this token is limited to some addresses or endpoints"
                    self._answer(Refused(topic="log", reason=text))
                case WatchLog():
                    events = self._operations.events
                    self._watch("log", LogTopic(events, self._wake.set, message.after))
                case WatchValues():
                    self._watch_values(message)
                case Unwatch():
                    self._end(message.topic)

    def _watch_now(self, message: WatchNow) -> None:
        topic = self._topics.get("now")
        if not isinstance(topic, NowTopic) or not message.part:
            topic = NowTopic(self._feeds.status, self._scope, self._wake.set)
            self._watch("now", topic)
        topic.show(message.part)

    def _watch(self, name: str, topic: Topic) -> None:
        self._end(name)
        self._topics[name] = topic
        self._wake.set()

    def _watch_values(self, message: WatchValues) -> None:
        topic = self._topics.get("values")
        if isinstance(topic, ValuesTopic):
            topic.watch(message)
        else:
            topic = ValuesTopic(self._feeds.values, self._scope, self._wake.set)
            self._topics["values"] = topic
            topic.watch(message)
        self._wake.set()

    def _end(self, name: str) -> None:
        if (topic := self._topics.pop(name, None)) is not None:
            topic.close()

    def _end_all(self) -> None:
        for name in tuple(self._topics):
            self._end(name)

    async def _next(self) -> ClientMessage | None:
        """The next message; None at the end. An invalid one ends the connection."""
        received = await self._socket.receive()
        if received.type != WSMsgType.TEXT:
            if received.type == WSMsgType.BINARY:
                await self._socket.close(code=INVALID, message=b"expected text")
            return None
        try:
            return CLIENT_MESSAGES.validate_json(received.data)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"]))
            text = f"{where}: {first['msg']}"
            await self._socket.close(code=INVALID, message=text.encode()[:120])
            return None

    # --- to the page --------------------------------------------------------------------------

    def _answer(self, answer: BaseModel) -> None:
        self._answers.append(answer)
        self._wake.set()

    async def _send_all(self) -> None:
        """Send answers and new facts in the topics, as fast as the page reads."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                began = loop.time()
                while self._answers:
                    await self._send(self._answers.popleft())
                for topic in tuple(self._topics.values()):
                    if (found := topic.take()) is not None:
                        await self._send(found)
                await asyncio.sleep(max(0.0, began + 1 / MAX_RATE - loop.time()))
        except (ConnectionError, RuntimeError):  # the page is gone
            pass
        except asyncio.CancelledError:
            pass
        except Exception as error:
            self._log.exception("control room: a page was closed by %r", error)
            await self._socket.close(code=1011)

    async def _send(self, message: BaseModel) -> None:
        await self._socket.send_str(encoded(message))
