"""The problems of the tasks of one endpoint, of which each may have its own."""

from __future__ import annotations

from typing import Final, Protocol

__all__ = ["PUBLISHER", "Problems", "ShowsProblem"]

PUBLISHER: Final = "publisher"
"""The source of the problems of messages on their way to the stream. It is shown last: others know
the reason for it."""


class ShowsProblem(Protocol):
    """Shows one problem of an endpoint; the host does."""

    def unreachable(self, text: str) -> None:
        """Show and log a problem."""

    def reachable(self) -> None:
        """There is none any more."""


class Problems:
    """Shows the oldest problem until it is over, and then the next one; the publisher's last."""

    def __init__(self) -> None:
        self._found: dict[str, str] = {}
        """By source, the oldest first."""
        self._shown = ""

    def clear(self) -> None:
        """Forget all, for a new connection."""
        self._found.clear()
        self._shown = ""

    def report(self, host: ShowsProblem, source: str, problem: str) -> None:
        """Note the problem of a source; empty when it is over."""
        if problem:
            self._found[source] = problem
        else:
            self._found.pop(source, None)
        first = next((each for each in self._found if each != PUBLISHER), PUBLISHER)
        text = self._found.get(first, "")
        before, self._shown = self._shown, text
        if text and (text != before or first == source):
            host.unreachable(text)
        elif before and not text:
            host.reachable()
