"""The last message of each address."""

from __future__ import annotations

from oscbridge import Message
from oscbridge.bridge.sinks.last_values import LastValues


def test_last_values_are_bounded_and_ordered_by_their_last_update() -> None:
    warnings: list[str] = []
    latest = LastValues(3, lambda: warnings.append("more than 3"))
    for address, value in (("/a", 1), ("/b", 1), ("/a", 2), ("/c", 1), ("/d", 1)):
        latest.add([Message.of(address, value)])
    assert [(m.address, m.args[0]) for m in latest.values()] == [("/a", 2), ("/c", 1), ("/d", 1)]
    latest.add([Message.of("/e", 1)])
    assert (latest.forgotten, warnings) == (2, ["more than 3"])
