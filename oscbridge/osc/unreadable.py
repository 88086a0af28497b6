"""Errors in a message that say nothing about the rest of its bundle."""

from __future__ import annotations

from oscbridge.errors import DecodeError

__all__ = ["BadAddress", "UnknownTypeTag", "UnreadableMessage"]


class UnreadableMessage(DecodeError):
    """A message that is to be discarded. The others of its bundle are not affected."""


class UnknownTypeTag(UnreadableMessage):
    """A type tag that this package does not know.

    OSC 1.0: such a message is to be discarded.
    """

    def __init__(self, text: str) -> None:
        super().__init__("type", text)

    def __reduce__(self) -> tuple[type[UnknownTypeTag], tuple[str]]:  # type: ignore[override]
        return type(self), (str(self),)


class BadAddress(UnreadableMessage):
    """An address that is not UTF-8, of a message whose size is known."""

    def __init__(self, text: str) -> None:
        super().__init__("utf8", text)

    def __reduce__(self) -> tuple[type[BadAddress], tuple[str]]:  # type: ignore[override]
        return type(self), (str(self),)
