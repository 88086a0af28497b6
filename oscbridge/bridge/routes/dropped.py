"""Messages that a route does not send on."""

from __future__ import annotations

__all__ = ["MessageDropped"]


class MessageDropped(Exception):
    """A message that a route cannot send; ``reason`` is one word, fit for a counter."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason
