"""The asyncio clients of :mod:`oscbridge.client.tcp`."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections import deque
from collections.abc import AsyncIterator, Generator, Iterable
from functools import cached_property
from types import TracebackType
from typing import Any, Final, Self

from oscbridge.client.base import DispatchingClient, packets_of, replaces_receive
from oscbridge.client.stream import StreamClient
from oscbridge.dispatch.replies import packet_for, report_unsent
from oscbridge.dispatch.scheduler import LONGEST_WAIT, Scheduler
from oscbridge.dispatch.statistics import name_of
from oscbridge.errors import DecodeError
from oscbridge.net.socket_address import ClientAddress
from oscbridge.net.tcp_socket import CHUNK, prepare_tcp_socket
from oscbridge.osc_message import OscMessage
from oscbridge.osc_message_builder import ArgValue, build_msg
from oscbridge.osc_packet import Sendable, datagram_of

__all__ = ["AsyncDispatchTCPClient", "AsyncSimpleTCPClient", "AsyncTCPClient"]


CLOSE_WAIT: Final = 5.0
"""Seconds that a closing client waits for the server to take the unsent bytes."""


class AsyncTCPClient(StreamClient):
    """Connects to a server when it is awaited or entered, sends packets and receives them.

    The arguments are those of :class:`~oscbridge.client.stream.StreamClient`.
    """

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    _connected = False

    def __await__(self) -> Generator[Any, None, Self]:
        return self.__aenter__().__await__()

    async def __aenter__(self) -> Self:
        """Connect, unless connected. Raises ``OSError``."""
        if not self._connected:
            async with asyncio.timeout(self._timeout):
                self.reader, self.writer = await asyncio.open_connection(
                    self.address, self.port, family=self._allowed_family
                )
            prepare_tcp_socket(self.writer.get_extra_info("socket"))
            self._stream = self._new_stream()
            self._connected, self._ended = True, False
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def send(self, content: Sendable) -> None:
        """Send a message or a bundle. Raises :class:`EncodeError` or ``OSError``."""
        await self._send_packet(datagram_of(content))

    async def receive(self, timeout: float | None = None) -> list[bytes]:
        """The next packets, complete.

        Empty if no packet is complete within ``timeout`` seconds, or the server has closed the
        connection. Raises :class:`DecodeError` or ``OSError``.
        """
        return await self._wait(timeout)

    async def close(self) -> None:
        """Send the unsent bytes, and close the connection."""
        if not self._connected:
            return
        self._connected = False
        self.writer.close()
        try:
            async with asyncio.timeout(CLOSE_WAIT):
                await self.writer.wait_closed()
        except TimeoutError:
            self.writer.transport.abort()
        except OSError:
            pass  # already closed

    async def _send_packet(self, packet: bytes) -> None:
        self._check_connected()
        self.writer.write(self._stream.encode(packet))
        try:
            async with asyncio.timeout(self._timeout):
                await self.writer.drain()
        except TimeoutError:
            self.writer.transport.abort()  # else the unsent bytes grow
            raise

    async def _wait(self, timeout: float | None, scheduler: Scheduler | None = None) -> list[bytes]:
        """The next packets; none after the timeout. Scheduled messages run in the meantime."""
        deadline = self._deadline(timeout)
        while True:
            left = max(0.0, deadline - time.monotonic())
            longest = min(left, LONGEST_WAIT)
            packets = await self._take(longest if scheduler is None else scheduler.wait(longest))
            if scheduler is not None:
                scheduler.run_due()
            if packets or not left or self._ended:
                return packets

    async def _next(self, timeout: float | None, scheduler: Scheduler | None = None) -> list[bytes]:
        """The next packets, from ``receive`` if a program overrides it."""
        if replaces_receive(self):
            return packets_of(await self.receive(timeout))
        return await self._wait(timeout, scheduler)

    async def _take(self, seconds: float) -> list[bytes]:
        if self._ended:
            return []
        self._check_connected()
        try:
            self._stream.check()
            data = await self._read(seconds)
            return [] if data is None else self._stream.feed(data)
        except DecodeError:
            await self.close()
            raise
        finally:
            self._ended = self._stream.ended

    async def _read(self, seconds: float) -> bytes | None:
        """Received bytes, empty at the end of the stream; None after the timeout."""
        try:
            async with asyncio.timeout(seconds) as limit:
                return await self.reader.read(CHUNK)
        except TimeoutError:
            if limit.expired():
                return None
            raise  # the system gave up on the server

    def _check_connected(self) -> None:
        if not self._connected:
            raise OSError("this client is not connected; await it, or use it in `async with`")


class AsyncSimpleTCPClient(AsyncTCPClient):
    """Sends messages from Python values, and receives messages."""

    async def send_message(self, address: str, value: ArgValue | Iterable[ArgValue] = "") -> None:
        """Send a message with one value, with several from an iterable, or none for ``""``.

        The type tags are inferred. Raises :class:`EncodeError` or ``OSError``.
        """
        await self.send(build_msg(address, value))

    async def get_messages(self, timeout: float | None = None) -> AsyncIterator[OscMessage]:
        """Incoming messages, until none arrives within ``timeout`` seconds.

        They end with the connection. Invalid packets are logged and counted in :attr:`bad`.
        """
        while True:
            while self._unread:
                yield self._unread.popleft()
            packets = await self._next(timeout)
            if not packets:
                return
            self._keep_messages(packets)


class AsyncDispatchTCPClient(DispatchingClient, AsyncSimpleTCPClient):
    """Calls handlers for incoming messages, awaits coroutines, and sends what they return."""

    async def handle_messages(self, timeout: float | None = None) -> None:
        """Call the handlers of :attr:`dispatcher` until nothing arrives within ``timeout`` s.

        A message with a future time tag runs when it is due, during this call or a later one.
        """
        try:
            packets = [b""]
            while packets:
                packets = await self._next(timeout, self.dispatcher.scheduler)
                await self._answer_all()  # of the scheduled messages
                dispatch = self.dispatcher.entry(awaits=True)
                for packet in packets:
                    dispatch(packet, self._server, self._keep)
                    await self._answer_all()
        finally:
            for result in self._results:  # not empty after a cancellation
                if inspect.iscoroutine(result):
                    result.close()
            self._results.clear()

    @cached_property
    def _results(self) -> deque[object]:
        """Results of handlers that are not yet processed."""
        return deque()

    def _keep(self, _client: ClientAddress, result: object) -> None:
        self._results.append(result)

    async def _take(self, seconds: float) -> list[bytes]:
        await self._answer_all()  # of messages scheduled in the meantime
        return await super()._take(seconds)

    async def _answer_all(self) -> None:
        """Await coroutine handlers one after another, and send the results of all handlers."""
        while self._results:
            result = self._results.popleft()
            if inspect.isawaitable(result):
                try:
                    answer: object = await result
                except Exception as error:
                    self.dispatcher.report_failure(name_of(result), error)
                    continue
            else:
                answer = result
            packet = None
            if answer is not None:
                packet = packet_for(self.dispatcher, self._server, answer)
            if packet is not None:
                try:
                    await self._send_packet(packet)
                except OSError as error:
                    report_unsent(self.dispatcher, self._server, error)
