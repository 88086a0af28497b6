"""Publishes messages to a stream of JetStream, and waits for its acknowledgements."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Sequence
from typing import Final

import oscbridge
from oscbridge_nats.client import NATSClient
from oscbridge_nats.failures import shown
from oscbridge_nats.headers import HeaderWriter, status_of
from oscbridge_nats.message_ids import MessageIds
from oscbridge_nats.publication import NATSDelivery, NATSPublication, command
from oscbridge_nats.streams import may_take, not_taken

__all__ = ["ACK_TIMEOUT", "RETRY", "StreamPublisher"]

ACK_TIMEOUT: Final = 5.0
"""Seconds without any acknowledgement after which messages are published again."""

RETRY: Final = 0.25
"""Seconds before they are, if the stream has no leader or takes nothing at the moment."""

_NO_RESPONDERS: Final = 503

_OTHER_STREAM: Final = 10_060
"""JetStream's error code for a message to a stream whose subject another one takes."""

_TEMPORARY: Final = 500
"""The codes of errors from here on may be over soon: no leader, no room, too busy."""


class StreamPublisher:
    """The messages of one batch at a time, on their way to the stream.

    Of the messages of one subject only one is in flight: a stream that changes its leader could
    otherwise lose one and take the next. Those of other subjects pass it.
    """

    def __init__(self, stream: str, max_inflight: int, headers: HeaderWriter) -> None:
        self.problem = ""
        """Why the stream took nothing the last time, human-readable; empty if it did."""
        self.subjects: Sequence[str] | None = None
        """Those of the stream, once they are known."""
        self.is_unanswered = False
        """Whether no stream has answered the last time."""
        self._stream = stream
        self._max_inflight = max_inflight
        self._headers = headers
        self._inbox = ""
        self._client: NATSClient | None = None
        """The connection on which acknowledgements are subscribed to."""
        self._ids = MessageIds()
        self._batch: _Batch | None = None
        self._number = 0

    def _begin(self, client: NATSClient) -> None:
        """Subscribe to acknowledgements, on a new connection."""
        self._inbox = client.new_inbox()
        client.subscribe_directly(f"{self._inbox}.*", self._on_answer)
        self._client = client

    def lose(self) -> None:
        """The connection is lost: end :meth:`publish`."""
        if self._batch is not None:
            self._batch.wake()

    def _on_answer(self, subject: str, _reply: str, data: bytes, headers: bytes) -> None:
        if self._batch is not None:
            token = subject.rpartition(".")[2]
            self._batch.answered(token, data, status_of(headers))

    async def publish(
        self,
        client: NATSClient,
        deliveries: Sequence[NATSDelivery],
        publications: Sequence[NATSPublication],
        record_ids: Sequence[str],
    ) -> None:
        """Publish messages until the stream has acknowledged all of them.

        ``record_ids`` are those of a spool, empty for messages that are not in one. Raises
        :class:`oscbridge.PartialDelivery` unless all are acknowledged.
        """
        ids = self._ids.of(deliveries, record_ids)
        batch = self._batch = _Batch(publications, self._max_inflight)
        try:
            if client is not self._client:
                self._begin(client)
            await self._run(client, batch, ids)
        except oscbridge.NotConnected as error:
            batch.cause = error
        finally:
            self._batch = None
        self._ids.settled(deliveries, [*batch.accepted, *batch.rejected])
        self.problem = str(batch.cause) if isinstance(batch.cause, oscbridge.BackOff) else ""
        self.is_unanswered = batch.unanswered is not None
        if batch.unanswered is not None and self.subjects is not None:
            subject = publications[batch.unanswered].subject
            if not may_take(self.subjects, subject):
                self.problem = f"stream {self._stream!r}: {not_taken(self.subjects, subject)}"
        if batch.cause is not None or batch.rejected:
            raise oscbridge.PartialDelivery(batch.accepted, batch.rejected, batch.cause)

    async def _run(self, client: NATSClient, batch: _Batch, ids: Sequence[str]) -> None:
        while True:
            commands: list[bytes] = []
            for index in batch.to_send():
                publication = batch.publications[index]
                self._number += 1
                token = str(self._number)
                headers = self._headers.stored(publication.hops, ids[index], self._stream)
                commands.append(command(publication, headers, f"{self._inbox}.{token}"))
                batch.sent(index, token)
            if commands and client.write(b"".join(commands)):
                await client.written()
            if client.loss is not None:
                raise oscbridge.NotConnected(str(client.loss))
            if batch.is_done:
                return
            await batch.wait()


