"""Which messages written to a transport have not left it yet."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncio import WriteTransport

__all__ = ["UnsentMessages"]


class UnsentMessages:
    """The messages behind the unsent bytes of a transport. Costs nothing while there are none."""

    def __init__(self) -> None:
        self._written = 0
        """Bytes since the transport was empty last."""
        self._left = 0
        """Those of them that had left it after the last batch."""
        self._batches: deque[tuple[int, Sequence[bytes]]] = deque()
        """Where each batch ends among these bytes, and its messages."""

    def wrote_to(self, transport: WriteTransport, messages: Sequence[bytes], size: int) -> None:
        """Note a batch of ``size`` bytes that was written to a transport, which may have failed."""
        failed = transport.is_closing()
        self.wrote(messages, size, None if failed else transport.get_write_buffer_size())

    def wrote(self, messages: Sequence[bytes], size: int, unsent: int | None) -> None:
        """Note a batch of ``size`` bytes; ``unsent`` bytes are in the transport after it.

        None: the transport has failed, and forgotten its bytes. The batch is unsent.
        """
        if unsent == 0:
            self.clear()
            return
        self._written += size
        if unsent is not None:
            self._written = max(self._written, unsent)
        self._batches.append((self._written, messages))
        if unsent is None:
            return
        self._left = self._written - unsent
        while self._batches[0][0] <= self._left:
            self._batches.popleft()

    def count_in(self, transport: WriteTransport) -> int:
        """Messages of which a part is still in a transport, or was in it when it failed."""
        unsent = transport.get_write_buffer_size()
        return self.count(None if not unsent and transport.is_closing() else unsent)

    def count(self, unsent: int | None = None) -> int:
        """Messages of which a part is unsent, with so many bytes in the transport.

        None: as far as is known from the last batch.
        """
        left = 0
        boundary = self._left if unsent is None else self._written - unsent
        for end, messages in self._batches:
            for message in reversed(messages):
                if end <= boundary:
                    break
                left += 1
                end -= len(message)
        return left

    def clear(self) -> None:
        """Forget them: all bytes have left the transport, or they have been counted."""
        self._written = self._left = 0
        self._batches.clear()
