"""One connected page: its access, its topics and its commands."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from aiohttp import web
from pydantic import BaseModel

from oscbridge import AccessDenied, AccessGrant, OSCBridgeError, TokenBucket
from oscbridge.monitoring import Operations, SiteAccess
from oscbridge_ui.client_messages import Mute, ReloadConfiguration, SendMessage, SetVariable
from oscbridge_ui.commands import run_command
from oscbridge_ui.encoding import encoded
from oscbridge_ui.feeds import Feeds
from oscbridge_ui.greeting import FULL, read_access
from oscbridge_ui.held_buttons import HeldButtons
from oscbridge_ui.message_reader import INVALID, MAX_MESSAGE, MessageReader
from oscbridge_ui.page_view import PageHandle
from oscbridge_ui.page_views import PageViews
from oscbridge_ui.parts import process_of
from oscbridge_ui.protocol_base import MAX_RATE, SUBPROTOCOL
from oscbridge_ui.server_messages import Answer, Denied, Welcome
from oscbridge_ui.steady_time import steady_time
from oscbridge_ui.topic import Topic
from oscbridge_ui.value_store import ValueStore
from oscbridge_ui.visibility import LIMITED, is_limited, rights_of, views_of

__all__ = ["Connected"]

HEARTBEAT: Final = 15.0
"""Seconds between pings; a page that does not answer is closed."""

COMMANDS: Final = 120.0
"""Commands per second, on average over a second: a hand on a fader."""

MAX_ANSWERS: Final = 1_000
"""Answers that wait to be sent."""

CLOSE_TIMEOUT: Final = 1.0
"""Seconds for a page to confirm that the connection is closed."""

DENIED: Final = 4401
"""The close code of a connection without access."""


class Connected:
    """A connection, from its upgrade to its end."""

    def __init__(
        self,
        request: web.Request,
        operations: Operations,
        access: SiteAccess,
        feeds: Feeds,
        log: logging.Logger,
        has_room: Callable[[], bool],
    ) -> None:
        """``has_room`` says whether a further page may have access."""
        self._has_room = has_room
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
        self._reader = MessageReader(self._socket, self._may_configure)
        self._held = HeldButtons(operations)
        self._grant: AccessGrant | None = None
        self._values: ValueStore | None = None
        """The values that its access shows; they are watched as long as the page is open: its
        faders must be where the devices have them when it comes back to a view."""
        self._topics: dict[str, Topic] = {}
        self._answers: deque[BaseModel] = deque(maxlen=MAX_ANSWERS)
        self._wake = asyncio.Event()
        self._bucket = TokenBucket(COMMANDS, COMMANDS, time.monotonic)
        self._commands: set[asyncio.Task[None]] = set()
        self._views = PageViews(self._handle(), feeds)

    @property
    def has_access(self) -> bool:
        """Whether it has said hello with a valid token, or needs none."""
        return self._grant is not None

    def _handle(self) -> PageHandle:
        return PageHandle(
            grant=lambda: self._grant,
            answer=self._answer,
            watch=self._watch,
            end=self._end,
            topic=self._topics.get,
            values=self._shown_values,
            wake=self._wake.set,
        )

    def _shown_values(self) -> ValueStore:
        assert self._values is not None, "a page without access shows no values"
        return self._values

    def _may_configure(self) -> bool:
        return self._grant is not None and self._grant.without("configure") is None

    async def serve(self) -> web.StreamResponse:
        """Serve until the page or the bridge closes the connection."""
        await self._socket.prepare(self._request)
        if self._socket.ws_protocol != SUBPROTOCOL:
            text = f"expected the subprotocol {SUBPROTOCOL}"
            await self._socket.close(code=INVALID, message=text.encode())
            return self._socket
        if not await self._greet():
            return self._socket
        try:
            await self._serve()
        finally:
            self._held.release()
            self._end_all()
            self._views.close()
            if self._values is not None:
                self._values.release()
        return self._socket

    async def _serve(self) -> None:
        await self._send(self._welcome())
        if self._grant is not None:  # a reload may have ended it meanwhile
            self._views.access_changed(self._grant)
        sending = asyncio.create_task(self._send_all())
        try:
            await self._receive_all()
        finally:
            for task in (sending, *self._commands):
                task.cancel()
            await asyncio.wait([sending])

    async def close(self) -> None:
        """Close the connection, as the server stops."""
        await self._socket.close(code=1012, message=b"the bridge stops")

    def access_changed(self) -> None:
        """Renew the access; close the connection if it has lost some."""
        if self._grant is None:
            return
        found = self._access.renew(self._request, self._grant)
        if isinstance(found, AccessDenied):
            self._grant = None  # meanwhile it can do nothing more
            self._held.release()
            self._end_all()
            self._commands.add(asyncio.create_task(self._deny(found)))
        elif found != self._grant:
            self._use(found)
            self._views.access_changed(found)
            self._answer(self._welcome())

    # --- access -------------------------------------------------------------------------------

    async def _greet(self) -> bool:
        """Read the first message and answer it. Returns whether the page has access."""
        found = await read_access(self._request, self._access, self._reader.next)
        if found is None:
            await self._socket.close(code=INVALID, message=b"expected a message of type 'hello'")
            return False
        denied = found if isinstance(found, AccessDenied) else found.without("listen")
        if denied is not None:
            await self._deny(denied, another_helps=isinstance(found, AccessGrant))
            return False
        if not self._has_room():
            await self._deny(FULL)
            return False
        assert isinstance(found, AccessGrant)
        self._use(found)
        return True

    def _use(self, grant: AccessGrant) -> None:
        """The page has this access now."""
        before, self._values = self._values, self._feeds.values_for(grant)
        self._values.open()
        if before is not None:
            before.release()
        self._grant = grant

    async def _deny(self, denied: AccessDenied, *, another_helps: bool = False) -> None:
        needed = another_helps or denied.status in (401, 429)
        await self._send(
            Denied(reason=denied.reason, token_needed=needed, retry_after=denied.retry_after)
        )
        await self._socket.close(code=DENIED, message=denied.reason.encode()[:120])

    def _welcome(self) -> Welcome:
        assert self._grant is not None
        process = process_of(self._operations)
        if is_limited(self._grant):
            process = process.model_copy(update={"configuration": "", "pid": 0, "addresses": ()})
        return Welcome(
            rights=rights_of(self._grant),
            views=views_of(self._grant),
            process=process,
            time=steady_time(),
        )

    # --- from the page ------------------------------------------------------------------------

    async def _receive_all(self) -> None:
        while (message := await self._reader.next()) is not None:
            if self._grant is None:  # it is being closed
                continue
            if isinstance(message, Mute | ReloadConfiguration | SetVariable | SendMessage):
                self._start(message)
            else:
                await self._views.take(message)

    def _watch(self, name: str, topic: Topic) -> None:
        self._end(name)
        if self._grant is None or self._socket.closed:  # it has lost its access meanwhile
            topic.close()
            return
        self._topics[name] = topic
        self._wake.set()

    def _end(self, name: str) -> None:
        if (topic := self._topics.pop(name, None)) is not None:
            topic.close()

    def _end_all(self) -> None:
        for name in tuple(self._topics):
            self._end(name)

    # --- commands -----------------------------------------------------------------------------

    def _start(self, message: Mute | ReloadConfiguration | SetVariable | SendMessage) -> None:
        if not self._bucket.try_take():
            text = f"too many commands: at most {COMMANDS:g} per second"
            self._answer(Answer(id=message.id, error=text, text=""))
            return
        assert self._grant is not None
        if isinstance(message, ReloadConfiguration):
            denied = self._grant.without("configure")
            error = LIMITED if is_limited(self._grant) else denied and denied.reason
            if error or self._commands:
                error = error or "a reload is running already"
                self._answer(Answer(id=message.id, error=error, text=""))
                return
            task = asyncio.create_task(self._run(message, self._feeds.reload()))
            self._commands.add(task)
            task.add_done_callback(self._commands.discard)
            return
        try:  # in order: a fader that is moved
            text, error = run_command(message, self._operations, self._grant), ""
            if isinstance(message, SendMessage):
                self._held.sent(message, self._grant)
        except OSCBridgeError as found:
            text, error = "", str(found)
        self._answer(Answer(id=message.id, error=error, text=text))

    async def _run(self, message: ReloadConfiguration, reload: asyncio.Future[object]) -> None:
        try:
            text, error = str(await reload), ""
        except OSCBridgeError as found:
            text, error = "", str(found)
        self._answer(Answer(id=message.id, error=error, text=text))

    def _answer(self, answer: BaseModel) -> None:
        self._answers.append(answer)
        self._wake.set()

    # --- to the page --------------------------------------------------------------------------

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
