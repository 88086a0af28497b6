"""Reads from a durable consumer, and acknowledges delivered messages."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from math import inf
from typing import Final, NamedTuple

import oscbridge
from oscbridge_nats.client import NATSClient
from oscbridge_nats.headers import description_of, status_of

__all__ = ["BATCH", "ConsumerLink", "PullConsumer"]

BATCH: Final = 256
"""Most messages that are asked for at once."""

EXPIRES: Final = 30.0
"""Seconds after which the servers forget a request, and a new one is made."""

HEARTBEAT: Final = 1.0
"""Seconds between signs of life of the consumer while it has no messages."""

SILENCE: Final = 2.5
"""Seconds without any after which messages are asked for again, e.g. as its leader is dead."""

PAUSE: Final = 0.25
"""Seconds before they are asked for again, if the consumer is not available."""

GONE: Final = 10.0
"""Seconds without a consumer that answers after which it is looked for, and created if it is
missing; an election of its leader takes less."""

_ACK_PARTS: Final = (9, 11)
"""Parts of the subject to which a message is acknowledged: without and with a domain."""

_NO_MESSAGES, _TIMEOUT, _CONFLICT, _HEARTBEAT, _NO_RESPONDERS = 404, 408, 409, 100, 503
_BAD_REQUEST: Final = 400
_PASSING: Final = (b"Leadership Change", b"Server Shutdown", b"Consumer Deleted")
"""Conflicts that need no attention."""

_ACK: Final = b"+ACK"
_WORKING: Final = b"+WPI"
_GIVE_UP: Final = b"+TERM"


class Delivered(NamedTuple):
    """What the subject of an acknowledgement says about a message."""

    sequence: int
    """Its number in the stream."""
    deliveries: int
    """How often it was delivered, this time included."""
    pending: int
    """Messages after it that wait for the consumer."""

    @classmethod
    def parse(cls, reply: str) -> Delivered | None:
        """Read ``$JS.ACK.stream.consumer.deliveries.sequence.…``; None for anything else."""
        parts = reply.split(".")
        if len(parts) < _ACK_PARTS[0] or parts[0] != "$JS" or parts[1] != "ACK":
            return None
        first = 4 if len(parts) < _ACK_PARTS[1] else 6
        try:
            deliveries, sequence, _, _, pending = map(int, parts[first : first + 5])
        except ValueError:
            return None
        return cls(sequence, deliveries, pending)


class ConsumerLink(NamedTuple):
    """What a consumer needs of its endpoint."""

    receive: Callable[[str, bytes, bytes], object]
    """Puts a message into the routes: subject, payload, headers. May raise ``DecodeError``."""
    until_delivered: Callable[[], Awaitable[None]]
    bad_input: Callable[[oscbridge.DecodeError], None]
    set_aside: Callable[[str], None]
    """Counts and logs a message that is given up."""
    report: Callable[[str], None]
    """Shows why the servers refuse a request for messages; an empty text ends that."""


class PullConsumer:
    """Asks one consumer for messages, and acknowledges them."""

    def __init__(
        self,
        client: NATSClient,
        stream: str,
        name: str,
        link: ConsumerLink,
        *,
        ack_timeout: float,
        max_deliveries: int,
    ) -> None:
        self.lag = 0
        """Messages that wait for the consumer, as far as it is known."""
        self.name = name
        self.stream = stream
        self.subscription = 0
        """The number of its subscription, while it reads."""
        self._client = client
        self._link = link
        self._ack_timeout = ack_timeout
        self._max_deliveries = max_deliveries
        self._inbox = client.new_inbox()
        self._request = 0
        """The number of the current request."""
        self._wanted = 0
        """Messages that it still asks for."""
        self._unacknowledged: list[str] = []
        """Subjects for the acknowledgements of messages that are in the routes."""
        self._has_news = asyncio.Event()
        self._heard = 0.0
        self._pause_until = 0.0
        self._unanswered_since = inf
        """When the first of the latest requests was made that no consumer has answered."""
        self._is_refused = False
        self._is_deleted = self._is_paused = self._is_ending = False
        self._ended = asyncio.Event()

    async def run(self) -> None:
        """Read until the connection is lost, or the consumer is deleted or lost."""
        subscribe = self._client.subscribe_directly
        self.subscription = number = subscribe(f"{self._inbox}.*", self._on_message)
        try:
            await self._read()
        finally:
            self._ended.set()
            self._client.unsubscribe_directly(number)
            self._refused("")

    def pause(self) -> int:
        """Ask for no more messages. Returns the subscription, which is to be drained."""
        self._is_paused = True
        return self.subscription

    async def end(self) -> None:
        """Wait until all messages received are acknowledged, and end :meth:`run`."""
        self._is_ending = True
        self._has_news.set()
        await self._ended.wait()

    async def _read(self) -> None:
        loop = asyncio.get_running_loop()
        self._heard = loop.time()
        while not self._is_over and loop.time() - self._unanswered_since < GONE:
            self._ask(loop.time())
            try:
                async with asyncio.timeout(HEARTBEAT / 2 if self._wanted else PAUSE):
                    await self._has_news.wait()
            except TimeoutError:
                continue
            self._has_news.clear()
            await self._acknowledge()

    @property
    def _is_over(self) -> bool:
        return self._is_deleted or (self._is_ending and not self._unacknowledged)

    def _ask(self, now: float) -> None:
        """Ask for messages, unless some are on their way."""
        if self._is_paused:
            return
        if self._wanted and now - self._heard > SILENCE:
            self._wanted = 0
        if self._wanted or now < self._pause_until or len(self._unacknowledged) >= BATCH:
            return
        self._request += 1
        self._wanted, self._heard = BATCH, now
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{self.stream}.{self.name}"
        body = json.dumps(
            {
                "batch": BATCH,
                "expires": int(EXPIRES * 1e9),
                "idle_heartbeat": int(HEARTBEAT * 1e9),
            }
        )
        line = f"PUB {subject} {self._inbox}.{self._request} {len(body)}\r\n{body}\r\n"
        self._client.write(line.encode())

    def _on_message(self, subject: str, reply: str, data: bytes, headers: bytes) -> None:
        self._heard = asyncio.get_running_loop().time()
        status = status_of(headers)
        if status:
            self._on_status(subject, status, headers)
            return
        # The server puts the subject of the message in the place of that of the request.
        self._wanted = max(0, self._wanted - 1)
        self._unanswered_since = inf
        self._refused("")
        found = Delivered.parse(reply)
        if found is None:
            return
        self.lag = found.pending
        if found.deliveries > self._max_deliveries:
            self._give_up(reply)
            self._link.set_aside(
                f"message {found.sequence} of stream {self.stream!r}, {subject[:100]}: not "
                f"acknowledged after {found.deliveries - 1} deliveries; it stays in the stream"
            )
            return
        try:
            self._link.receive(subject, data, headers)
        except oscbridge.DecodeError as error:
            self._give_up(reply)
            text = f"message {found.sequence} of stream {self.stream!r}: {error}"
            self._link.bad_input(type(error)(error.reason, text))
            return
        self._unacknowledged.append(reply)
        self._has_news.set()

    def _on_status(self, subject: str, status: int, headers: bytes) -> None:
        if status != _NO_RESPONDERS:
            self._unanswered_since = inf
        elif self._unanswered_since == inf:
            self._unanswered_since = self._heard
        if status == _HEARTBEAT:
            self._refused("")
            return
        if subject.rpartition(".")[2] != str(self._request):
            return
        if status == _CONFLICT and b"Consumer Deleted" in headers:
            self._is_deleted = True
        if status not in (_NO_MESSAGES, _TIMEOUT):
            self._pause_until = self._heard + PAUSE
        if b"Batch Completed" in headers:
            return
        if status in (_BAD_REQUEST, _CONFLICT) and not any(each in headers for each in _PASSING):
            self._refused(description_of(headers))
        self._wanted = 0
        self._has_news.set()

    def _refused(self, text: str) -> None:
        if text or self._is_refused:
            self._is_refused = bool(text)
            self._link.report(text)

    def _give_up(self, reply: str) -> None:
        self._client.write(_publish(reply, _GIVE_UP))

    async def _acknowledge(self) -> None:
        """Acknowledge the messages that were received until now, once they are delivered."""
        replies, self._unacknowledged = self._unacknowledged, []
        if not replies:
            return
        delivered = asyncio.ensure_future(self._link.until_delivered())
        try:
            while not delivered.done():
                done, _ = await asyncio.wait([delivered], timeout=self._ack_timeout / 3)
                if not done:  # also of messages that have arrived meanwhile
                    working = [*replies, *self._unacknowledged]
                    self._client.write(b"".join(_publish(each, _WORKING) for each in working))
            delivered.result()
        finally:
            delivered.cancel()
        self._client.write(b"".join(_publish(each, _ACK) for each in replies))
        if self._unacknowledged:
            self._has_news.set()


def _publish(subject: str, data: bytes) -> bytes:
    return b"PUB %b %d\r\n%b\r\n" % (subject.encode(), len(data), data)
