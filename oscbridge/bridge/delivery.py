"""The bridge's side of one endpoint: outbox, delivery, counting, and what comes from it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections import Counter
from collections.abc import Coroutine
from typing import Final

from oscbridge.bridge.endpoint import Endpoint
from oscbridge.bridge.outbox import Outbox
from oscbridge.dispatcher import Dispatcher
from oscbridge.due_timer import DueTimer
from oscbridge.errors import BackOff, BadMessage, DecodeError, EndpointError
from oscbridge.handler import ClientAddress
from oscbridge.osc import Message
from oscbridge.report import Reporter

__all__ = ["Delivery"]

CONNECT_TIMEOUT: Final = 10.0
DRAIN_TIMEOUT: Final = 0.5
CANCEL_TIMEOUT: Final = 0.2
CLOSE_TIMEOUT: Final = 0.6
"""Seconds for each phase of an endpoint's life. The last three are what a stop may take."""

_log: Final = logging.getLogger(__name__)


class Delivery:
    """Runs one endpoint. It is the endpoint's host, and the sink that routes see."""

    def __init__(self, endpoint: Endpoint, type_name: str, *, routed: bool) -> None:
        self.endpoint = endpoint
        self.name = endpoint.name
        self.type = type_name
        self.routed = routed
        self.dispatcher = Dispatcher(name=endpoint.name)
        """The routes that read from this endpoint."""
        self.sent = 0
        self.refusals = 0
        self.drops: Counter[str] = Counter()
        self._counting = threading.Lock()
        self._opened = False
        self._pending = 0
        self._outbox: Outbox | None = None
        self._task: asyncio.Task[None] | None = None
        self._due: DueTimer | None = None
        self._reporter = Reporter(endpoint.log)
        endpoint.attach(self)

    # --- as routes see it: a sink ------------------------------------------------------------

    def offer(self, message: Message) -> None:
        """Take a message for delivery. From any thread; never blocks, never raises."""
        outbox = self._outbox  # another thread may take it away
        if outbox is None:
            self.dropped("closed", 1)
        else:
            outbox.put(message)

    # --- as the endpoint sees it: its host ---------------------------------------------------

    def receive(self, message: Message, peer: ClientAddress) -> None:
        """Put a message into the routes."""
        self.dispatcher.dispatch_message(message, peer, _no_reply)

    def receive_packet(self, data: bytes, peer: ClientAddress) -> None:
        """Put an encoded packet into the routes."""
        self.dispatcher.dispatch(data, peer, _no_reply)

    def bad_input(self, error: DecodeError, peer: ClientAddress) -> None:
        """Count and report what a peer sent and what is no message."""
        self.dispatcher.report_bad(error, peer)

    def refused(self, text: str) -> None:
        """Count and report somebody who is not let in."""
        self.refusals += 1
        self._reporter.report("refused", f"refused {text}")

    def dropped(self, reason: str, count: int) -> None:
        """Count and report messages that will not be delivered. From any thread."""
        self._count(reason, count)
        self._reporter.report(reason, f"{_messages(count)} lost: {_WHY.get(reason, reason)}")

    def _count(self, reason: str, count: int) -> None:
        with self._counting:
            self.drops[reason] += count

    # --- its life ----------------------------------------------------------------------------

    async def start(self) -> None:
        """Connect, then deliver until :meth:`stop`. Raises what ``connect`` raises."""
        self._opened = True
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await self.endpoint.connect()
        except TimeoutError:
            raise EndpointError(f"no connection within {CONNECT_TIMEOUT:g} s") from None
        loop = asyncio.get_running_loop()
        self._due = DueTimer(self.dispatcher.scheduler, loop)
        self._outbox = Outbox(self.endpoint.outbox_size, loop, self.dropped)
        if self.endpoint.is_sink():
            self._task = loop.create_task(self._deliver(self._outbox), name=f"deliver {self.name}")

    async def stop(self) -> None:
        """Deliver what waits, within a time-out, then close what was opened."""
        if not self._opened:
            return
        self._opened = False
        outbox, self._outbox = self._outbox, None
        if self._task is not None and outbox is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(DRAIN_TIMEOUT):
                    await outbox.join()
            self._task.cancel()
            await asyncio.wait([self._task], timeout=CANCEL_TIMEOUT)
            left = outbox.close() + self._pending
            if left:
                self.dropped("stopped", left)
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self.endpoint.close()
        except Exception as error:
            self.endpoint.log.warning("did not close cleanly: %r", error)
        if self._due is not None:
            self._due.close()

    async def _deliver(self, outbox: Outbox) -> None:
        by_batch = type(self.endpoint).send_batch is not Endpoint.send_batch
        while True:
            batch = await outbox.take()
            self._pending = len(batch)
            if by_batch:
                await self._send(self.endpoint.send_batch(batch), len(batch))
            else:
                for message in batch:
                    await self._send(self.endpoint.send(message), 1)

    async def _send(self, sending: Coroutine[object, object, None], count: int) -> None:
        try:
            await sending
        except BadMessage as error:
            self._lost("bad", count, error)
        except BackOff as error:
            self._lost("back_off", count, error)
            await asyncio.sleep(error.seconds)
        except Exception as error:
            self._lost("error", count, error)
        else:
            self.sent += count
            self._pending -= count

    def _lost(self, reason: str, count: int, error: Exception) -> None:
        self._pending -= count
        self._count(reason, count)
        self._reporter.report(
            reason,
            f"{_messages(count)} lost: {str(error) or repr(error)}",
            level=logging.ERROR,
            error=None if isinstance(error, EndpointError) else error,
        )


_WHY: Final = {
    "full": "they come faster than they can be delivered",
    "closed": "the endpoint is not open",
    "stopped": "there was no time left to deliver them",
}
"""The bridge's own reasons to drop messages, in words."""


def _messages(count: int) -> str:
    return "1 message" if count == 1 else f"{count} messages"


def _no_reply(client_address: ClientAddress, result: object) -> None:
    """What a route's function returns has no place to go."""
