"""The bridge's side of one endpoint: outbox, delivery, counting, and what comes from it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Coroutine
from typing import Final

from oscbridge.bridge.endpoint import Endpoint
from oscbridge.bridge.outbox import Outbox
from oscbridge.dispatcher import Dispatcher
from oscbridge.errors import BackOff, BadMessage, DecodeError, EndpointError
from oscbridge.handler import ClientAddress
from oscbridge.osc import Message
from oscbridge.report import Reporter

__all__ = ["Delivery"]

CONNECT_TIMEOUT: Final = 10.0
CLOSE_TIMEOUT: Final = 1.0
DRAIN_TIMEOUT: Final = 0.5
"""Seconds for each phase of an endpoint's life."""

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
        self._outbox: Outbox | None = None
        self._task: asyncio.Task[None] | None = None
        self._reporter = Reporter(endpoint.log)
        endpoint.attach(self)

    # --- as routes see it: a sink ------------------------------------------------------------

    def offer(self, message: Message) -> None:
        """Take a message for delivery. From any thread; never blocks, never raises."""
        if self._outbox is None:
            self.dropped("closed", 1)
        else:
            self._outbox.put(message)

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
        """Count messages that will not be delivered."""
        self.drops[reason] += count

    # --- its life ----------------------------------------------------------------------------

    async def start(self) -> None:
        """Connect, then deliver until :meth:`stop`. Raises what ``connect`` raises."""
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await self.endpoint.connect()
        except TimeoutError:
            raise EndpointError(f"no connection within {CONNECT_TIMEOUT:g} s") from None
        loop = asyncio.get_running_loop()
        self._outbox = Outbox(
            self.endpoint.outbox_size, loop, lambda count: self.dropped("full", count)
        )
        if self.endpoint.is_sink():
            self._task = loop.create_task(self._deliver(self._outbox), name=f"deliver {self.name}")

    async def stop(self) -> None:
        """Deliver what waits, within a time-out, then close."""
        outbox, self._outbox = self._outbox, None
        if self._task is not None and outbox is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(DRAIN_TIMEOUT):
                    await outbox.join()
            self._task.cancel()
            await asyncio.wait([self._task], timeout=CLOSE_TIMEOUT)
            left = outbox.clear()
            if left:
                self.dropped("stopped", left)
                self.endpoint.log.warning("%d messages could not be delivered", left)
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self.endpoint.close()
        except Exception as error:
            self.endpoint.log.warning("did not close cleanly: %r", error)

    async def _deliver(self, outbox: Outbox) -> None:
        by_batch = type(self.endpoint).send_batch is not Endpoint.send_batch
        while True:
            batch = await outbox.take()
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

    def _lost(self, reason: str, count: int, error: Exception) -> None:
        self.dropped(reason, count)
        self._reporter.report(
            reason,
            f"{count} messages lost: {error}",
            level=logging.ERROR,
            error=None if isinstance(error, EndpointError) else error,
        )


def _no_reply(client_address: ClientAddress, result: object) -> None:
    """What a route's function returns has no place to go."""
