"""The host of an endpoint under check."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any

from oscbridge.bridge.sinks.background_tasks import BackgroundTasks
from oscbridge.bridge.sinks.host import EndpointHost
from oscbridge.contract.endpoint import AnyEndpoint
from oscbridge.errors import EndpointError
from oscbridge.net.socket_address import ClientAddress
from oscbridge.osc import Message
from oscbridge.testing.conformance.places import calling_place
from oscbridge.testing.conformance.suspensions import Suspensions

__all__ = ["CheckedHost"]


class CheckedHost(EndpointHost):
    """Does what the bridge does for an endpoint, without routes, and records what it reports."""

    is_dry = False

    def __init__(self, endpoint: AnyEndpoint, prefix: str) -> None:
        super().__init__(endpoint)
        self.lost: list[Exception] = []
        """Losses that the endpoint reported, and deaths of its tasks."""
        self.cancel_at: int | None = None
        """Cancel each task of the endpoint when it waits for this time; None for never."""
        self.cancelled: list[Suspensions] = []
        """The tasks that :attr:`cancel_at` is about."""
        self.wrong_thread = ""
        """Calls on another thread than that of the loop, with their places."""
        self._thread = threading.get_ident()
        self._prefix = prefix
        self._tasks = BackgroundTasks(self.name, self._log, self._died)

    def receive(self, message: Message, peer: ClientAddress) -> None:
        """Take a message of the peer."""
        self._check_thread("receive")
        super().receive(message, peer)

    def receive_packet(self, data: bytes, peer: ClientAddress) -> None:
        """Take a packet of the peer."""
        self._check_thread("receive_packet")
        super().receive_packet(data, peer)

    def takes(self, address: str) -> bool:
        """Whether a route reads this address: it has no routes, and takes everything."""
        return True

    def _check_thread(self, what: str) -> None:
        thread = threading.current_thread()
        if thread.ident != self._thread and not self.wrong_thread:
            place = calling_place(self._prefix)
            self.wrong_thread = f"{what} is called on the thread {thread.name!r} ({place})"

    @property
    def incoming(self) -> int:
        """Messages and bad packets that the endpoint has received."""
        statistics = self.dispatcher.statistics
        return statistics.messages + sum(statistics.bad.values())

    def cancel_tasks(self) -> None:
        """Cancel the endpoint's tasks, as the bridge does before it closes an endpoint."""
        self._tasks.cancel()

    def connection_lost(self, error: Exception) -> None:
        """Reconnect; recorded here."""
        self.lost.append(error)

    def unreachable(self, text: str) -> None:
        """Show the endpoint as not connected; recorded here."""
        self.lost.append(EndpointError(text))

    def reachable(self) -> None:
        """The peer can be reached again."""

    def last_values(self) -> list[Message]:
        """None: nothing was sent."""
        return []

    def start_task(self, coroutine: Coroutine[object, object, None]) -> asyncio.Task[None]:
        """Run a coroutine until the connection closes."""
        if self.cancel_at is None:
            return self._tasks.start(coroutine)
        holder: list[asyncio.Task[None]] = []
        loop = asyncio.get_running_loop()
        steps = Suspensions(
            coroutine,
            self.cancel_at,
            self._prefix,
            act=lambda: loop.call_soon(holder[0].cancel),
        )
        self.cancelled.append(steps)
        holder.append(self._tasks.start(_run(steps)))
        return holder[0]

    def _died(self, error: EndpointError) -> None:
        self.lost.append(error)


async def _run(steps: Any) -> None:
    await steps
