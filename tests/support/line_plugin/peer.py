"""A server of lines of text."""

from __future__ import annotations

from collections.abc import Callable

from oscbridge.testing.conformance import TCPServerPeer

__all__ = ["LinePeer"]


class LinePeer(TCPServerPeer):
    """Counts the lines that it receives."""

    greeting = b"hello\n"

    @property
    def options(self) -> dict[str, str]:
        return {"to": f"127.0.0.1:{self.port}"}

    def new_counter(self) -> Callable[[bytes], int]:
        return lambda data: data.count(b"\n")
