"""Events that are kept for clients that come back."""

from __future__ import annotations

from oscbridge_webhook.history import MAX_HISTORY, EventHistory


def addresses(history: EventHistory, number: int) -> list[str] | None:
    found = history.after(number)
    return None if found is None else [event.address for event in found]


def test_events_after_a_number_are_known_up_to_the_limit() -> None:
    history = EventHistory(2, start=10)
    assert addresses(history, 10) == []
    for address in ("/a", "/b", "/c"):
        history.add(address, b"{}")
    assert addresses(history, 13) == []
    assert addresses(history, 12) == ["/c"]
    assert addresses(history, 11) == ["/b", "/c"]
    assert addresses(history, 10) is None
    assert addresses(history, 14) is None


def test_size_of_all_events_is_limited() -> None:
    history = EventHistory(1_000, start=0)
    for _ in range(3):
        history.add("/a", b"x" * (MAX_HISTORY // 2))
    assert addresses(history, 2) == ["/a"]
    assert addresses(history, 1) is None
    history.add("/a", b"x" * MAX_HISTORY)
    assert addresses(history, 4) == []
    assert addresses(history, 3) is None


def test_cleared_history_knows_nothing_of_the_events_after_it() -> None:
    history = EventHistory(2, start=0)
    history.add("/a", b"{}")
    history.clear()
    assert addresses(history, 1) is None
    assert history.add("/b", b"{}").number == 3


def test_event_is_written_as_server_sent_events_are() -> None:
    assert EventHistory(1, start=6).add("/a", b"{}").data == b"id: 7\ndata: {}\n\n"
