"""The headers of messages: their publisher, and how often they have been passed on."""

from __future__ import annotations

import re
import secrets
from typing import Final, NamedTuple

import oscbridge

__all__ = ["HeaderReader", "HeaderWriter", "NATSPeer", "description_of", "status_of"]

ORIGIN: Final = "Oscbridge-Origin"
HOPS: Final = "Oscbridge-Hops"
MESSAGE_ID: Final = "Nats-Msg-Id"
"""By this JetStream recognises a message that is published again."""

MAX_HOPS: Final = 8
"""Bridges that may pass a message on by NATS, one after another, before it is dropped."""

MAX_CACHED: Final = 1_024
"""Most headers whose meaning is cached; then the cache starts empty."""

MAX_CACHED_SIZE: Final = 256
"""Most bytes of headers that are cached; those of bridges have about 70."""

_LINE: Final = b"NATS/1.0"
_ORIGIN: Final = re.compile(rb"\r\nOscbridge-Origin: ([0-9a-f]{1,32})\r\n", re.IGNORECASE)
_HOPS: Final = re.compile(rb"\r\nOscbridge-Hops: ([0-9]{1,4})\r\n", re.IGNORECASE)
_STATUS: Final = re.compile(rb"NATS/1\.0 ([0-9]{3})")

MARK: Final = int.from_bytes(b"NATS", "big")
"""Tells the peers of this plugin from others, also after a spool has made them plain tuples."""


class NATSPeer(NamedTuple):
    """The ``peer`` of received messages."""

    host: str
    port: int
    hops: int
    """Bridges that have passed the message on by NATS."""
    mark: int = MARK

    @staticmethod
    def hops_of(message: oscbridge.Message) -> int:
        """Bridges that have passed a message on; 0 if it does not come from NATS."""
        peer = None if message.origin is None else message.origin.peer
        if isinstance(peer, tuple) and len(peer) == 4 and peer[3] == MARK:
            hops: object = peer[2]
            return hops if isinstance(hops, int) else 0
        return 0


class HeaderWriter:
    """Makes the headers of one endpoint's messages."""

    def __init__(self) -> None:
        self.origin = secrets.token_hex(8)
        """Identifies the endpoint among all that publish to these servers."""
        self._starts: dict[int, str] = {}
        self._plain: dict[int, bytes] = {}

    def plain(self, hops: int) -> bytes:
        """The headers of a message that came through ``hops`` bridges before this one."""
        found = self._plain.get(hops)
        if found is None:
            found = self._plain[hops] = f"{self._start(hops)}\r\n".encode()
        return found

    def stored(self, hops: int, message_id: str, stream: str) -> bytes:
        """The same for a message to a stream."""
        return (
            f"{self._start(hops)}{MESSAGE_ID}: {message_id}\r\n"
            f"Nats-Expected-Stream: {stream}\r\n\r\n"
        ).encode()

    def _start(self, hops: int) -> str:
        found = self._starts.get(hops)
        if found is None:
            found = f"NATS/1.0\r\n{ORIGIN}: {self.origin}\r\n{HOPS}: {hops + 1}\r\n"
            self._starts[hops] = found
        return found


class HeaderReader:
    """Reads the headers of received messages."""

    def __init__(self, own: str) -> None:
        self._own = own.encode()
        self._cache: dict[bytes, int | None] = {}

    def hops(self, headers: bytes) -> int | None:
        """Bridges that have passed a message on; None if the endpoint has published it itself.

        Raises :class:`oscbridge.DecodeError` if there were too many.
        """
        if not headers:
            return 0
        try:
            return self._cache[headers]
        except KeyError:
            pass
        found = self._read(headers)
        # Those of a stream are different for each message.
        if len(headers) <= MAX_CACHED_SIZE and b"Nats-" not in headers:
            if len(self._cache) >= MAX_CACHED:
                self._cache.clear()
            self._cache[headers] = found
        return found

    def _read(self, headers: bytes) -> int | None:
        origin = _ORIGIN.search(headers)
        if origin is not None and origin[1] == self._own:
            return None
        hops = _HOPS.search(headers)
        count = 0 if hops is None else int(hops[1])
        if count > MAX_HOPS:
            text = f"passed on by more than {MAX_HOPS} bridges; do their routes form a ring?"
            raise oscbridge.DecodeError("loop", text)
        return count


def status_of(headers: bytes) -> int:
    """The status in the headers of an answer; 0 if there is none."""
    found = _STATUS.match(headers) if headers.startswith(_LINE + b" ") else None
    return 0 if found is None else int(found[1])


def description_of(headers: bytes) -> str:
    """The text after the status in the headers of an answer."""
    line = headers.partition(b"\r\n")[0]
    return b" ".join(line.split()[2:]).decode(errors="replace")
