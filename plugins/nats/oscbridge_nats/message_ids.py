"""The identifiers by which a stream recognises a message that is published again."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence

from oscbridge_nats.publication import NATSDelivery

__all__ = ["MessageIds"]


class MessageIds:
    """Gives each message one identifier, however often it is published.

    That of a message in a spool is also the same after a restart. The others are known as objects:
    the host offers the same ones again.
    """

    def __init__(self) -> None:
        self._start = secrets.token_hex(8)
        self._count = 0
        self._ids: dict[int, tuple[NATSDelivery, str]] = {}
        """By ``id``. The messages are referenced, so that no others get their ``id``."""

    def of(self, deliveries: Sequence[NATSDelivery], record_ids: Sequence[str]) -> Sequence[str]:
        """The identifiers of a batch. Messages that are not in it any more are forgotten."""
        known, self._ids = self._ids, {}
        found: list[str] = []
        for delivery, record_id in zip(deliveries, record_ids, strict=True):
            key = id(delivery)
            text = known[key][1] if key in known else record_id or self._new()
            self._ids[key] = (delivery, text)
            found.append(text)
        return found

    def _new(self) -> str:
        self._count += 1
        return f"{self._start}-{self._count}"

    def settled(self, deliveries: Sequence[NATSDelivery], places: Iterable[int]) -> None:
        """Forget messages that are not published again, by their places in the batch."""
        for place in places:
            self._ids.pop(id(deliveries[place]), None)
