"""The endpoint runner: it delivers, counts, reconnects, and stops in time."""

from __future__ import annotations

import asyncio
import logging
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, repeat

import pytest
from stopwatch import Stopwatch

from oscbridge import (
    BackOff,
    BadMessage,
    DecodeError,
    Endpoint,
    EndpointError,
    Message,
    NotConnected,
    Options,
    Origin,
    PartialDelivery,
    encode_message,
)
from oscbridge.bridge.hops import MAX_HOPS, hops_of, origin_after
from oscbridge.bridge.sinks import connection
from oscbridge.bridge.sinks import runner as module
from oscbridge.bridge.sinks.connection import backoff
from oscbridge.bridge.sinks.policies import RunnerOptions
from oscbridge.bridge.sinks.runner import EndpointRunner
from oscbridge.contract.endpoint import OnStart, Policy
from oscbridge.testing import until

NUMBERS = [0, 1, 2, 3, 4]
MESSAGES = [Message("/n", "i", (n,)) for n in NUMBERS]


class Picky(Endpoint):
    """Raises the given errors for the given messages; each once unless ``again``."""

    def __init__(self, errors: dict[int, Exception] | None = None, *, again: bool = False) -> None:
        super().__init__("picky", Options())
        self.errors = errors or {}
        self.again = again
        self.got: list[int] = []
        self.events: list[str] = []
        self.arrived = asyncio.Event()

    def check(self, message: Message) -> int:
        number = message.args[0]
        assert isinstance(number, int)
        error = self.errors.get(number) if self.again else self.errors.pop(number, None)
        if error is not None:
            raise error
        return number

    async def connect(self) -> None:
        self.events.append("connect")

    async def send(self, message: Message) -> None:
        self.got.append(self.check(message))
        self.arrived.set()

    async def close(self) -> None:
        self.events.append("close")

    async def has(self, count: int) -> list[int]:
        """Wait for ``count`` messages and return them."""
        async with asyncio.timeout(10):
            while len(self.got) < count:
                self.arrived.clear()
                await self.arrived.wait()
        return self.got


class Batch(Picky):
    """The same in batches; its errors contain how many messages were accepted before."""

    async def send_batch(self, messages: Sequence[Message]) -> None:
        for count, message in enumerate(messages):
            try:
                number = self.check(message)
            except BadMessage as error:
                raise PartialDelivery(range(count), {count: error}) from None
            except (NotConnected, BackOff) as error:
                raise PartialDelivery(range(count), cause=error) from None
            self.got.append(number)
        self.arrived.set()


def at_once() -> Iterator[float]:
    return repeat(0.0)


def make(
    endpoint: Endpoint,
    policy: Policy = "drop_oldest",
    on_start: OnStart = "error",
    queue_size: int = 1_000,
    waits: Callable[[], Iterator[float]] = at_once,
) -> EndpointRunner:
    options = RunnerOptions(policy, on_start, queue_size)
    return EndpointRunner(endpoint, "test", options, waits=waits)


async def deliver(
    endpoint: Endpoint, messages: Sequence[Message] = MESSAGES, **options: int
) -> EndpointRunner:
    """Start, offer, stop."""
    delivery = make(endpoint, **options)  # type: ignore[arg-type]
    await delivery.start()
    for message in messages:
        delivery.offer(message)
    await delivery.stop()
    return delivery


each_kind = pytest.mark.parametrize("kind", [Picky, Batch])


@each_kind
async def test_stop_delivers_queued_messages_before_closing_the_endpoint(kind: type[Picky]) -> None:
    endpoint = kind()
    delivery = await deliver(endpoint)
    assert endpoint.got == NUMBERS
    assert (delivery.sent, delivery.drops) == (5, {})
    assert endpoint.events == ["connect", "close"]


