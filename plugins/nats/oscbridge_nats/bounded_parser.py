"""Parses the commands of a server, with limits that hold whatever it sends."""

from __future__ import annotations

import asyncio
from typing import Final, Protocol

from nats.errors import ProtocolError
from nats.protocol.parser import Parser

__all__ = ["MAX_LINE", "MAX_MESSAGE", "BoundedParser", "MessageTaker"]

MAX_LINE: Final = 1 << 16
"""Most bytes of a command without its payload; the list of servers in an INFO is the longest."""

MAX_MESSAGE: Final = 1 << 26
"""Most bytes of a payload with its headers: servers accept no larger ones."""

MAX_TAKEN: Final = 1 << 15
"""Most bytes that are taken in one callback of the event loop, which other tasks wait for."""

_END: Final = b"\r\n"
_WITH_HEADERS: Final = b"HMSG "
_MESSAGES: Final = (b"MSG ", _WITH_HEADERS)


class MessageTaker(Protocol):
    """Gets the messages."""

    def take_message(
        self, number: int, subject: bytes, reply: bytes, data: bytes, headers: bytes
    ) -> bool:
        """Handle a message of a subscription. Returns False if that is one of nats-py."""


class BoundedParser(Parser):
    """Hands over the messages of each read, and leaves every other command to nats-py.

    That tries its patterns one after the other at each message, and awaits a handler for each.
    Raises ``ProtocolError`` where it would collect bytes without an end, or fail.
    """

    def __init__(self, client: MessageTaker) -> None:
        self._take = client.take_message
        super().__init__(client)

    def reset(self) -> None:
        super().reset()
        self._waiting = bytearray()
        """The start of a command."""
        self._needed = 0
        """Bytes of the whole command, as far as that is known."""
        self._behind = 0
        """Bytes that :meth:`parse` gets before :meth:`take` may continue."""
        self._is_parsing = False

    def starts_with(self, unread: int) -> None:
        """Note how many bytes :meth:`parse` gets that :meth:`take` has never seen."""
        self._behind = unread

    def take(self, data: bytes) -> bytes:
        """Hand over the messages at the start. Returns the rest for :meth:`parse`.

        Raises ``ProtocolError`` and ``ValueError`` for an invalid message.
        """
        if self._behind or self._is_parsing:
            self._behind += len(data)
            return data
        more = data[MAX_TAKEN:]
        data = self._join(data[:MAX_TAKEN])
        start, stop = self._take_messages(data, 0)
        if stop == start:
            self._keep(data, start)
            start = len(data)
        self._behind = len(data) - start + len(more)
        return data[start:] + more

    async def parse(self, data: bytes = b"") -> None:
        self._is_parsing = True
        try:
            await self._parse(self._join(data))
        finally:
            self._is_parsing = False
            self._behind = max(0, self._behind - len(data))

    def _join(self, data: bytes) -> bytes:
        """The command that has begun, and more; nothing while that is not all of it."""
        waiting = self._waiting
        if not waiting:
            return data
        waiting += data
        if len(waiting) < self._needed:
            return b""
        data = bytes(waiting)
        waiting.clear()
        return data

    def _keep(self, data: bytes, start: int) -> None:
        """Keep a command that is not complete."""
        if not self._needed and len(data) - start > MAX_LINE:
            raise ProtocolError
        self._waiting += data[start:]

    async def _parse(self, data: bytes) -> None:
        start = 0
        try:
            while True:
                start, stop = self._take_messages(data, start)
                if stop == start:
                    break
                await super().parse(data[start:stop])
                if self.buf:
                    raise ProtocolError
                start = stop
        except (ProtocolError, OSError, asyncio.CancelledError):
            raise
        except Exception as error:  # e.g. an -ERR without a text, an INFO that is not JSON
            raise ProtocolError from error
        self._keep(data, start)

    def _take_messages(self, data: bytes, start: int) -> tuple[int, int]:
        """Hand over messages. Returns start and end of the command at which that stops; both are
        the same if it is not complete."""
        take, size = self._take, len(data)
        if data:
            self._needed = 0
        while (end := data.find(_END, start)) >= 0:
            first = end + len(_END)
            if not data.startswith(_MESSAGES, start):
                return start, first
            subject, number, reply, head, total = _message_line(data[start:end])
            stop = first + total + len(_END)
            if stop > size:
                self._needed = stop - start
                break
            body = first + head
            if not take(number, subject, reply, data[body : first + total], data[first:body]):
                return start, stop
            start = stop
        return start, start


def _message_line(line: bytes) -> tuple[bytes, int, bytes, int, int]:
    """Subject, subscription, reply, bytes of the headers, and total bytes."""
    parts = line.split()
    head = int(parts.pop(-2)) if line.startswith(_WITH_HEADERS) else 0
    if not 4 <= len(parts) <= 5:
        raise ProtocolError
    total = int(parts[-1])
    if not 0 <= head <= total <= MAX_MESSAGE:
        raise ProtocolError
    return parts[1], int(parts[2]), parts[3] if len(parts) == 5 else b"", head, total
