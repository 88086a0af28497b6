"""Reads the messages of a page, large ones in parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from aiohttp import WSMsgType, web

from oscbridge_ui.client_messages import ClientMessage, MessagePart
from oscbridge_ui.decoding import decoded
from oscbridge_ui.protocol_base import MAX_LARGE

__all__ = ["INVALID", "MAX_MESSAGE", "MessageReader"]

MAX_FIRST: Final = 16_384
"""Characters of the first message, which a page sends before it has access."""

MAX_MESSAGE: Final = 65_536
"""Bytes of a message from a page in one frame."""

INVALID: Final = 4400
"""The close code after a message that is not valid."""


class MessageReader:
    """Reads messages one after the other. An invalid one ends the connection."""

    def __init__(self, socket: web.WebSocketResponse, takes_parts: Callable[[], bool]) -> None:
        """``takes_parts`` says whether the page may send messages in parts."""
        self._socket = socket
        self._takes_parts = takes_parts
        self._limit = MAX_FIRST
        self._parts: list[str] = []
        self._size = 0

    async def next(self) -> ClientMessage | None:
        """The next message; None at the end."""
        while True:
            received = await self._socket.receive()
            if received.type != WSMsgType.TEXT:
                if received.type == WSMsgType.BINARY:
                    await self._refuse("expected text")
                return None
            try:
                if len(received.data) > self._limit:
                    raise ValueError(f"the first message has at most {MAX_FIRST} characters")
                self._limit = MAX_MESSAGE
                message = decoded(received.data)
                if isinstance(message, MessagePart):
                    whole = self._whole(message)
                    if whole is None:
                        continue
                    message = decoded(whole)
                    if isinstance(message, MessagePart):
                        raise ValueError("a part must not contain another part")
                elif self._parts:
                    raise ValueError("expected the next part of a message")
            except ValueError as error:
                await self._refuse(str(error))
                return None
            return message

    def _whole(self, part: MessagePart) -> str | None:
        """The message after its last part. Raises ``ValueError``."""
        if not self._takes_parts():
            raise ValueError("messages in parts need the right 'configure'")
        self._size += len(part.text)
        if self._size > MAX_LARGE:
            raise ValueError(f"a message has at most {MAX_LARGE} characters")
        self._parts.append(part.text)
        if not part.is_last:
            return None
        whole = "".join(self._parts)
        self._parts, self._size = [], 0
        return whole

    async def _refuse(self, reason: str) -> None:
        await self._socket.close(code=INVALID, message=reason.encode()[:120])
