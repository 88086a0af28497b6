"""Finds loops: publications of one endpoint that return by another endpoint of the broker.

A publication is recognised by topic and payload. It is the end of a chain of so many publications
as endpoints have passed the message on; a loop makes the chain longer and longer.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from typing import Final, Protocol, runtime_checkable

import oscbridge
from oscbridge_mqtt.options import MQTTOptions
from oscbridge_mqtt.peers import BrokerPeer, ReturnedPeer

__all__ = ["BLOCK_SECONDS", "LOOP_RETURNS", "LOOP_SECONDS", "LoopGuard", "LoopWatch",
           "Publications"]  # fmt: skip

LOOP_RETURNS: Final = 100
"""Returns that prove a loop, of one publication or at the end of long chains."""

LOOP_SECONDS: Final = 1.0
"""Seconds within which they prove it."""

BLOCK_SECONDS: Final = 10.0
"""Seconds for which a loop is blocked before it is tried again."""

LONG_CHAIN: Final = 8
"""Publications in a chain that no intended route makes."""

MAX_PUBLICATIONS: Final = 10_000
"""Most publications remembered at once."""

MAX_WATCHED: Final = 1_000
"""Most different publications whose returns are counted at once."""


class Publications:
    """The publications of an endpoint within the last second, for its neighbours."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._recent: OrderedDict[int, tuple[float, int]] = OrderedDict()

    def add(self, topic: str, payload: bytes, length: int) -> None:
        """Remember a publication that is the end of a chain of ``length``."""
        key = hash((topic, payload))
        recent = self._recent
        recent[key] = (self._clock(), length)
        recent.move_to_end(key)
        if len(recent) > MAX_PUBLICATIONS:
            recent.popitem(last=False)

    def chain_length(self, topic: str, payload: bytes) -> int:
        """The length of the chain that a publication ends; 0 if it is not ours."""
        found = self._recent.get(hash((topic, payload)))
        if found is None or self._clock() - found[0] > LOOP_SECONDS:
            return 0
        return found[1]


class LoopGuard:
    """Counts what returns from one neighbour, and blocks it when that is a loop."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._returns: dict[int, deque[float]] = {}
        self._long = _window()
        self._blocked_until = 0.0

    @property
    def is_blocked(self) -> bool:
        return self._clock() < self._blocked_until

    def is_loop(self, topic: str, payload: bytes, length: int) -> bool:
        """Count a return. Whether it proves a loop; then the neighbour is blocked for 10 s."""
        now = self._clock()
        key = hash((topic, payload))
        returns = self._returns.get(key)
        if returns is None:
            if len(self._returns) >= MAX_WATCHED:
                self._returns.clear()
            returns = self._returns[key] = _window()
        if not (_is_full(returns, now) or (length >= LONG_CHAIN and _is_full(self._long, now))):
            return False
        self._blocked_until = now + BLOCK_SECONDS
        self._returns.clear()
        self._long.clear()
        return True


class LoopWatch:
    """The publications of one endpoint, and what returns here from others."""

    def __init__(self, log: logging.Logger) -> None:
        self.is_heard = False
        """Whether another endpoint may receive what this one publishes."""
        self.publications = Publications()
        self._log = log
        self._met: object = ()
        self._guards: list[tuple[str, Publications, LoopGuard]] = []

    def meet(self, neighbours: Sequence[oscbridge.SharesMedium[MQTTOptions]]) -> LoopWatch:
        """Watch what these endpoints publish; returns itself."""
        if neighbours is not self._met:
            self._met = neighbours
            known = {id(publications): guard for _, publications, guard in self._guards}
            others = [each for each in neighbours if isinstance(each, _Neighbour)]
            self.is_heard = any(each.options.subscribe for each in others)
            self._guards = [
                (each.name, made, known.get(id(made)) or LoopGuard())
                for each in others
                for made in [each.loops.publications]
            ]
        return self

    def published(self, topic: str, payload: bytes, message: oscbridge.Message) -> None:
        """The endpoint publishes a message."""
        peer = None if message.origin is None else message.origin.peer
        length = peer.chain if isinstance(peer, ReturnedPeer) else 0
        self.publications.add(topic, payload, length + 1)

    def returned(self, topic: str, payload: bytes, peer: BrokerPeer) -> BrokerPeer:
        """The peer of a received message, marked if another endpoint has published it.

        Raises :class:`oscbridge.DecodeError` for one of a loop.
        """
        for name, publications, guard in self._guards:
            length = publications.chain_length(topic, payload)
            if not length:
                continue
            if not guard.is_blocked:
                if not guard.is_loop(topic, payload, length):
                    return ReturnedPeer.of(peer, length)
                self._log.warning(
                    "endless loop: what endpoint.%s publishes returns here and is published again, "
                    "last %r; ignoring its messages for %g s; check the routes between them",
                    name, topic[:100], BLOCK_SECONDS,
                )  # fmt: skip
            raise oscbridge.DecodeError("loop", f"published by endpoint.{name}, part of a loop")
        return peer


@runtime_checkable
class _Neighbour(Protocol):
    """Another MQTT endpoint."""

    name: str
    options: MQTTOptions
    loops: LoopWatch


def _window() -> deque[float]:
    return deque(maxlen=LOOP_RETURNS)


def _is_full(window: deque[float], now: float) -> bool:
    """Count one more. Whether there were 100 within a second."""
    window.append(now)
    return len(window) == LOOP_RETURNS and now - window[0] <= LOOP_SECONDS
