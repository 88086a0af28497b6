"""The bridge's side of an endpoint: it delivers, counts, reports, and stops in time."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence

import pytest

from oscbridge import (
    BackOff,
    BadMessage,
    DecodeError,
    Endpoint,
    EndpointError,
    Message,
    NotConnected,
    Options,
    encode_message,
)
from oscbridge.bridge import delivery as module
from oscbridge.bridge.delivery import Delivery

MESSAGES = [Message("/n", "i", (n,)) for n in range(5)]


class Picky(Endpoint):
    """Raises what it is told to, for the messages that it is told."""

    def __init__(self, errors: dict[int, Exception] | None = None) -> None:
        super().__init__("picky", Options())
        self.errors = errors or {}
        self.got: list[object] = []
        self.closed = 0

    async def send(self, message: Message) -> None:
        number = message.args[0]
        assert isinstance(number, int)
        if number in self.errors:
            raise self.errors[number]
        self.got.append(number)

    async def close(self) -> None:
        self.closed += 1


async def deliver(endpoint: Endpoint, messages: Sequence[Message] = MESSAGES) -> Delivery:
    """Start, offer, stop."""
    delivery = Delivery(endpoint, "test", routed=True)
    await delivery.start()
    for message in messages:
        delivery.offer(message)
    await delivery.stop()
    return delivery


async def test_what_waits_is_delivered_before_the_endpoint_is_closed() -> None:
    endpoint = Picky()
    delivery = await deliver(endpoint)
    assert endpoint.got == [0, 1, 2, 3, 4]
    assert (delivery.sent, delivery.drops, endpoint.closed) == (5, {}, 1)


@pytest.mark.parametrize(
    ("error", "reason", "text"),
    [
        (BadMessage("no such channel"), "bad", "no such channel"),
        (BackOff(0.0, "too many"), "back_off", "too many"),
        (NotConnected("gone"), "error", "gone"),
        (KeyError("x"), "error", "'x'"),
        (RuntimeError(), "error", "RuntimeError()"),
    ],
)
async def test_an_error_is_counted_and_reported_and_stops_nothing(
    error: Exception, reason: str, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    endpoint = Picky({1: error})
    delivery = await deliver(endpoint)
    assert endpoint.got == [0, 2, 3, 4]
    assert (delivery.sent, delivery.drops) == (4, {reason: 1})
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("oscbridge.endpoint.picky", logging.ERROR)
    assert record.getMessage() == f"1 message lost: {text}"
    assert (record.exc_info is None) == isinstance(error, EndpointError)


async def test_an_endpoint_is_left_alone_for_as_long_as_it_asks() -> None:
    times: list[float] = []

    class Busy(Picky):
        async def send(self, message: Message) -> None:
            times.append(time.monotonic())
            await super().send(message)

    await deliver(Busy({0: BackOff(0.1)}), MESSAGES[:2])
    assert times[1] - times[0] >= 0.1


async def test_when_a_batch_fails_all_of_it_is_counted() -> None:
    class Batch(Picky):
        async def send_batch(self, messages: Sequence[Message]) -> None:
            raise BadMessage("no")

    delivery = await deliver(Batch())
    assert (delivery.sent, delivery.drops) == (0, {"bad": 5})


async def test_what_cannot_be_delivered_in_time_is_counted(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "DRAIN_TIMEOUT", 0.05)

    class Stuck(Picky):
        async def send(self, message: Message) -> None:
            if message.args == (2,):
                await asyncio.Event().wait()
            await super().send(message)

    endpoint = Stuck()
    delivery = await deliver(endpoint)
    assert (delivery.sent, delivery.drops) == (2, {"stopped": 3})
    assert "3 messages lost: there was no time left to deliver them" in caplog.text


async def test_what_comes_while_it_is_stuck_and_waits_is_counted_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "DRAIN_TIMEOUT", 0.05)
    stuck = asyncio.Event()

    class Stuck(Picky):
        async def send(self, message: Message) -> None:
            stuck.set()
            await asyncio.Event().wait()

    delivery = Delivery(Stuck(), "test", routed=True)
    await delivery.start()
    delivery.offer(MESSAGES[0])
    await stuck.wait()
    delivery.offer(MESSAGES[1])
    await delivery.stop()
    assert delivery.drops == {"stopped": 2}


async def test_an_endpoint_that_does_not_end_holds_a_stop_up_for_less_than_two_seconds() -> None:
    release = asyncio.Event()

    class Stubborn(Picky):
        async def send(self, message: Message) -> None:
            while not release.is_set():
                try:
                    await release.wait()
                except asyncio.CancelledError:
                    pass

        async def close(self) -> None:
            await asyncio.Event().wait()

    begin = time.monotonic()
    delivery = await deliver(Stubborn())
    assert time.monotonic() - begin < 2
    assert delivery.drops == {"stopped": 5}
    release.set()


async def test_beyond_the_bound_messages_are_dropped_counted_and_reported(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Small(Picky):
        outbox_size = 2

    endpoint = Small()
    delivery = await deliver(endpoint)
    assert endpoint.got == [3, 4]
    assert delivery.drops == {"full": 3}
    assert "messages" in caplog.text or "1 message lost: they come faster" in caplog.text
    assert len(caplog.records) == 1


async def test_what_comes_before_the_start_and_after_the_stop_is_counted() -> None:
    delivery = Delivery(Picky(), "test", routed=True)
    delivery.offer(MESSAGES[0])
    await delivery.start()
    await delivery.stop()
    delivery.offer(MESSAGES[1])
    assert delivery.drops == {"closed": 2}


async def test_a_connect_that_takes_too_long_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CONNECT_TIMEOUT", 0.05)

    class Slow(Picky):
        async def connect(self) -> None:
            await asyncio.Event().wait()

    delivery = Delivery(Slow(), "test", routed=True)
    with pytest.raises(EndpointError, match=r"no connection within 0\.05 s"):
        await delivery.start()
    await delivery.stop()


async def test_an_endpoint_that_was_never_started_is_not_closed() -> None:
    endpoint = Picky()
    await Delivery(endpoint, "test", routed=True).stop()
    assert endpoint.closed == 0


async def test_an_endpoint_whose_connect_failed_is_closed_once() -> None:
    class Failing(Picky):
        async def connect(self) -> None:
            raise NotConnected("no")

    endpoint = Failing()
    delivery = Delivery(endpoint, "test", routed=True)
    with pytest.raises(NotConnected):
        await delivery.start()
    await delivery.stop()
    await delivery.stop()
    assert endpoint.closed == 1


async def test_a_close_that_raises_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    class Failing(Picky):
        async def close(self) -> None:
            raise RuntimeError("stuck lid")

    await deliver(Failing())
    assert "did not close cleanly: RuntimeError('stuck lid')" in caplog.text


async def test_what_an_endpoint_receives_enters_its_routes() -> None:
    endpoint = Picky()
    delivery = Delivery(endpoint, "test", routed=False)
    got: list[Message] = []
    delivery.dispatcher.map("/n", got.append, needs_message=True)
    await delivery.start()
    endpoint.receive(MESSAGES[0])
    endpoint.receive_packet(encode_message(MESSAGES[1]), ("client", 1))
    await delivery.stop()
    assert [message.args for message in got] == [(0,), (1,)]
    assert got[1].origin == ("picky", ("client", 1))


async def test_a_bad_packet_that_an_endpoint_receives_is_counted() -> None:
    endpoint = Picky()
    delivery = Delivery(endpoint, "test", routed=False)
    await delivery.start()
    endpoint.receive_packet(b"junk", ("client", 1))
    endpoint.host.bad_input(DecodeError("text", "no"), ("client", 1))
    await delivery.stop()
    assert delivery.dispatcher.statistics.bad["text"] == 1
    assert sum(delivery.dispatcher.statistics.bad.values()) == 2


async def test_who_is_refused_is_counted_and_reported(caplog: pytest.LogCaptureFixture) -> None:
    endpoint = Picky()
    delivery = Delivery(endpoint, "test", routed=False)
    endpoint.host.refused("a stranger")
    assert delivery.refusals == 1
    assert "refused a stranger" in caplog.text


def test_an_endpoint_without_a_bridge_says_so() -> None:
    with pytest.raises(RuntimeError, match="'picky' belongs to no bridge yet"):
        Picky().receive(MESSAGES[0])
