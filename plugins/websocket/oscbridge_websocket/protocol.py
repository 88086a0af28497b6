"""The WebSocket protocol of the library, with other responses, and a count of discarded packets."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Final, cast

from websockets.exceptions import InvalidMessage
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import CONNECTING, OPEN
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from oscbridge_websocket.read_throttle import SLICE
from oscbridge_websocket.responses import add_common_headers, text_response
from oscbridge_websocket.tokens import SUBPROTOCOL

__all__ = ["BINARY", "JSON", "WebSocketProtocol"]

BINARY: Final = Subprotocol("osc.binary")
JSON: Final = Subprotocol("osc.json")

MAX_PENDING_PONGS: Final = 500
"""Responses to pings that wait for a client that reads too slowly."""

COUNT_TIMEOUT: Final = 0.05
"""Seconds for which discarded packets are counted; then the rest is extrapolated."""

_DATA: Final = frozenset({Opcode.CONT, Opcode.TEXT, Opcode.BINARY})


class WebSocketProtocol(ServerProtocol):
    """The library's protocol, with other responses to bad requests and to pings."""

    is_rejected = False
    """Whether the handshake is only completed to send the reason of a rejection."""

    def __init__(self, **options: Any) -> None:  # the library's own
        super().__init__(**options)
        self._pongs: list[Frame] = []

    def select_subprotocol(self, subprotocols: Sequence[Subprotocol]) -> Subprotocol | None:
        """The first known subprotocol that the client offers; None means binary frames.

        The one with the token is never selected, so the token is not sent back. A browser shows
        the reason of a rejection only if one of the offered subprotocols was selected.
        """
        known = next((name for name in subprotocols if name in (BINARY, JSON)), None)
        if known is None and self.is_rejected:
            return next((name for name in subprotocols if not name.startswith(SUBPROTOCOL)), None)
        return known

    def reject(self, status: Any, text: str) -> Response:
        return add_common_headers(super().reject(status, text))

    def send_frame(self, frame: Frame) -> None:
        if frame.opcode is Opcode.PONG:
            # The library would write a pong for each ping, even to a client that never reads.
            self._pongs.append(frame)
        else:
            super().send_frame(frame)

    def drop_oldest_pongs(self) -> None:
        """Forget the oldest pings of a client that does not read the responses.

        Only the last needs one (RFC 6455, section 5.5.3).
        """
        del self._pongs[:-MAX_PENDING_PONGS]

    def send_pending_pongs(self) -> bool:
        """Queue the responses to all pings. Returns whether there is data to write."""
        frames, self._pongs = self._pongs, []
        if not frames or self.state is not OPEN:
            return False
        for frame in frames:
            super().send_frame(frame)
        return True

    def send_eof(self) -> None:
        if self.state is CONNECTING and isinstance(self.handshake_exc, InvalidMessage):
            # The library would close without a response.
            self.writes.append(text_response(400, "Not a valid HTTP request.\n").serialize())
        super().send_eof()

    def count_packets(self, data: bytes) -> int:
        """Count the packets that end in data of a connection that has ended."""
        count, deadline = 0, time.monotonic() + COUNT_TIMEOUT
        for end in range(SLICE, len(data) + SLICE, SLICE):
            self.receive_data(data[end - SLICE : end])
            frames = cast(list[Frame], self.events_received())
            count += sum(each.fin and each.opcode in _DATA for each in frames)
            if end < len(data) and time.monotonic() > deadline:
                return round(count * len(data) / end)
        return count