# --- errors ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "reason", "text"),
    [
        (BadMessage("no such channel"), "bad", "no such channel"),
        (KeyError("x"), "error", f"KeyError: 'x' ({__file__}:"),
        (RuntimeError(), "error", f"RuntimeError ({__file__}:"),
        (asyncio.CancelledError(), "error", f"CancelledError ({__file__}:"),
    ],
)
async def test_send_error_is_counted_and_logged_and_stops_nothing(
    error: Exception, reason: str, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    endpoint = Picky({1: error})
    delivery = await deliver(endpoint)
    assert endpoint.got == [0, 2, 3, 4]
    assert (delivery.sent, delivery.drops) == (4, {reason: 1})
    assert endpoint.events == ["connect", "close"]
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("oscbridge.endpoint.picky", logging.ERROR)
    assert record.getMessage().startswith(f"1 message lost: {text}")
    assert (record.exc_info is None) == isinstance(error, EndpointError)


class Unspeakable(EndpointError):
    """Cannot be shown, and has a reason that cannot be counted."""

    reason = ["a", "list"]  # noqa: RUF012

    def __str__(self) -> str:
        raise SystemExit

    __repr__ = __str__


class UnspeakableMessage(Unspeakable, BadMessage):  # type: ignore[misc]
    """The same about a message."""


@pytest.mark.parametrize("error", [Unspeakable, UnspeakableMessage])
async def test_each_message_lost_by_an_error_without_a_text_is_counted(
    error: type[EndpointError], caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Picky):
        async def send(self, message: Message) -> None:
            raise error

    delivery = make(Broken())
    await delivery.start()
    for number in range(3):
        delivery.offer(Message.of("/n", number))
    await until(lambda: not delivery.queued)
    await delivery.stop()
    assert (delivery.offered, delivery.drops.total()) == (3, 3)
    assert "lost: its text cannot be shown" in caplog.text


async def test_connect_that_raises_an_error_without_a_text_is_a_problem() -> None:
    class Broken(Picky):
        async def connect(self) -> None:
            raise Unspeakable

        async def close(self) -> None:
            raise Unspeakable

    delivery = make(Broken(), on_start="retry")
    await delivery.start()
    assert delivery.problem.startswith("Unspeakable: its text cannot be shown (")
    await delivery.stop()


async def test_error_that_is_its_own_cause_is_a_problem() -> None:
    class Circular(Picky):
        async def connect(self) -> None:
            error = OSError("no way")
            raise error from error

    delivery = make(Circular(), on_start="retry")
    await delivery.start()
    assert delivery.problem == "no way"
    await delivery.stop()


async def test_bad_batch_counts_all_its_messages() -> None:
    class Bad(Picky):
        async def send_batch(self, messages: Sequence[Message]) -> None:
            raise BadMessage("no")

    delivery = await deliver(Bad())
    assert (delivery.sent, delivery.drops) == (0, {"bad": 5})


async def test_bad_message_of_a_batch_does_not_stop_the_others() -> None:
    endpoint = Batch({1: BadMessage("no"), 4: BadMessage("no")}, again=True)
    delivery = await deliver(endpoint)
    assert endpoint.got == [0, 2, 3]
    assert (delivery.sent, delivery.drops) == (3, {"bad": 2})


@each_kind
async def test_back_off_delays_delivery_and_loses_nothing(
    kind: type[Picky],
) -> None:
    endpoint = kind({1: BackOff(0.1)})
    begin = time.monotonic()
    delivery = await deliver(endpoint)
    assert time.monotonic() - begin >= 0.1
    assert endpoint.got == NUMBERS
    assert (delivery.sent, delivery.drops) == (5, {})
    assert endpoint.events == ["connect", "close"]


# --- lost connections --------------------------------------------------------------------------


@each_kind
@pytest.mark.parametrize(
    "error", [NotConnected("gone"), ConnectionResetError(), OSError("x"), TimeoutError()]
)
async def test_messages_in_flight_are_sent_again_after_a_reconnect(
    kind: type[Picky], error: Exception
) -> None:
    endpoint = kind({0: error, 3: NotConnected("again")})
    delivery = make(endpoint)
    await delivery.start()
    for message in MESSAGES:
        delivery.offer(message)
    got = await endpoint.has(5)
    await delivery.stop()
    assert got == NUMBERS
    assert (delivery.sent, delivery.drops) == (5, {})
    assert endpoint.events == ["connect", "close"] * 3


async def test_connection_loss_and_recovery_are_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    endpoint = Picky({0: ConnectionRefusedError(111, "Connection refused")})
    delivery = make(endpoint)
    await delivery.start()
    delivery.offer(MESSAGES[0])
    await endpoint.has(1)
    await delivery.stop()
    first, second = caplog.messages
    assert first == "not connected: connection refused; nothing listens there"
    assert second.startswith("connected again")


async def test_problem_with_a_known_cause_is_logged_without_its_place(
    caplog: pytest.LogCaptureFixture,
) -> None:
    problem = ConnectionResetError("the broker wants TLS")
    problem.__cause__ = OSError("wrong version number")
    endpoint = Picky({0: problem})
    delivery = make(endpoint)
    await delivery.start()
    delivery.offer(MESSAGES[0])
    await endpoint.has(1)
    await delivery.stop()
    first = caplog.records[0]
    assert (first.getMessage(), first.exc_info) == ("not connected: the broker wants TLS", None)


async def test_problem_explains_why_it_is_not_connected() -> None:
    waiting = asyncio.Event()

    def never() -> Iterator[float]:
        waiting.set()
        return repeat(1e6)

    endpoint = Picky({0: NotConnected("gone")})
    delivery = make(endpoint, waits=never)
    await delivery.start()
    assert (delivery.connected, delivery.problem) == (True, "")
    delivery.offer(MESSAGES[0])
    while delivery.connected:
        await asyncio.sleep(0)
    assert delivery.problem == "gone"
    await delivery.stop()
    assert delivery.drops == {"stopped": 1}


class Absent(Picky):
    """Fails to connect at first, and sets the wait."""

    async def connect(self) -> None:
        await super().connect()
        if len(self.events) < 4:
            raise BackOff(0.001, "not there yet")


async def test_back_off_in_connect_sets_the_wait() -> None:
    endpoint = Absent()
    first_only = chain([0.0], repeat(3600.0))
    delivery = make(endpoint, on_start="retry", waits=lambda: first_only)
    await delivery.start()
    delivery.offer(MESSAGES[0])
    assert await endpoint.has(1) == [0]
    await delivery.stop()


def test_backoff_grows_up_to_a_bound_and_is_randomised() -> None:
    random.seed(1)
    first, second = ([next(waits) for _ in range(10)] for waits in (backoff(), backoff()))
    assert first != second
    for number, wait in enumerate(first):
        middle = min(connection.FIRST_WAIT * 2**number, connection.LONGEST_WAIT)
        assert 0.8 * middle <= wait <= 1.2 * middle


class Flapping(Picky):
    """Fails to connect ``tries`` times."""

    def __init__(self, tries: int, error: Exception | None = None) -> None:
        super().__init__()
        self.tries = tries
        self.error = error or ConnectionRefusedError(111, "Connection refused")

    async def connect(self) -> None:
        await super().connect()
        self.tries -= 1
        if self.tries >= 0:
            raise self.error


async def test_waits_are_reset_by_a_good_connection() -> None:
    taken: list[int] = []

    def counting() -> Iterator[float]:
        for number in range(1_000):
            taken.append(number)
            yield 0.0

    endpoint = Flapping(0)
    delivery = make(endpoint, waits=counting)
    await delivery.start()
    for number in (0, 1):
        endpoint.errors = {number: NotConnected()}
        endpoint.tries = 3
        delivery.offer(MESSAGES[number])
        await endpoint.has(number + 1)
    await delivery.stop()
    assert taken == [0, 1, 2, 3, 0, 1, 2, 3]


async def test_message_that_breaks_every_connection_is_dropped_and_counted() -> None:
    endpoint = Picky({1: OSError("poison")}, again=True)
    delivery = make(endpoint)
    await delivery.start()
    for message in MESSAGES:
        delivery.offer(message)
    got = await endpoint.has(4)
    await delivery.stop()
    assert got == [0, 2, 3, 4]
    assert (delivery.sent, delivery.drops) == (4, {"error": 1})


async def test_endpoint_that_reports_a_lost_connection_is_reconnected() -> None:
    endpoint = Picky()
    delivery = make(endpoint)
    await delivery.start()
    endpoint.host.connection_lost(NotConnected("the cable"))
    assert (delivery.connected, delivery.problem) == (False, "the cable")
    delivery.offer(MESSAGES[0])
    await endpoint.has(1)
    assert endpoint.events == ["connect", "close", "connect"]
    await delivery.stop()


async def test_connection_lost_with_a_back_off_is_opened_after_its_seconds() -> None:
    """However often it is lost: the growing waits are not used."""
    endpoint = Picky()
    delivery = make(endpoint, waits=lambda: repeat(3_600.0))
    await delivery.start()
    for _ in range(20):
        endpoint.host.connection_lost(BackOff(0.0, "the cable"))
        assert delivery.problem == "the cable"
        async with asyncio.timeout(20):
            while not delivery.connected:
                await asyncio.sleep(0)
    await delivery.stop()
    assert endpoint.events.count("connect") == 21


async def test_source_that_reports_a_lost_connection_is_reconnected() -> None:
    class Source(Endpoint):
        def __init__(self) -> None:
            super().__init__("source", Options())
            self.connects: asyncio.Queue[None] = asyncio.Queue()

        async def connect(self) -> None:
            self.connects.put_nowait(None)

    endpoint = Source()
    delivery = make(endpoint)
    await delivery.start()
    async with asyncio.timeout(5):
        await endpoint.connects.get()
        endpoint.host.connection_lost(NotConnected())
        await endpoint.connects.get()
    await delivery.stop()


async def test_hanging_send_is_repeated_when_the_connection_is_lost() -> None:
    class Hanging(Picky):
        hangs = asyncio.Event()

        async def send(self, message: Message) -> None:
            if self.events.count("connect") == 1:
                self.hangs.set()
                await asyncio.Event().wait()
            await super().send(message)

    endpoint = Hanging()
    delivery = make(endpoint)
    await delivery.start()
    delivery.offer(MESSAGES[0])
    async with asyncio.timeout(5):
        await endpoint.hangs.wait()
    endpoint.host.connection_lost(NotConnected())
    assert await endpoint.has(1) == [0]
    await delivery.stop()
    assert (delivery.sent, delivery.drops) == (1, {})


async def test_connection_can_be_lost_during_a_back_off() -> None:
    endpoint = Picky({0: BackOff(0.0)})
    delivery = make(endpoint)
    await delivery.start()
    asleep = asyncio.Event()
    plain_sleep = asyncio.sleep
    endpoint.errors[0] = BackOff(0.05)
    endpoint.log.addFilter(lambda _record: asleep.set() or True)  # logged just before
    delivery.offer(MESSAGES[0])
    async with asyncio.timeout(5):
        await asleep.wait()
    await plain_sleep(0)
    endpoint.host.connection_lost(NotConnected())
    assert await endpoint.has(1) == [0]
    await delivery.stop()
    assert (delivery.sent, delivery.drops) == (1, {})


async def test_connection_can_be_lost_while_connecting() -> None:
    class Hasty(Picky):
        async def connect(self) -> None:
            await super().connect()
            if self.events == ["connect"]:
                self.host.connection_lost(NotConnected("at once"))

    endpoint = Hasty()
    delivery = make(endpoint, on_start="retry")
    await delivery.start()
    delivery.offer(MESSAGES[0])
    await endpoint.has(1)
    assert endpoint.events == ["connect", "close", "connect"]
    await delivery.stop()


@each_kind
@pytest.mark.parametrize("seed", range(5))
async def test_each_message_is_delivered_or_counted_once_under_random_failures(
    seed: int, kind: type[Picky], caplog: pytest.LogCaptureFixture
) -> None:
    chance = random.Random(seed)

    class Unlucky(kind):  # type: ignore[misc, valid-type]
        def check(self, message: Message) -> int:
            match chance.randrange(20):
                case 0:
                    raise NotConnected
                case 1:
                    raise BackOff(0.0)
                case 2:
                    raise BadMessage("no")
                case 3:
                    raise ConnectionResetError
            return super().check(message)

        async def connect(self) -> None:
            if chance.randrange(3) == 0:
                raise ConnectionRefusedError
            await super().connect()

        async def send(self, message: Message) -> None:
            await asyncio.sleep(0)
            await super().send(message)

    endpoint = Unlucky()
    delivery = make(endpoint, on_start="retry", queue_size=50)
    await delivery.start()
    total = 2_000
    for number in range(total):
        delivery.offer(Message("/n", "i", (number,)))
        if chance.randrange(30) == 0:
            await asyncio.sleep(0)
        if chance.randrange(200) == 0:
            endpoint.host.connection_lost(NotConnected())
    await delivery.stop()
    # A batch that was in flight when its connection broke may arrive twice.
    assert sorted(set(endpoint.got)) == endpoint.got or kind is Batch
    assert delivery.sent + sum(delivery.drops.values()) == total
    assert delivery.sent > 0


# --- start -------------------------------------------------------------------------------------


async def test_retry_connects_an_endpoint_that_is_down_at_the_start() -> None:
    endpoint = Flapping(3)
    delivery = make(endpoint, on_start="retry")
    await delivery.start()
    for message in MESSAGES:
        delivery.offer(message)
    assert await endpoint.has(5) == NUMBERS
    assert endpoint.events == ["connect", "close"] * 3 + ["connect"]
    await delivery.stop()
    assert (delivery.sent, delivery.drops) == (5, {})


async def test_error_raises_for_an_endpoint_that_is_down_at_the_start() -> None:
    delivery = make(Flapping(1), on_start="error")
    with pytest.raises(ConnectionRefusedError):
        await delivery.start()
    await delivery.stop()


async def test_ignore_closes_an_endpoint_that_is_down_at_the_start(
    caplog: pytest.LogCaptureFixture,
) -> None:
    endpoint = Flapping(1)
    delivery = make(endpoint, on_start="ignore")
    await delivery.start()
    delivery.offer(MESSAGES[0])
    await delivery.stop()
    assert endpoint.events == ["connect", "close"]
    assert delivery.drops == {"closed": 1}
    assert "not connected: connection refused" in caplog.text


async def test_unresponsive_endpoint_does_not_delay_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "START_TIMEOUT", 0.05)

    class Silent(Picky):
        async def connect(self) -> None:
            await asyncio.Event().wait()

    delivery = make(Silent(), on_start="retry")
    async with asyncio.timeout(5):
        await delivery.start()
    delivery.offer(MESSAGES[0])
    await delivery.stop()
    assert delivery.drops == {"stopped": 1}


