"""Something that a page watches."""

from __future__ import annotations

from abc import ABC, abstractmethod

from pydantic import BaseModel

__all__ = ["Topic"]


class Topic(ABC):
    """What one page gets of one topic. On the event loop."""

    @abstractmethod
    def take(self) -> BaseModel | None:
        """The changes since the last call; None if there are none."""

    @abstractmethod
    def close(self) -> None:
        """The page watches it no longer."""
