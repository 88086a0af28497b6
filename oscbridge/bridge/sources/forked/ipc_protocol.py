"""The records that a worker and its supervisor exchange.

Each record is one OSC message in one datagram of a socket pair: no pickle, and never half a
record, even if a child is killed while it writes.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias, TypeVar, cast

from oscbridge.bridge.captures_encoding import decode_captures, encode_captures
from oscbridge.bridge.hops import decode_origin, encode_origin
from oscbridge.bridge.sources.forked.ipc_clients import (
    AskedRecord,
    ClientDisconnected,
    ClientRecord,
    SenderRecord,
    is_address,
)
from oscbridge.bridge.sources.forked.ipc_timetag import BundleEnd, timetag_in, timetag_out
from oscbridge.errors import DecodeError
from oscbridge.osc import Argument, Limits, Message, decode_message, encode_message
from oscbridge.osc.message import encode_values

__all__ = [
    "MAX_RECORD",
    "RETIRE",
    "SOCKET_TYPE",
    "STOP",
    "ChildCount",
    "ChildEnd",
    "ChildrenEnded",
    "CountsRecord",
    "DroppedRecord",
    "Emission",
    "MessagesLost",
    "ReceivedPacket",
    "Record",
    "RouteCountsRecord",
    "WorkerFailed",
    "WorkerReady",
    "read_record",
    "route_at",
]

MAX_RECORD: Final = 131_072
"""Bytes of a record; a message that needs a larger one is dropped and counted."""

MAX_TEXT: Final = 4_000
"""Characters of a human-readable text; of a longer one, the end is kept."""

SOCKET_TYPE: Final = socket.SOCK_SEQPACKET if sys.platform == "linux" else socket.SOCK_DGRAM
"""Both preserve record boundaries. macOS defines the first but does not implement it."""

STOP: Final = b"stop"
"""To the worker: end. It stays in the socket, where all children can peek at it."""

RETIRE: Final = b"retire"
"""To the worker: accept nothing more, finish accepted messages, and end. It stays as well."""

_Route = TypeVar("_Route")
_Kind = TypeVar("_Kind", str, int)

_LIMITS: Final = Limits(max_address_length=MAX_RECORD)
"""The address of a message that a route made may be longer than that of an incoming one."""


class Emission(NamedTuple):
    """A message that left the pure steps of a route."""

    route: int
    """Index in the bridge's list of routes; -1 for the routes of plugins."""
    message: Message
    captures: Mapping[str, str]
    digest: int = 0
    """Of the message as received (:func:`~oscbridge.bridge.recent_hops.digest_of`)."""

    def encode(self) -> bytes:
        """Raises :class:`~oscbridge.errors.EncodeError`."""
        message = self.message
        timetag = timetag_out(message.timetag)
        data = encode_message(message)
        captures = encode_captures(self.captures)
        origin = encode_origin(message.origin)
        values = [self.route, origin, timetag, data, captures, self.digest]
        return encode_values("/emitted", values)


class DroppedRecord(NamedTuple):
    """Messages that a route dropped; the reason is one word."""

    reason: str
    messages: int
    text: str = ""
    """What happened, in words."""
    route: int = -1
    """Index in the bridge's list of routes; -1 for the routes of plugins."""

    def encode(self) -> bytes:
        return encode_values("/dropped", [self.reason, self.messages, _fit(self.text), self.route])


class RouteCountsRecord(NamedTuple):
    """What became of messages that a route took, where no emission or drop says so."""

    route: int
    """Index in the bridge's list of routes."""
    passed: int
    """Messages of which a function made others."""
    filtered: Mapping[str, int]
    """Messages that a step filtered out, by step."""

    def encode(self) -> bytes:
        filtered: list[Argument] = [each for item in self.filtered.items() for each in item]
        return encode_values("/route", [self.route, self.passed, filtered])


class CountsRecord(NamedTuple):
    """What a dispatcher has counted since the last such record (:func:`counts_of`)."""

    counts: Mapping[str, int]
    last_unmatched: str = ""
    """The address of the latest message that matched no route, if the counts include any."""

    def encode(self) -> bytes:
        items: list[Argument] = [each for item in self.counts.items() for each in item]
        return encode_values("/counted", [items, _fit(self.last_unmatched[:MAX_TEXT])])


class ChildCount(NamedTuple):
    """The number of children that the worker has now."""

    children: int

    def encode(self) -> bytes:
        return encode_values("/alive", self)


class ChildEnd(NamedTuple):
    """A child has ended."""

    child: int
    """Its number, counted from 1 for each worker."""
    given: int
    """Messages that it was to handle and that the worker has counted."""
    messages: int
    """Messages that it has read itself."""
    unmatched: int
    """Those of them without a handler."""
    bad: int = 0
    """Packets that it has read and rejected."""
    place: int = 0
    """Where in the shared memory it has counted them; 0 if it read none itself."""