async def test_connect_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "CONNECT_TIMEOUT", 0.05)

    class Slow(Picky):
        async def connect(self) -> None:
            await asyncio.Event().wait()

    delivery = make(Slow())
    with pytest.raises(EndpointError, match=r"no connection within 0\.05 s"):
        await delivery.start()
    await delivery.stop()


async def test_connect_that_cancels_itself_is_an_error() -> None:
    delivery = make(Flapping(1, asyncio.CancelledError()))  # type: ignore[arg-type]
    with pytest.raises(EndpointError, match=r"^CancelledError \(.*test_runner.py:\d+\)$"):
        await delivery.start()
    await delivery.stop()


@pytest.mark.parametrize(
    ("why", "text"), [("", "3 messages lost: tired"), ("it sleeps", "3 messages lost: it sleeps")]
)
async def test_messages_dropped_by_an_endpoint_are_counted_and_logged_with_its_reason(
    why: str, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    delivery = make(Picky())
    delivery.endpoint.host.dropped("tired", 3, why)
    assert delivery.drops == {"tired": 3}
    assert text in caplog.text


# --- a plugin that exits -------------------------------------------------------------------------


async def test_connect_that_exits_is_an_error_of_the_endpoint() -> None:
    delivery = make(Flapping(1, SystemExit(3)))  # type: ignore[arg-type]
    with pytest.raises(EndpointError, match=r"^SystemExit: 3 \(.*test_runner.py:\d+\)$"):
        await delivery.start()
    await delivery.stop()


@each_kind
async def test_send_that_exits_loses_its_message_only(
    kind: type[Picky], caplog: pytest.LogCaptureFixture
) -> None:
    class Exits(kind):  # type: ignore[misc, valid-type]
        def check(self, message: Message) -> int:
            if message.args == (2,):
                raise SystemExit(3)
            return super().check(message)

        async def close(self) -> None:
            await super().close()
            raise SystemExit(4)

    endpoint = Exits()
    delivery = make(endpoint)
    await delivery.start()
    for message in MESSAGES:
        delivery.offer(message)
        async with asyncio.timeout(5):
            while delivery.queued:
                await asyncio.sleep(0)
    await delivery.stop()
    assert delivery.sent + delivery.drops["error"] == len(MESSAGES)
    assert delivery.drops["error"] > 0
    assert "SystemExit: 4 (" in caplog.text


# --- stop --------------------------------------------------------------------------------------


async def test_stop_counts_messages_that_are_not_delivered_in_time(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "DRAIN_TIMEOUT", 0.05)

    class Stuck(Picky):
        async def send(self, message: Message) -> None:
            if message.args == (2,):
                await asyncio.Event().wait()
            await super().send(message)

    delivery = await deliver(Stuck())
    assert (delivery.sent, delivery.drops) == (2, {"stopped": 3})
    assert "3 messages lost: no time left to deliver them" in caplog.text


async def test_stop_counts_queued_messages_of_a_stuck_endpoint(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "DRAIN_TIMEOUT", 0.05)
    stuck = asyncio.Event()

    class Stuck(Picky):
        async def send(self, message: Message) -> None:
            stuck.set()
            await asyncio.Event().wait()

    delivery = make(Stuck())
    await delivery.start()
    delivery.offer(MESSAGES[0])
    await stuck.wait()
    delivery.offer(MESSAGES[1])
    await delivery.stop()
    assert delivery.drops == {"stopped": 2}


async def test_stubborn_endpoint_delays_a_stop_by_less_than_two_seconds() -> None:
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


async def test_stop_while_reconnecting_ends_at_once_and_counts_the_queue() -> None:
    endpoint = Flapping(1_000_000)
    delivery = make(endpoint, on_start="retry", waits=lambda: repeat(1e6))
    await delivery.start()
    for message in MESSAGES:
        delivery.offer(message)
    stopwatch = Stopwatch()
    await delivery.stop()
    assert stopwatch.seconds < 0.5
    assert (delivery.sent, delivery.drops) == (0, {"stopped": 5})
    assert endpoint.events == ["connect", "close"]


async def test_stop_while_a_batch_waits_for_its_connection_counts_the_rest() -> None:
    endpoint = Batch({3: NotConnected()})
    delivery = make(endpoint, waits=lambda: repeat(1e6))
    await delivery.start()
    for message in MESSAGES:
        delivery.offer(message)
    await endpoint_gone(delivery)
    delivery.offer(MESSAGES[0])
    await delivery.stop()
    assert endpoint.got == [0, 1, 2]
    assert (delivery.sent, delivery.drops) == (3, {"stopped": 3})


async def endpoint_gone(delivery: EndpointRunner) -> None:
    async with asyncio.timeout(5):
        while delivery.connected:
            await asyncio.sleep(0)


async def test_full_queue_drops_counts_and_logs_messages(
    caplog: pytest.LogCaptureFixture,
) -> None:
    endpoint = Picky()
    delivery = await deliver(endpoint, queue_size=2)
    assert endpoint.got == [3, 4]
    assert delivery.drops == {"full": 3}
    (text,) = caplog.messages
    assert text == "1 message lost: they arrive faster than they can be delivered"


async def test_messages_before_the_start_and_after_the_stop_are_counted() -> None:
    delivery = make(Picky())
    delivery.offer(MESSAGES[0])
    await delivery.start()
    await delivery.stop()
    delivery.offer(MESSAGES[1])
    assert delivery.drops == {"closed": 2}


async def test_endpoint_that_was_never_started_is_not_closed() -> None:
    endpoint = Picky()
    await make(endpoint).stop()
    assert endpoint.events == []


async def test_endpoint_whose_connect_failed_is_closed_once() -> None:
    endpoint = Flapping(1)
    delivery = make(endpoint)
    with pytest.raises(ConnectionRefusedError):
        await delivery.start()
    await delivery.stop()
    await delivery.stop()
    assert endpoint.events == ["connect", "close"]


async def test_close_that_raises_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    class Failing(Picky):
        async def close(self) -> None:
            raise RuntimeError("stuck lid")

    await deliver(Failing())
    assert f"close failed: RuntimeError: stuck lid ({__file__}:" in caplog.text


# --- cost --------------------------------------------------------------------------------------


@each_kind
async def test_delivery_creates_no_tasks(kind: type[Picky]) -> None:
    endpoint = kind()
    delivery = make(endpoint)
    await delivery.start()
    made: list[object] = []
    loop = asyncio.get_running_loop()

    def factory(loop: asyncio.AbstractEventLoop, coroutine: object, **options: object) -> object:
        made.append(coroutine)
        return asyncio.Task(coroutine, loop=loop, **options)  # type: ignore[arg-type, call-overload]

    loop.set_task_factory(factory)  # type: ignore[arg-type]
    for message in MESSAGES:
        delivery.offer(message)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    loop.set_task_factory(None)
    assert endpoint.got == NUMBERS
    assert made == []
    await delivery.stop()


@each_kind
async def test_endpoint_that_never_waits_does_not_block_the_loop(kind: type[Picky]) -> None:
    """An endpoint that offers itself messages keeps its queue full forever."""

    class Endless(kind):  # type: ignore[misc, valid-type]
        def check(self, message: Message) -> int:
            delivery.offer(message)
            return super().check(message)

    endpoint = Endless()
    delivery = make(endpoint)
    await delivery.start()
    for number in range(100):
        delivery.offer(Message("/n", "i", (number,)))
    async with asyncio.timeout(5):
        for _ in range(10):
            await asyncio.sleep(0)
    await delivery.stop()
    assert delivery.sent > 0


# --- the endpoint as a source ------------------------------------------------------------------


async def test_received_messages_enter_the_routes() -> None:
    endpoint = Picky()
    delivery = make(endpoint)
    got: list[Message] = []
    delivery.dispatcher.map("/n", got.append, needs_message=True)
    await delivery.start()
    endpoint.receive(MESSAGES[0])
    endpoint.host.receive_packet(encode_message(MESSAGES[1]), ("client", 1))
    await delivery.stop()
    assert [message.args for message in got] == [(0,), (1,)]
    assert got[1].origin == Origin("picky", ("client", 1))


async def test_message_after_too_many_hops_is_dropped_and_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    endpoint = Picky()
    delivery = make(endpoint)
    got: list[Message] = []
    delivery.dispatcher.map("/n", got.append, needs_message=True)
    for hops in (0, MAX_HOPS - 1, MAX_HOPS):
        endpoint.receive(MESSAGES[0]._replace(origin=origin_after("other", None, hops)))
    assert [message.origin for message in got] == [Origin("picky", ("", 0))] * 2
    assert [hops_of(message.origin) for message in got] == [1, MAX_HOPS]
    assert delivery.dispatcher.statistics.dropped == {"loop": 1}
    assert delivery.dispatcher.statistics.held == 0
    assert "do routes form a ring?" in caplog.text


async def test_snapshot_has_the_last_values_of_an_endpoint_that_asks_for_them() -> None:
    class StatefulStep(Picky):
        keeps_last_values = True

    endpoint = StatefulStep({9: BadMessage("no")})
    delivery = make(endpoint)
    await delivery.start()
    for address, value in (("/a", 1), ("/b", 2), ("/a", 3), ("/c", 9)):
        delivery.offer(Message(address, "i", (value,)))
    await endpoint.has(3)
    await delivery.stop()
    assert [(m.address, m.args) for m in endpoint.host.last_values()] == [
        ("/b", (2,)),
        ("/a", (3,)),
    ]


async def test_received_bad_packet_is_counted() -> None:
    endpoint = Picky()
    delivery = make(endpoint)
    await delivery.start()
    endpoint.host.receive_packet(b"junk", ("client", 1))
    endpoint.host.bad_input(DecodeError("text", "no"), ("client", 1))
    await delivery.stop()
    assert delivery.dispatcher.statistics.bad["text"] == 1
    assert sum(delivery.dispatcher.statistics.bad.values()) == 2


async def test_refused_client_is_counted_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    endpoint = Picky()
    delivery = make(endpoint)
    endpoint.host.refused("a stranger")
    assert delivery.refusals == 1
    assert "refused a stranger" in caplog.text


def test_endpoint_without_a_bridge_raises() -> None:
    with pytest.raises(RuntimeError, match="'picky' belongs to no bridge yet"):
        Picky().receive(MESSAGES[0])


# --- counters and latency ----------------------------------------------------------------------


async def test_offered_equals_sent_dropped_and_queued() -> None:
    class Stuck(Picky):
        async def send(self, message: Message) -> None:
            if message.args == (2,):
                await asyncio.Event().wait()
            await super().send(message)

    endpoint = Stuck({1: BadMessage("no")})
    delivery = make(endpoint, queue_size=3)
    delivery.offer(MESSAGES[0])
    assert (delivery.offered, delivery.queued, delivery.drops) == (1, 0, {"closed": 1})
    await delivery.start()
    for message in MESSAGES[:3]:
        delivery.offer(message)
    await endpoint.has(1)
    async with asyncio.timeout(5):
        while delivery.queued > 1:
            await asyncio.sleep(0)
    for message in MESSAGES:
        delivery.offer(message)
    # One is in flight, three wait, two were dropped.
    assert (delivery.offered, delivery.sent, delivery.queued) == (9, 1, 4)
    assert delivery.drops == {"closed": 1, "bad": 1, "full": 2}
    await delivery.stop(0)
    assert (delivery.offered, delivery.sent, delivery.queued) == (9, 1, 0)
    assert sum(delivery.drops.values()) == 8
    delivery.offer(MESSAGES[0])
    assert (delivery.offered, delivery.drops["closed"]) == (10, 2)


async def test_messages_from_another_thread_during_a_stop_are_offered_and_counted() -> None:
    delivery = make(Picky())
    await delivery.start()
    stop = threading.Event()
    offers = 0

    def work() -> None:
        nonlocal offers
        while not stop.is_set():
            delivery.offer(MESSAGES[0])
            offers += 1

    thread = threading.Thread(target=work)
    thread.start()
    await delivery.stop()
    stop.set()
    await asyncio.to_thread(thread.join)
    assert delivery.offered == offers == delivery.sent + sum(delivery.drops.values())


@each_kind
async def test_latency_is_measured_until_send_returns(
    kind: type[Picky],
) -> None:
    class Slow(kind):  # type: ignore[misc, valid-type]
        async def send(self, message: Message) -> None:
            await asyncio.sleep(0.03)
            await super().send(message)

        async def send_batch(self, messages: Sequence[Message]) -> None:
            await asyncio.sleep(0.03)
            await super().send_batch(messages)

    if kind is Picky:
        del Slow.send_batch
    delivery = await deliver(Slow(), MESSAGES[:1])
    assert sum(delivery.latency.counts) == 1
    assert 0.025 < delivery.latency.total < 1.0


async def test_endpoint_that_ends_late_is_not_reconnected_and_not_counted() -> None:
    release = asyncio.Event()

    class Stubborn(Picky):
        async def send(self, message: Message) -> None:
            while not release.is_set():
                try:
                    await release.wait()
                except asyncio.CancelledError:
                    pass
            await super().send(message)

    endpoint = Stubborn()
    delivery = await deliver(endpoint)
    (task,) = (each for each in asyncio.all_tasks() if each.get_name() == "deliver picky")
    release.set()
    async with asyncio.timeout(5):
        await asyncio.wait([task])
    assert endpoint.events == ["connect", "close"]
    assert (delivery.sent, delivery.drops, delivery.queued) == (0, {"stopped": 5}, 0)
