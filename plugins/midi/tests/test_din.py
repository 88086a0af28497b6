"""The queue before a DIN cable."""

from __future__ import annotations

from oscbridge_midi.codec import coalesce_key
from oscbridge_midi.din import MAX_EVENTS, DinQueue, QueuedMessages


def item(wire: str) -> QueuedMessages:
    messages = (bytes.fromhex(wire),)
    return QueuedMessages(messages, coalesce_key(messages))


def test_events_overtake_controllers_and_keep_their_order() -> None:
    lanes = DinQueue()
    replaced = [
        lanes.put(item(wire)) for wire in ("b00701", "903c40", "b00702", "803c40", "b00801")
    ]
    assert replaced == [False, False, True, False, False]
    sent = []
    while (each := lanes.take()) is not None:
        sent.append(each.messages[0].hex())
    assert sent == ["903c40", "803c40", "b00702", "b00801"]


def test_event_lane_is_bounded() -> None:
    lanes = DinQueue()
    for _ in range(MAX_EVENTS):
        assert not lanes.is_full
        lanes.put(item("903c40"))
    assert lanes.is_full
    assert len(lanes.clear()) == MAX_EVENTS