class ChildrenEnded(NamedTuple):
    """Children have ended."""

    children: tuple[ChildEnd, ...]

    def encode(self) -> bytes:
        return encode_values("/ended", [[number for each in self.children for number in each]])


class MessagesLost(NamedTuple):
    """Children ended before they had handled messages. Never encoded: the supervisor finds out."""

    messages: int


class ReceivedPacket(NamedTuple):
    """A packet that was received, for watchers, and its sender."""

    data: bytes
    host: str
    port: int

    def encode(self) -> bytes:
        return encode_values("/seen", self)


class WorkerReady(NamedTuple):
    """The worker listens."""

    def encode(self) -> bytes:
        return encode_values("/ready", self)


class WorkerFailed(NamedTuple):
    """The worker cannot listen."""

    kind: str
    number: int
    """The errno, or 0."""
    text: str

    @classmethod
    def of(cls, error: Exception) -> WorkerFailed:
        if isinstance(error, OSError):
            kind = "gaierror" if isinstance(error, socket.gaierror) else "OSError"
            return cls(kind, error.errno or 0, error.strerror or str(error))
        return cls("", 0, str(error) or repr(error))

    def encode(self) -> bytes:
        return encode_values("/failed", [self.kind, self.number, _fit(self.text)])

    def error(self) -> OSError:
        """The error as it was in the worker."""
        if self.kind == "gaierror":
            return socket.gaierror(self.number, self.text)
        return OSError(self.number, self.text) if self.number else OSError(self.text)


Record: TypeAlias = (
    Emission
    | DroppedRecord
    | BundleEnd
    | CountsRecord
    | ChildCount
    | ChildrenEnded
    | ReceivedPacket
    | RouteCountsRecord
    | ClientRecord
    | WorkerReady
    | WorkerFailed
)


def read_record(data: bytes) -> Record:
    """Raises :class:`DecodeError` for data that is not a record."""
    record = decode_message(data, _LIMITS)
    match record.address, record.args:
        case "/emitted", (int(route), origin, timetag, bytes(body), captures, int(digest)):
            message = decode_message(body, _LIMITS, timetag_in(timetag), decode_origin(origin))
            return Emission(route, message, decode_captures(captures), digest)
        case "/dropped", (str(reason), int(count), str(text), int(route)):
            return DroppedRecord(reason, count, text, route)
        case "/route", (int(route), int(passed), filtered):
            return RouteCountsRecord(route, passed, _pairs(filtered, int))
        case "/bundled", (bytes(group),):
            return BundleEnd(group)
        case "/counted", (counts, str(last_unmatched)):
            return CountsRecord(_pairs(counts, int), last_unmatched)
        case "/alive", (int(children),):
            return ChildCount(children)
        case "/ended", (list(numbers),) if all(isinstance(n, int) for n in numbers):
            rows = zip(*[iter(cast(list[int], numbers))] * len(ChildEnd._fields), strict=False)
            return ChildrenEnded(tuple(ChildEnd(*row) for row in rows))
        case "/seen", (bytes(packet), str(host), int(port)):
            return ReceivedPacket(packet, host, port)
        case "/left", (list(parts),) if is_address(parts):
            return ClientDisconnected(tuple(cast(list[str | int], parts)))
        case "/sender", (list(parts), bool(is_reachable)) if is_address(parts):
            return SenderRecord(tuple(cast(list[str | int], parts)), is_reachable)
        case "/asked", (list(parts), str(address)) if is_address(parts):
            return AskedRecord(tuple(cast(list[str | int], parts)), address)
        case "/ready", ():
            return WorkerReady()
        case "/failed", (str(kind), int(number), str(text)):
            return WorkerFailed(kind, number, text)
    raise _not_a_record(f"{record.address} ,{record.types}")


def route_at(routes: Sequence[_Route], number: int) -> _Route:
    """The route that a record names. Raises :class:`DecodeError` if there is none."""
    if not 0 <= number < len(routes):
        raise _not_a_record(f"route {number}")
    return routes[number]


def _fit(text: str) -> str:
    """Text that fits into a record."""
    return text[-MAX_TEXT:].replace("\0", " ").encode(errors="replace").decode()


def _not_a_record(text: str) -> DecodeError:
    return DecodeError("record", f"not a record of a worker: {text}")


def _pairs(values: Argument, kind: type[_Kind]) -> dict[str, _Kind]:
    """A dictionary from a list of alternating keys and values."""
    if isinstance(values, list) and len(values) % 2 == 0:
        keys, rest = values[::2], values[1::2]
        if all(isinstance(k, str) for k in keys) and all(isinstance(v, kind) for v in rest):
            return dict(zip(cast(list[str], keys), cast(list[_Kind], rest), strict=True))
    raise _not_a_record(f"pairs {values!r}")
