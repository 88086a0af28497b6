"""One TCP connection, served on an event loop."""

from __future__ import annotations

import asyncio
import inspect
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from typing import Final, cast

from oscbridge.dispatch.dispatcher import Dispatcher
from oscbridge.dispatch.replies import packet_for
from oscbridge.dispatch.statistics import name_of
from oscbridge.net.socket_address import ClientAddress
from oscbridge.net.tcp_socket import prepare_tcp_socket
from oscbridge.net.unsent import UnsentMessages
from oscbridge.osc.framing import stream_decoder
from oscbridge.server.connected_client import StreamWatcher
from oscbridge.server.connection_limits import StreamLimits
from oscbridge.server.served_connection import ServedConnection

__all__ = ["StreamProtocol"]

_UNKNOWN: Final[ClientAddress] = ("", 0)


class StreamProtocol(asyncio.Protocol):
    """Dispatches packets in order and sends the replies.

    While a coroutine handler is awaited, or the client does not read its replies, reading is
    paused. The protocol adds itself to ``connections`` and removes itself. It aborts a new
    connection if ``stopped`` is set, or if ``refusal`` returns a reason.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        mode: str,
        limits: StreamLimits,
        refusal: Callable[[ClientAddress], str],
        connections: set[ServedConnection],
        stopped: asyncio.Event,
    ) -> None:
        self._dispatcher = dispatcher
        self._dispatch = dispatcher.entry(awaits=True)
        self._limits = limits
        self._refusal = refusal
        self._connections = connections
        self._stopped = stopped
        self._framing = stream_decoder(mode, limits.max_packet_size)
        self._loop = asyncio.get_running_loop()
        self.watcher: StreamWatcher | None = None
        """Told when the client can be sent to, and when it has disconnected."""
        self._is_known = False  # to the watcher
        self._unsent = UnsentMessages()
        self._unwritten = 0
        """Packets that were offered while the connection was closing."""
        self.closed: asyncio.Future[None] = self._loop.create_future()
        """Done when the connection and its coroutine have ended."""
        self._packets: deque[bytes] = deque()
        self._coroutines: deque[Coroutine[object, object, object]] = deque()
        self._task: asyncio.Task[None] | None = None
        self.client = _UNKNOWN
        """The client's address, once it is connected."""
        self._transport: asyncio.Transport | None = None
        self._blocked = False
        self._paused = False
        self._ended = False  # no more reading
        self._counted = False  # whether its end was counted
        self._heard = self._loop.time()
        self._timers: dict[str, asyncio.TimerHandle] = {}

    # --- called by the transport -------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.client = transport.get_extra_info("peername") or _UNKNOWN
        if self._stopped.is_set():  # accepted just before
            self.abort()
            return
        reason = self._refusal(self.client)  # again: others may have connected in the meantime
        if reason:
            self.end(reason)
            return
        self._connections.add(self)
        prepare_tcp_socket(transport.get_extra_info("socket"))
        self._watch("idle_timeout", self._limits.idle_timeout)
        self._read_or_not()
        self._introduce()

    def data_received(self, data: bytes) -> None:
        self._heard = self._loop.time()
        framing = self._framing
        self._packets += framing.feed(data)
        self._introduce()
        if not framing.pending:
            self._unwatch("packet_timeout")
        elif self._packets or "packet_timeout" not in self._timers:
            self._watch("packet_timeout", self._limits.packet_timeout)
        self._process()
        if framing.error is not None:
            self._dispatcher.report_bad(framing.error, self.client)
            self._count(framing.error.reason)
            self._end_when_idle()

    def eof_received(self) -> bool:
        """The client sends no more, but may still receive replies."""
        self._report_cut()
        self._end_when_idle()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None and not self._ended:
            self._report_cut()
        if self._is_known and self.watcher is not None:
            self.watcher.disconnected(self, self._unsent.count() + self._unwritten)
        self._unsent.clear()
        self._transport = None
        self._connections.discard(self)
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._packets.clear()
        if self._task is None:
            self._closed()
        else:
            self._task.cancel()
            self._task.add_done_callback(self._closed)
        for coroutine in self._coroutines:
            coroutine.close()
        self._coroutines.clear()
        self._dispatcher.client_disconnected(self.client)

    def pause_writing(self) -> None:
        self._blocked = True
        self._watch("reply_timeout", self._limits.reply_timeout)
        self._read_or_not()

    def resume_writing(self) -> None:
        self._blocked = False
        self._unwatch("reply_timeout")
        self._process()
        self._read_or_not()

    # --- packets except replies ---------------------------------------------------------

    @property
    def framing(self) -> str:
        """The client's framing; empty until it is known."""
        return self._framing.mode or ""

    def offer(self, frames: Sequence[bytes]) -> None:
        """Send framed packets without waiting. On the event loop."""
        transport = self._transport
        if transport is None or not frames:
            return
        if transport.is_closing():
            self._unwritten += len(frames)
            return
        data = b"".join(frames)
        transport.write(data)
        self._unsent.wrote_to(transport, frames, len(data))
        if transport.get_write_buffer_size() > self._limits.max_reply_bytes:
            self.end("max_reply_bytes")

    def _introduce(self) -> None:
        """Report the client to the watcher once its framing is known."""
        if self.watcher is not None and not self._is_known and self._framing.mode is not None:
            self._is_known = True
            self.watcher.connected(self)

    # --- dispatching and replies --------------------------------------------------------------

    def end(self, reason: str) -> None:
        """Abort the connection, and count the reason."""
        if self._transport is not None:
            self._count(reason)
            self._transport.abort()

    def pause(self, on: bool) -> None:
        """Pause or resume reading."""
        self._paused = on
        self._process()
        self._read_or_not()

    def close(self) -> None:
        """Close the connection after the unsent replies."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Abort the connection."""
        if self._transport is not None:
            self._transport.abort()

    def _report_cut(self) -> None:
        """Count the packet that the end of the stream truncates."""
        error = self._framing.cut()
        if error is not None:
            self._dispatcher.report_bad(error, self.client)

    def _closed(self, _task: object = None) -> None:
        if not self.closed.done():
            self.closed.set_result(None)

    def _count(self, reason: str) -> None:
        if not self._counted:
            self._counted = True
            self._dispatcher.report_closed(reason, self.client)

    def _end_when_idle(self) -> None:
        """Stop reading, handle the received packets, then close."""
        self._ended = True
        self._unwatch("packet_timeout")
        self._read_or_not()

    @property
    def _busy(self) -> bool:
        return self._task is not None or self._blocked or self._paused

    def _process(self) -> None:
        packets, dispatch = self._packets, self._dispatch
        while packets and not self._busy:
            dispatch(packets.popleft(), self.client, self._reply)

    def _reply(self, client: ClientAddress, result: object) -> None:
        if inspect.iscoroutine(result):
            if self._transport is None:
                result.close()
                return
            self._coroutines.append(result)
            if self._task is None:
                self._task = self._loop.create_task(self._await_all())
                self._read_or_not()
        elif self._transport is not None and not self._transport.is_closing():
            packet = packet_for(self._dispatcher, client, result)
            if packet is not None:
                self._transport.write(self._framing.encode(packet))
                if self._transport.get_write_buffer_size() > self._limits.max_reply_bytes:
                    self.end("max_reply_bytes")

    async def _await_all(self) -> None:
        """Await coroutine handlers one after another, then continue with the packets."""
        try:
            while self._coroutines:
                coroutine = self._coroutines.popleft()
                try:
                    result = await coroutine
                except (Exception, asyncio.CancelledError) as error:
                    if self._transport is None:
                        raise  # this task was cancelled
                    self._dispatcher.report_failure(name_of(coroutine), error)
                    continue
                if result is not None:
                    self._reply(self.client, result)
        finally:
            self._task = None
        self._process()
        self._read_or_not()

    def _read_or_not(self) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        if self._busy:
            self._transport.pause_reading()
        elif self._ended:
            # Unsent replies must still be sent.
            self._watch("reply_timeout", self._limits.reply_timeout)
            self._transport.close()
        else:
            self._transport.resume_reading()

    # --- timeouts ----------------------------------------------------------------------------

    def _watch(self, reason: str, seconds: float) -> None:
        self._unwatch(reason)
        self._timers[reason] = self._loop.call_later(seconds, self._late, reason)

    def _unwatch(self, reason: str) -> None:
        timer = self._timers.pop(reason, None)
        if timer is not None:
            timer.cancel()

    def _late(self, reason: str) -> None:
        quiet = self._loop.time() - self._heard
        if reason == "idle_timeout" and quiet < self._limits.idle_timeout:
            self._watch(
                "idle_timeout", self._limits.idle_timeout - quiet
            )  # it was heard in the meantime
        elif reason != "reply_timeout" and self._busy:
            self._watch(reason, getattr(self._limits, reason))  # the server itself was not reading
        else:
            self.end(reason)
