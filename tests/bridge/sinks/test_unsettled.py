"""A batch may be settled in any order; it is counted in the order of the queue."""

from __future__ import annotations

from oscbridge.bridge.sinks.unsettled import Loss, UnsettledBatch
from oscbridge.osc import Message

MESSAGES = [Message("/n", "i", (n,)) for n in range(6)]
LOSS = Loss("bad", ValueError("no"))


def test_whole_batch_is_accepted_at_once() -> None:
    batch = UnsettledBatch(MESSAGES)
    assert batch.unsettled == MESSAGES
    assert batch.accept(6) == (MESSAGES, ())
    assert (batch.pending, batch.unsettled) == (0, [])


def test_messages_are_accepted_from_the_front() -> None:
    batch = UnsettledBatch(MESSAGES)
    assert batch.accept(2) == (MESSAGES[:2], ())
    assert batch.accept(1) == (MESSAGES[2:3], ())
    assert (batch.pending, batch.unsettled) == (3, MESSAGES[3:])


def test_message_counts_when_all_before_it_are_settled() -> None:
    batch = UnsettledBatch(MESSAGES)
    assert batch.settle({1: None, 3: LOSS, 5: None}) == ([], [])
    assert (batch.pending, batch.unsettled) == (6, [MESSAGES[0], MESSAGES[2], MESSAGES[4]])
    assert batch.settle({0: None}) == (MESSAGES[:2], [])
    assert batch.settle({0: LOSS}) == ([], [LOSS, LOSS])
    assert batch.accept(1) == (MESSAGES[4:], [])
    assert batch.pending == 0


def test_index_that_does_not_exist_is_ignored() -> None:
    batch = UnsettledBatch(MESSAGES[:2])
    assert batch.settle({-1: None, 2: LOSS, 99: None}) == ([], [])
    assert batch.pending == 2


def test_early_messages_can_be_counted_at_the_end() -> None:
    batch = UnsettledBatch(MESSAGES)
    batch.settle({1: None, 3: LOSS, 5: None})
    assert batch.settle_early() == ([MESSAGES[1], MESSAGES[5]], [LOSS])
    assert (batch.pending, batch.unsettled) == (3, [MESSAGES[0], MESSAGES[2], MESSAGES[4]])


def test_at_most_the_whole_batch_is_accepted() -> None:
    batch = UnsettledBatch(MESSAGES[:1])
    batch.accept(5)
    assert batch.pending == 0
