"""Reads messages in the callback of the event loop in which they arrive."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager

from oscbridge_nats.bounded_parser import BoundedParser

__all__ = ["DirectReading"]


class DirectReading(asyncio.Protocol):
    """Stands before the protocol of nats-py, which wakes a task to read.

    That gets the rest from the first other command on, until it has read everything. Sinks
    deliver the messages that were read together without another turn of the loop.
    """

    def __init__(
        self,
        usual: asyncio.Protocol,
        parser: BoundedParser,
        receiving: Callable[[], AbstractContextManager[None]],
        fail: Callable[[], None],
    ) -> None:
        """``fail`` is called at an invalid command."""
        self._usual = usual
        self._parser = parser
        self._receiving = receiving
        self._fail = fail

    def data_received(self, data: bytes) -> None:
        try:
            with self._receiving():
                rest = self._parser.take(data)
        except Exception:  # ValueError: not a number
            self._fail()
            return
        if rest:
            self._usual.data_received(rest)

    def eof_received(self) -> bool | None:
        return self._usual.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._usual.connection_lost(exc)

    def pause_writing(self) -> None:
        self._usual.pause_writing()

    def resume_writing(self) -> None:
        self._usual.resume_writing()
