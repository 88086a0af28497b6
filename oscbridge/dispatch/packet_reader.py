"""Reads all messages of a packet, and those of real devices that deviate from OSC."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

from oscbridge.dispatch.cache import DispatchCache, Target
from oscbridge.errors import DecodeError, LimitError
from oscbridge.osc.lenient import read_leniently
from oscbridge.osc.limits import Limits
from oscbridge.osc.message import Head
from oscbridge.osc.packet import split_packet
from oscbridge.osc.timetag import TimeTag
from oscbridge.osc.unreadable import UnreadableMessage
from oscbridge.osc.values import Argument

__all__ = ["MAX_ROUTE_CALLS", "BundledMessage", "Deviation", "PacketReader", "ReadMessage"]

MAX_ROUTE_CALLS: Final = 16_384
"""Default of :attr:`Dispatcher.max_route_calls`. A bundle of patterns that match every address
could call handlers a million times."""

ReadMessage: TypeAlias = tuple[TimeTag | None, bytes, Target, Head, tuple[Argument, ...]]
"""A message of a packet: its time tag, its encoding, its target, its head and its values.

The encoding is empty if it deviates from OSC."""

BundledMessage: TypeAlias = tuple[
    str, str | None, tuple[Callable[..., object], ...] | None, Target, tuple[Argument, ...]
]
"""A message of a bundle: its address, type tags, plain callbacks, target and values."""

_SIZE: Final = struct.Struct(">i")
_FIRST: Final = 16
"""Where the first element of a bundle begins."""


class Deviation(NamedTuple):
    """A deviation from OSC that was accepted."""

    reason: str
    """See :mod:`oscbridge.osc.lenient`."""
    what: str
    """What deviates, human-readable: an address."""


class PacketReader(DispatchCache):
    """Reads packets before any of their messages is handled.

    With ``adds_slash``, a message to ``node``, as an X32 writes it, becomes one to ``/node``.
    """

    def __init__(self, limits: Limits, *, adds_slash: bool, max_route_calls: int) -> None:
        super().__init__(limits)
        self._adds_slash = adds_slash
        self.max_route_calls = max_route_calls
        """Handlers that the messages of one bundle may call together."""

    def _read_bundle(self, data: bytes) -> list[BundledMessage] | None:
        """The messages of a bundle that conforms to OSC and has no other bundle in it.

        None for others, which :meth:`_read_all` reads.
        """
        end, offset, calls = len(data), _FIRST, 0
        if not offset < end <= self.limits.max_packet_size or end % 4:
            return None
        fixed, starts, size_at = self._fixed, self._starts, _SIZE.unpack_from
        found: list[BundledMessage] = []
        while offset < end:
            begin = offset + 4
            (size,) = size_at(data, offset)
            offset = begin + size
            if size <= 0 or size % 4 or offset > end:
                return None
            plan = fixed.get(data[begin : begin + starts.get(size, 0)])
            if plan is not None and plan[0] == size:
                _, start, read, (address,), plain, types, _, target = plan
                values = read(data, begin + start)
            else:
                try:
                    target, (address, types, _, _), values = self._read(data[begin:offset])
                except DecodeError:
                    return None
                plain = target.plain
            calls += len(target.calls)
            if found and calls > self.max_route_calls:  # patterns take long to match
                return None
            found.append((address, types, plain, target, values))
        return found

    def _read_all(
        self, data: bytes, discarded: list[DecodeError], deviations: list[Deviation]
    ) -> list[ReadMessage]:
        """All messages of a packet. Raises :class:`DecodeError`.

        Appends to ``discarded`` an error for each message of a bundle that is left out because
        of an unknown type tag or an address that is not UTF-8, and to ``deviations`` the
        deviations from OSC that were accepted.
        """
        found: list[ReadMessage] = []
        surplus: list[str] = []
        calls = 0
        for encoded, timetag in split_packet(data, self.limits, surplus):
            try:
                target, head, values = self._read(encoded)
            except DecodeError as error:
                try:
                    target, head, values = self._read_leniently(encoded, error, deviations)
                    encoded = b""
                except UnreadableMessage as unreadable:
                    if timetag is None:
                        raise
                    discarded.append(DecodeError(unreadable.reason, f"{unreadable}, in a bundle"))
                    continue
            calls += len(target.calls)
            if found and calls > self.max_route_calls:
                text = f"bundle calls more handlers than max_route_calls = {self.max_route_calls}"
                raise LimitError("max_route_calls", text)
            found.append((timetag, encoded, target, head, values))
        deviations.extend(Deviation(reason, "a bundle") for reason in surplus)
        return found

    def _read_leniently(
        self, data: bytes, error: DecodeError, deviations: list[Deviation]
    ) -> tuple[Target, Head, tuple[Argument, ...]]:
        """Read a message that :meth:`_read` rejected with ``error``, with the same result.

        Appends to ``deviations``. Raises ``error``, or another :class:`DecodeError`.
        """
        found = read_leniently(data, self.limits, error)
        address = found.address
        if self._adds_slash and not address.startswith("/"):
            address = "/" + address
        deviations.extend(Deviation(reason, found.address) for reason in found.deviations)
        head = Head(address, found.types, found.start, found.layout)
        return self._target(address, found.types), head, found.args