class _Batch:
    """The messages of a batch: ready, in flight, accepted or rejected."""

    def __init__(self, publications: Sequence[NATSPublication], max_inflight: int) -> None:
        self.publications = publications
        self.accepted: list[int] = []
        self.rejected: dict[int, oscbridge.BadMessage] = {}
        self.cause: oscbridge.NotConnected | oscbridge.BackOff | None = None
        """Why the rest has to be sent again; nothing more is sent once it is known."""
        self.unanswered: int | None = None
        """The first message that no stream has answered."""
        self._max_inflight = max_inflight
        self._ready: deque[int] = deque()
        """Messages whose subject has none in flight, in order."""
        self._later: dict[str, deque[int]] = {}
        """By subject that has one ready or in flight: the messages after it."""
        self._in_flight: dict[str, int] = {}
        """By the token of their acknowledgement."""
        self._waiter: asyncio.Future[None] | None = None
        self._has_news = False
        for index, publication in enumerate(publications):
            later = self._later.get(publication.subject)
            if later is None:
                self._later[publication.subject] = deque()
                self._ready.append(index)
            else:
                later.append(index)

    @property
    def is_done(self) -> bool:
        """Whether nothing is in flight, and nothing is to be sent."""
        return not self._in_flight and (self.cause is not None or not self._ready)

    def to_send(self) -> Sequence[int]:
        """Take the messages that may be sent now."""
        if self.cause is not None:
            return ()
        count = min(len(self._ready), self._max_inflight - len(self._in_flight))
        return [self._ready.popleft() for _ in range(count)]

    def sent(self, index: int, token: str) -> None:
        self._in_flight[token] = index

    def answered(self, token: str, data: bytes, status: int) -> None:
        """The stream has answered; other answers are of an earlier batch."""
        index = self._in_flight.pop(token, None)
        if index is None:
            return
        if status == _NO_RESPONDERS:
            text = "the stream does not answer: it does not exist yet, or is electing a leader"
            self.unanswered = index if self.unanswered is None else self.unanswered
            self._retry(text)
        elif b'"error":' in data:  # the key: a stream may have this name
            self._failed(index, data)
        else:
            self.accepted.append(index)
            self._next(index)
        self.wake()

    def _failed(self, index: int, data: bytes) -> None:
        try:
            error = json.loads(data)["error"]
            code, number = int(error.get("code", 0)), error.get("err_code", 0)
            text = shown(str(error.get("description", "")))
        except (ValueError, LookupError, TypeError, AttributeError):
            code, number, text = 0, 0, "invalid answer"
        if number == _OTHER_STREAM:  # there is one that takes its subject
            self.unanswered = index if self.unanswered is None else self.unanswered
        if code >= _TEMPORARY or number == _OTHER_STREAM:
            self._retry(f"the stream accepts no messages: {text}")
            return
        publication = self.publications[index]
        self.rejected[index] = oscbridge.BadMessage(
            f"{publication.subject[:100]}: rejected by the stream: {text}"
        )
        self._next(index)

    def _next(self, index: int) -> None:
        """The next message of a subject may be sent."""
        subject = self.publications[index].subject
        later = self._later[subject]
        if later:
            self._ready.append(later.popleft())
        else:
            del self._later[subject]

    def _retry(self, text: str) -> None:
        if self.cause is None:
            self.cause = oscbridge.BackOff(RETRY, text)

    def wake(self) -> None:
        self._has_news = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def wait(self) -> None:
        """Wait for an answer; without one for 5 s, give up those in flight."""
        if not self._has_news:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                async with asyncio.timeout(ACK_TIMEOUT):
                    await self._waiter
            except TimeoutError:
                self._in_flight.clear()
                self._retry(f"the stream acknowledged nothing for {ACK_TIMEOUT:g} s")
        self._has_news = False
