"""A batch on its way to an endpoint: which messages are settled, and which count already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from oscbridge.contract.delivery import Deliverable

__all__ = ["Loss", "Settled", "UnsettledBatch"]


class Loss(NamedTuple):
    """Why a message is not delivered."""

    reason: str
    """One word, for counters."""
    error: BaseException


class Settled(NamedTuple):
    """Messages that count from now on: those that were accepted, and the losses of the others."""

    accepted: Sequence[Deliverable]
    lost: Sequence[Loss]


class UnsettledBatch:
    """Messages taken from a queue together.

    They are settled in any order: accepted, or lost. They count in the order of the queue,
    because a spool forgets them in that order: a message that counts as sent is never sent
    again, not even after a restart.
    """

    def __init__(self, messages: Sequence[Deliverable]) -> None:
        self._messages = messages
        self._first = 0
        """The first message that is not settled."""
        self._early: dict[int, Loss | None] = {}
        """Settled messages after it; None for accepted."""

    @property
    def pending(self) -> int:
        """Messages that do not count yet."""
        return len(self._messages) - self._first

    @property
    def unsettled(self) -> Sequence[Deliverable]:
        """Messages that are still to be sent, in order."""
        if not self._early:
            return self._messages[self._first :] if self._first else self._messages
        return [self._messages[place] for place in self._places()]

    def accept(self, count: int) -> Settled:
        """Accept the first ``count`` of :attr:`unsettled`."""
        if self._early:
            return self.settle(dict.fromkeys(range(count)))
        start, self._first = self._first, min(self._first + count, len(self._messages))
        whole = not start and self._first == len(self._messages)
        return Settled(self._messages if whole else self._messages[start : self._first], ())

    def accept_all(self) -> Sequence[Deliverable]:
        """Accept all messages, of which none is settled. Returns them."""
        self._first = len(self._messages)
        return self._messages

    def settle(self, outcomes: Mapping[int, Loss | None]) -> Settled:
        """Settle messages by their index in :attr:`unsettled`: lost, or accepted with None.

        An index that does not exist is ignored.
        """
        places = self._places()
        for index, loss in outcomes.items():
            if 0 <= index < len(places):
                self._early[places[index]] = loss
        end = self._first
        while end in self._early:
            end += 1
        settled = range(self._first, end)
        self._first = end
        return self._take(settled)

    def settle_early(self) -> Settled:
        """Count settled messages even if earlier ones are not settled. Only at the end."""
        rest = self.unsettled
        settled = self._take(sorted(self._early))
        self._messages, self._first = rest, 0
        return settled

    def _places(self) -> list[int]:
        return [n for n in range(self._first, len(self._messages)) if n not in self._early]

    def _take(self, places: Sequence[int]) -> Settled:
        losses = {place: self._early.pop(place) for place in places}
        accepted = [self._messages[place] for place, loss in losses.items() if loss is None]
        return Settled(accepted, [loss for loss in losses.values() if loss is not None])
