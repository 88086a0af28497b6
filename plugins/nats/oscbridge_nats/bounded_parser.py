"""The parser of nats-py, with limits that hold whatever a server sends."""

from __future__ import annotations

import asyncio
from typing import Final

from nats.errors import ProtocolError
from nats.protocol.parser import AWAITING_CONTROL_LINE, Parser

__all__ = ["MAX_LINE", "MAX_MESSAGE", "BoundedParser"]

MAX_LINE: Final = 1 << 16
"""Most bytes of a command without its payload; the list of servers in an INFO is the longest."""

MAX_MESSAGE: Final = 1 << 26
"""Most bytes of a payload with its headers: servers accept no larger ones."""


class BoundedParser(Parser):
    """Raises ``ProtocolError`` where the parser would collect bytes without an end, or fail."""

    async def parse(self, data: bytes = b"") -> None:
        try:
            await super().parse(data)
        except (ProtocolError, OSError, asyncio.CancelledError):
            raise
        except Exception as error:  # e.g. an -ERR without a text, an INFO that is not JSON
            raise ProtocolError from error
        if self.state == AWAITING_CONTROL_LINE:
            if len(self.buf) > MAX_LINE:
                raise ProtocolError
        elif self.needed > MAX_MESSAGE:
            raise ProtocolError
