"""Which messages written to a transport have not left it yet."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

__all__ = ["UnsentMessages"]


class UnsentMessages:
    """The messages behind the unsent bytes of a transport. Costs nothing while there are none."""

    def __init__(self) -> None:
        self._written = 0
        """Bytes since the transport was empty last."""
        self._batches: deque[tuple[int, Sequence[bytes]]] = deque()
        """Where each batch ends among these bytes, and its messages."""

    def wrote(self, messages: Sequence[bytes], size: int, unsent: int) -> None:
        """Note a batch of ``size`` bytes; ``unsent`` bytes are in the transport after it."""
        if not unsent:
            self.clear()
            return
        self._written = max(self._written + size, unsent)
        self._batches.append((self._written, messages))
        while self._batches[0][0] <= self._written - unsent:
            self._batches.popleft()

    def count(self, unsent: int | None = None) -> int:
        """Messages of which a part is unsent, with so many bytes in the transport.

        None: as far as is known from the last batch.
        """
        left = 0
        boundary = 0 if unsent is None else self._written - unsent
        for end, messages in self._batches:
            for message in reversed(messages):
                if end <= boundary:
                    break
                left += 1
                end -= len(message)
        return left

    def clear(self) -> None:
        """Forget them: all bytes have left the transport, or they have been counted."""
        self._written = 0
        self._batches.clear()
