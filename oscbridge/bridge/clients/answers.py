"""Which messages are answers, and to whom: for ``answers = "asker"``."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, NamedTuple

from oscbridge.bridge.routes.config import MAX_ADDRESSES
from oscbridge.net.socket_address import ClientAddress

__all__ = ["ASK_TIME", "MAX_ASKERS", "AnswerBatch", "Answers"]

ASK_TIME: Final = 1.0
"""Seconds within which a message that repeats a value is the answer to a question."""

MAX_ASKERS: Final = 8_192
"""Addresses and their askers, together, that are known; see :meth:`Answers.asked`."""

MAX_PACKET: Final = 128
"""Bytes of a packet that is kept as it is; of a larger one its hash is."""

HASH_SIZE: Final = 16


class _Asked(NamedTuple):
    """The latest questions: the client, and the time."""

    by_address: dict[str, dict[ClientAddress, float]]
    anything: dict[ClientAddress, float]


class Answers:
    """Knows the last value of each address, and which clients have asked lately.

    A packet that repeats the last value of its address is the answer to the client that has sent
    to this address, or else anything, within :data:`ASK_TIME`. ``clock`` returns seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last: OrderedDict[str, bytes] = OrderedDict()
        self._asked = _Asked({}, {})
        self._count = 0
        """About how many entries ``_asked`` has: threads count without a lock."""

    def clear(self) -> None:
        """Forget everything."""
        self._last.clear()
        self._forget()

    def _forget(self) -> None:
        self._asked = _Asked({}, {})
        self._count = 0

    def asked(self, client: ClientAddress, address: str) -> None:
        """Note that a client has sent a message to an address. From any thread.

        If too many are known, those whose time is over are forgotten; if these are few, all are,
        so that answers go to everyone.
        """
        now = self._clock()
        if self._count >= MAX_ASKERS:
            self._prune(now - ASK_TIME)
        by_address, anything = self._asked
        for known in (by_address.setdefault(address, {}), anything):
            if client not in known:
                self._count += 1
            known[client] = now

    def _prune(self, since: float) -> None:
        by_address, anything = self._asked
        new = _Asked({}, _since(since, anything))
        for address, clients in by_address.copy().items():
            if recent := _since(since, clients):
                new.by_address[address] = recent
        self._count = len(new.anything) + sum(map(len, new.by_address.values()))
        self._asked = new
        if self._count > MAX_ASKERS // 2:
            self._forget()

    def batch(self) -> AnswerBatch:
        """To be used for messages that are sent together."""
        return AnswerBatch(self._last, self.recent_askers)

    def recent_askers(self, address: str) -> list[ClientAddress]:
        """The clients that have lately sent to an address or, without any, those to another."""
        by_address, anything = self._asked
        if not anything:
            return []
        since = self._clock() - ASK_TIME
        return list(_since(since, by_address.get(address, {})) or _since(since, anything))


class AnswerBatch:
    """Finds the answers among messages that are sent together, if they are sent."""

    def __init__(
        self, last: OrderedDict[str, bytes], askers: Callable[[str], list[ClientAddress]]
    ) -> None:
        self._last = last
        self._new: dict[str, bytes] = {}
        self._askers = askers

    def askers(self, address: str, packet: bytes) -> list[ClientAddress] | None:
        """The clients for which a packet is the answer; None if it is for all."""
        value = packet
        if len(packet) > MAX_PACKET:
            value = hashlib.blake2b(packet, digest_size=HASH_SIZE).digest()
        before = self._new.get(address) or self._last.get(address)
        self._new[address] = value
        if before != value:
            return None
        return self._askers(address) or None  # else not an answer

    def sent(self) -> None:
        """Note that the messages were sent. Above a limit the oldest value is forgotten."""
        for address, value in self._new.items():
            self._last[address] = value
            self._last.move_to_end(address)
            if len(self._last) > MAX_ADDRESSES:
                self._last.popitem(last=False)


def _since(since: float, asked: dict[ClientAddress, float]) -> dict[ClientAddress, float]:
    """The clients that were heard since a time."""
    return {client: when for client, when in asked.copy().items() if when >= since}
