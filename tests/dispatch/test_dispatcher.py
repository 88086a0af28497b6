"""The dispatcher: handlers called for a packet, their arguments, order and time."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oscbridge.dispatch import cache as handler_map
from oscbridge.dispatch.handler import encode_reply
from oscbridge.dispatch.scheduler import Scheduler
from oscbridge.dispatcher import Dispatcher, Handler
from oscbridge.errors import DecodeError, EncodeError, MessageDropped, PatternError
from oscbridge.net.socket_address import ClientAddress
from oscbridge.osc import (
    IMMEDIATELY,
    Argument,
    Limits,
    Message,
    Origin,
    TimeTag,
    decode_message,
    encode_bundle,
    encode_message,
)

CLIENT: ClientAddress = ("10.0.0.7", 57120)
SECOND = 1_000_000_000
NOW = 1_800_000_000 * SECOND
Call = tuple[Any, ...]


class Recorder:
    """A handler that records its calls and returns a given result."""

    def __init__(self, result: object = None) -> None:
        self.calls: list[Call] = []
        self.result = result

    def __call__(self, *args: object) -> object:
        self.calls.append(args)
        return self.result


class Clock:
    """A clock that only the test advances."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> int:
        return self.now


def osc(address: str, *args: Argument) -> bytes:
    return encode_message(Message.of(address, *args))


def at(seconds: float) -> TimeTag:
    return TimeTag.from_unix_ns(NOW + round(seconds * SECOND))


def bundle(timetag: TimeTag, *elements: bytes) -> bytes:
    return encode_bundle(elements, timetag)


def send(dispatcher: Dispatcher, *packets: bytes) -> list[object]:
    """Dispatch packets; return the replies."""
    replies: list[object] = []
    for packet in packets:
        replies += dispatcher.call_handlers_for_packet(packet, CLIENT)
    return replies


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def dispatcher(clock: Clock) -> Dispatcher:
    return Dispatcher(name="stage", scheduler=Scheduler(clock_ns=clock))


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


# --- arguments of handlers ---------------------------------------------------------------------


def test_handler_receives_the_address_and_the_arguments(
    dispatcher: Dispatcher, recorder: Recorder
) -> None:
    dispatcher.map("/mix", recorder)
    send(dispatcher, osc("/mix", 1, "two", 3.0, [True, None]))
    assert recorder.calls == [("/mix", 1, "two", 3.0, [True, None])]


def test_fixed_arguments_are_a_list_after_the_address(
    dispatcher: Dispatcher, recorder: Recorder
) -> None:
    dispatcher.map("/mix", recorder, "a", 2)
    send(dispatcher, osc("/mix", 7))
    assert recorder.calls == [("/mix", ["a", 2], 7)]


def test_address_of_the_client_is_the_first_argument(
    dispatcher: Dispatcher, recorder: Recorder
) -> None:
    dispatcher.map("/mix", recorder, needs_reply_address=True)
    dispatcher.map("/mix", recorder, "a", needs_reply_address=True)
    send(dispatcher, osc("/mix", 7))
    assert recorder.calls == [(CLIENT, "/mix", 7), (CLIENT, "/mix", ["a"], 7)]


def test_handler_can_receive_the_whole_message(dispatcher: Dispatcher, recorder: Recorder) -> None:
    dispatcher.map("/mix", recorder, needs_message=True)
    origin = Origin("stage", CLIENT)
    send(dispatcher, osc("/mix", 7), osc("/mix", 8), bundle(IMMEDIATELY, osc("/mix", 9)))
    assert recorder.calls == [
        (Message("/mix", "i", (7,), None, origin),),
        (Message("/mix", "i", (8,), None, origin),),
        (Message("/mix", "i", (9,), IMMEDIATELY, origin),),
    ]


def test_message_without_type_tags_has_its_raw_data(
    dispatcher: Dispatcher, recorder: Recorder
) -> None:
    dispatcher.map("/old", recorder)
    send(dispatcher, b"/old\0\0\0\0", b"/old\0\0\0\0\0\0\0\x07")
    assert recorder.calls == [("/old",), ("/old", b"\0\0\0\x07")]


class Bound:
    """A bindable handler."""

    def __init__(self) -> None:
        self.bindings: list[tuple[str, str | None, dict[str, str]]] = []
        self.messages: list[Message] = []

    def bind(
        self, address: str, types: str | None, captures: dict[str, str]
    ) -> Callable[[Message], object] | None:
        self.bindings.append((address, types, captures))
        return None if types == "s" else self.messages.append


def test_bindable_handler_binds_once_for_each_address_and_type_tags(
    dispatcher: Dispatcher,
) -> None:
    handler = Bound()
    dispatcher.map("/fader{n}", handler)
    send(dispatcher, *[osc("/fader1", value) for value in (1, 2, 0.5)], osc("/fader2", 3))
    assert handler.bindings == [
        ("/fader1", "i", {"n": "1"}), ("/fader1", "f", {"n": "1"}), ("/fader2", "i", {"n": "2"})
    ]  # fmt: skip
    assert [message.args[0] for message in handler.messages] == [1, 2, 0.5, 3]


def test_bindable_handler_can_decline_to_bind(dispatcher: Dispatcher) -> None:
    handler = Bound()
    dispatcher.map("/fader{n}", handler)
    send(dispatcher, osc("/fader1", "text"), osc("/fader1", "text"))
    assert handler.messages == []
    assert dispatcher.statistics.unmatched == 2


def test_bindable_handler_that_cannot_bind_is_reported_for_every_message(
    dispatcher: Dispatcher, recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        def bind(self, address: str, types: str | None, captures: dict[str, str]) -> None:
            raise RuntimeError("no such scale")

    dispatcher.map("/a", Broken())
    dispatcher.map("/a", recorder)
    send(dispatcher, osc("/a", 1), osc("/a", 2))
    assert recorder.calls == [("/a", 1), ("/a", 2)]
    assert dispatcher.statistics.failed == 2
    assert "/a raised RuntimeError('no such scale')" in caplog.text


def test_invoked_handler_returns_the_result_of_its_callback() -> None:
    recorder = Recorder("/ok")
    handler = Handler(recorder, ["x"], True)
    assert handler.invoke(CLIENT, Message("/a", "i", (5,))) == "/ok"
    assert recorder.calls == [(CLIENT, "/a", ["x"], 5)]


async def test_invoked_handler_is_awaited() -> None:
    async def coroutine(address: str, value: int) -> tuple[str, int]:
        await asyncio.sleep(0)
        return address, value

    assert await Handler(coroutine, []).async_invoke(CLIENT, Message("/a", "i", (5,))) == ("/a", 5)
    assert await Handler(Recorder(6), []).async_invoke(CLIENT, Message("/a")) == 6


# --- called handlers ---------------------------------------------------------------------------


def called(dispatcher: Dispatcher, address: str) -> list[str]:
    """The names of the handlers called for one message."""
    names: list[str] = []
    for handler in dispatcher.handlers_for_address(address):
        handler.invoke(CLIENT, Message(address))
        assert isinstance(handler.callback, Recorder)
        names.append(str(handler.callback.result))
    results = send(dispatcher, osc(address))
    assert results == names
    assert send(dispatcher, osc(address)) == names  # from the cache
    return names


def mapped(dispatcher: Dispatcher, *addresses: str) -> None:
    for address in addresses:
        dispatcher.map(address, Recorder(address))


def test_handlers_run_in_the_order_in_which_their_addresses_were_mapped(
    dispatcher: Dispatcher,
) -> None:
    mapped(dispatcher, "/a*", "/ab", "/*", "/ab", "/a{n}", "/b")
    dispatcher.map("/a*", Recorder("second"))
    assert called(dispatcher, "/ab") == ["/a*", "second", "/ab", "/ab", "/*", "/a{n}"]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("/1/fader*", ["/1/fader1", "/1/fader2"]),
        ("/?/fader1", ["/1/fader1", "/2/fader1"]),
        ("/1/{fader1,push}", ["/1/fader1", "/1/push"]),
        ("/[!1]/*", ["/2/fader1"]),
        ("//fader1", ["/1/fader1", "/2/fader1", "/x/y/fader1"]),
        ("/*", []),
        ("/*/fader1", ["/1/fader1", "/2/fader1"]),
        ("/1/fader3*", []),
    ],
)
def test_pattern_in_a_message_calls_every_handler_that_it_matches(
    dispatcher: Dispatcher, pattern: str, expected: list[str]
) -> None:
    mapped(dispatcher, "/1/fader1", "/1/fader2", "/1/push", "/2/fader1", "/x/y/fader1")
    assert called(dispatcher, pattern) == expected


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("/1/fader1", ["/1/*", "/*/fader1", "*", "/{page}/fader{n}"]),
        ("/1/2/fader1", ["/1/*", "/*/fader1", "*"]),
        ("/2/x", ["*"]),
    ],
)
def test_wildcard_in_a_mapping_matches_as_users_expect(
    dispatcher: Dispatcher, address: str, expected: list[str]
) -> None:
    mapped(dispatcher, "/1/*", "/*/fader1", "*", "/{page}/fader{n}")
    assert called(dispatcher, address) == expected


def test_wildcards_on_both_sides_call_each_handler_once(dispatcher: Dispatcher) -> None:
    mapped(dispatcher, "/a*", "/ab", "/ac", "*")
    assert called(dispatcher, "/a*") == ["/a*", "/ab", "/ac", "*"]


def test_malformed_pattern_in_a_message_matches_only_the_same_text(dispatcher: Dispatcher) -> None:
    mapped(dispatcher, "/a", "*")
    assert called(dispatcher, "/[a") == ["*"]
    assert called(dispatcher, "/}") == ["*"]


def test_malformed_mapping_is_rejected_and_leaves_nothing(dispatcher: Dispatcher) -> None:
    with pytest.raises(PatternError):
        dispatcher.map("/[a", Recorder())
    assert list(dispatcher.handlers_for_address("/[a")) == []


def test_default_handler_is_called_only_if_nothing_else_matches(
    dispatcher: Dispatcher, recorder: Recorder
) -> None:
    mapped(dispatcher, "/a")
    dispatcher.set_default_handler(recorder)
    send(dispatcher, osc("/a", 1), osc("/b", 2), osc("/[", 3), osc("/x*", 4))
    assert recorder.calls == [("/b", 2), ("/[", 3), ("/x*", 4)]


def test_default_handler_can_receive_the_address_of_the_client(
    dispatcher: Dispatcher, recorder: Recorder
) -> None:
    dispatcher.set_default_handler(recorder, True)
    send(dispatcher, osc("/b", 2))
    assert recorder.calls == [(CLIENT, "/b", 2)]


def test_default_handler_can_be_removed(dispatcher: Dispatcher, recorder: Recorder) -> None:
    dispatcher.set_default_handler(recorder)
    send(dispatcher, osc("/b"))
    dispatcher.set_default_handler(None)
    send(dispatcher, osc("/b"))
    assert len(recorder.calls) == 1
    assert dispatcher.statistics.unmatched == 1


# --- mapping and unmapping ---------------------------------------------------------------------


def test_unmap_accepts_the_handler(dispatcher: Dispatcher, recorder: Recorder) -> None:
    handler = dispatcher.map("/a", recorder, 1)
    dispatcher.map("/a", recorder, 2)
    dispatcher.unmap("/a", handler)
    send(dispatcher, osc("/a"))
    assert recorder.calls == [("/a", [2])]


def test_unmap_accepts_the_function_and_its_arguments(
    dispatcher: Dispatcher, recorder: Recorder
) -> None:
    dispatcher.map("/a", recorder, 1)
    dispatcher.map("/a", recorder, 1, needs_reply_address=True)
    dispatcher.map("/a", recorder, needs_message=True)
    dispatcher.unmap("/a", recorder, 1, needs_reply_address=True)
    dispatcher.unmap("/a", recorder, needs_message=True)
    send(dispatcher, osc("/a"))
    assert recorder.calls == [("/a", [1])]


def test_unmap_removes_one_of_two_equal_mappings(
    dispatcher: Dispatcher, recorder: Recorder
) -> None:
    dispatcher.map("/a", recorder)
    dispatcher.map("/a", recorder)
    dispatcher.unmap("/a", recorder)
    send(dispatcher, osc("/a"))
    assert len(recorder.calls) == 1


@pytest.mark.parametrize("address", ["/a", "/a*"])
def test_address_without_handlers_is_removed(
    dispatcher: Dispatcher, recorder: Recorder, address: str
) -> None:
    dispatcher.unmap(address, dispatcher.map(address, recorder))
    send(dispatcher, osc("/a"), osc("/a*"))
    assert recorder.calls == []
    with pytest.raises(ValueError, match="/a"):
        dispatcher.unmap(address, recorder)


def test_unmap_rejects_an_unknown_mapping(dispatcher: Dispatcher, recorder: Recorder) -> None:
    dispatcher.map("/a", recorder, 1)
    for address, args in (("/b", [1]), ("/a", []), ("/a", [2])):
        with pytest.raises(ValueError, match=address):
            dispatcher.unmap(address, recorder, *args)
    with pytest.raises(ValueError, match="/a"):
        dispatcher.unmap("/a", Handler(recorder, []))


# --- cached heads ------------------------------------------------------------------------------


def test_new_mapping_applies_to_cached_addresses(dispatcher: Dispatcher) -> None:
    assert send(dispatcher, osc("/a", 1)) == []
    dispatcher.map("/a", Recorder("one"))
    assert send(dispatcher, osc("/a", 1)) == ["one"]
    wildcard = dispatcher.map("/*", Recorder("two"))
    assert send(dispatcher, osc("/a", 1)) == ["one", "two"]
    dispatcher.unmap("/*", wildcard)
    assert send(dispatcher, osc("/a", 1)) == ["one"]
    dispatcher.set_default_handler(Recorder("default"))
    assert send(dispatcher, osc("/b", 1)) == ["default"]
    dispatcher.set_default_handler(None)
    assert send(dispatcher, osc("/b", 1)) == []


def test_cache_is_bounded(
    dispatcher: Dispatcher, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler_map, "MAX_HEADS", 50)
    dispatcher.map("/*", recorder)
    for n in range(1_000):
        send(dispatcher, osc(f"/{n}", n))
        assert len(dispatcher._plans) <= 50
        assert len(dispatcher._targets) <= 50
    assert recorder.calls == [(f"/{n}", n) for n in range(1_000)]


@pytest.mark.parametrize(
    "packet",
    [osc("/" + "a" * 500, 1), osc("/a", *[True] * 16_000)],
    ids=["a long address", "many type tags"],
)
def test_long_head_is_not_cached(dispatcher: Dispatcher, recorder: Recorder, packet: bytes) -> None:
    dispatcher.map("/*", recorder)
    send(dispatcher, packet, packet)
    assert len(recorder.calls) == 2
    assert len(dispatcher._plans) == len(dispatcher._targets) == 0


def test_comma_in_a_pattern_does_not_begin_the_type_tags(dispatcher: Dispatcher) -> None:
    one, two = Recorder(), Recorder()
    dispatcher.map("/a", one)
    dispatcher.map("/b", two)
    for value in (1, 0.5, "text"):
        for _ in range(2):
            send(dispatcher, osc("/{a,b}", value), osc("/{b,a}", value), osc("/{x,b}", value))
    assert one.calls == [
        (address, value)
        for value in (1, 0.5, "text")
        for _ in range(2)
        for address in ("/{a,b}", "/{b,a}")
    ]
    assert len(two.calls) == 18


heads = st.sampled_from(
    [
        b"/a\0\0,",
        b"/{a,b}\0\0,",
        b"/{a,bc}\0,",
        b"/a\0,,",
        b"/a\0\0",
        b"/a,i\0\0\0\0,",
        b"/a,b\0\0\0\0",
    ]
)
tags = st.sampled_from(
    [
        b"",
        b"i",
        b"s",
        b"c",
        b"TT",
        b"TTT",
        b"[]",
        b"if",
        b"ii",
        b"h",
        b"x",
        b"T",
        b"iTT",
        b"b",
        b"[i]",
    ]
)
ends = st.sampled_from(
    [b"", b"\0", b"\0\0", b"\0\0\0", b"\0\0\0\0", b"T", b"i\0", b"\0x", b"\0\0\0,"]
)
values = st.lists(
    st.sampled_from([b"\0\0\0\x01", b"abc\0", b"\xff\xff\xff\xff", b"\0\0", b"\x01"]), max_size=3
).map(b"".join)
wire = st.tuples(heads, tags, ends, values).map(b"".join)


@given(st.lists(wire, min_size=1, max_size=12))
def test_cache_never_changes_the_meaning_of_a_packet(packets: list[bytes]) -> None:
    recorder, replies = Recorder(), Recorder()
    dispatcher = Dispatcher()
    dispatcher.map("/*", recorder, needs_message=True)
    for packet in packets + packets:
        before = dispatcher.statistics.bad.copy()
        recorder.calls.clear()
        dispatcher.dispatch(packet, CLIENT, replies)
        refused = list((dispatcher.statistics.bad - before).elements())
        try:
            expected = decode_message(packet, origin=Origin("", CLIENT))
        except DecodeError:
            assert len(refused) == 1
            assert recorder.calls == []
        else:
            assert refused == []
            assert repr(recorder.calls) == repr([(expected,)])  # it may contain NaN
    assert replies.calls == []


def test_cached_head_with_another_size_is_decoded_again(
    dispatcher: Dispatcher, recorder: Recorder
) -> None:
    dispatcher.map("/a", recorder)
    packet = osc("/a", 1)
    send(dispatcher, packet, packet + b"\0" * 4, packet[:-4], packet + b"abcd", packet)
    assert recorder.calls == [("/a", 1)] * 3
    assert dispatcher.statistics.bad == {"truncated": 1, "trailing": 1}


def test_unterminated_type_tags_are_read_again_despite_the_cache(
    dispatcher: Dispatcher, recorder: Recorder
) -> None:
    dispatcher.map("/a", recorder)
    send(dispatcher, osc("/a", True, True), b"/a\0\0,TTT", b"/a\0\0,TTx", osc("/a", True, True))
    two = ("/a", True, True)
    assert recorder.calls == [two, ("/a", True, True, True), two]
    assert dispatcher.statistics.bad == {"type": 1}
    assert dispatcher.statistics.tolerated == {"padding": 1}


def test_limits_apply_to_cached_heads() -> None:
    dispatcher = Dispatcher(limits=Limits(max_packet_size=16))
    recorder = Recorder()
    dispatcher.map("/a", recorder)
    send(dispatcher, osc("/a", "abc"), osc("/a", "abcdef"), osc("/a", "abcdefghij"))
    assert [call[1] for call in recorder.calls] == ["abc", "abcdef"]
    assert dispatcher.statistics.bad == {"max_packet_size": 1}


def test_addresses_can_be_mapped_while_other_threads_dispatch(
    dispatcher: Dispatcher, recorder: Recorder, eager_threads: None
) -> None:
    mapped(dispatcher, *[f"/{n}/*" for n in range(50)], *[f"/x/{n}" for n in range(50)])
    dispatcher.set_default_handler(recorder)
    mapping_ended = threading.Event()
    errors: list[BaseException] = []

    def flood(thread: int) -> None:
        count = 0
        try:
            while not mapping_ended.is_set():
                send(dispatcher, osc(f"/y{thread}/{count}*", count))
                count += 1
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=flood, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    for n in range(300):
        address = f"/z/{n}" if n % 2 else f"/z/{n}*"
        dispatcher.unmap(address, dispatcher.map(address, Recorder()))
    mapping_ended.set()
    for thread in threads:
        thread.join(5)
    assert errors == []


# --- handlers that raise -----------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"needs_message": True}], ids=["plain", "message"])
def test_handler_that_raises_is_reported_and_the_others_run(
    dispatcher: Dispatcher,
    recorder: Recorder,
    caplog: pytest.LogCaptureFixture,
    options: dict[str, bool],
) -> None:
    def broken(*_args: object) -> None:
        raise ZeroDivisionError("oops")

    dispatcher.map("/a", broken, **options)
    dispatcher.map("/a", recorder)
    send(dispatcher, bundle(IMMEDIATELY, osc("/a", 1), osc("/a", 2)), osc("/a", 3))
    assert recorder.calls == [("/a", 1), ("/a", 2), ("/a", 3)]
    assert dispatcher.statistics.failed == 3
    (record,) = caplog.records
    assert "broken" in record.message
    assert "/a" in record.message
    assert record.levelno == logging.ERROR
    assert record.exc_info


def test_handler_that_is_called_with_the_wrong_arguments_is_reported(
    dispatcher: Dispatcher, caplog: pytest.LogCaptureFixture
) -> None:
    dispatcher.map("/a", lambda address: None)
    send(dispatcher, osc("/a", 1, 2))
    assert "/a raised TypeError" in caplog.text


# --- time --------------------------------------------------------------------------------------


def test_message_with_a_future_time_tag_waits_until_it_is_due(
    dispatcher: Dispatcher, recorder: Recorder, clock: Clock
) -> None:
    dispatcher.map("/a", recorder)
    send(dispatcher, bundle(at(5), osc("/a", 1)), osc("/a", 0))
    assert recorder.calls == [("/a", 0)]
    clock.now = NOW + 5 * SECOND - 1
    assert dispatcher.scheduler.run_due() == 0
    clock.now += 1
    assert dispatcher.scheduler.run_due() == 1
    assert recorder.calls == [("/a", 0), ("/a", 1)]


def test_result_of_a_scheduled_message_is_its_reply(dispatcher: Dispatcher, clock: Clock) -> None:
    dispatcher.map("/a", Recorder("/later"))
    replies = Recorder()
    dispatcher.dispatch(bundle(at(5), osc("/a", 1)), CLIENT, replies)
    clock.now += 5 * SECOND
    dispatcher.scheduler.run_due()
    assert replies.calls == [(CLIENT, "/later")]


def test_message_that_raises_when_it_is_due_is_reported(
    dispatcher: Dispatcher, recorder: Recorder, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    dispatcher.map("/a", lambda address: 1 // 0)
    dispatcher.map("/b", recorder)
    send(dispatcher, bundle(at(5), osc("/a"), osc("/b")))
    clock.now += 5 * SECOND
    dispatcher.scheduler.run_due()
    assert recorder.calls == [("/b",)]
    assert "/a raised ZeroDivisionError" in caplog.text


@pytest.mark.parametrize("seconds", [-1_000_000.0, -1.0, 0.0])
def test_late_bundle_runs_at_once(
    dispatcher: Dispatcher, recorder: Recorder, seconds: float
) -> None:
    dispatcher.map("/a", recorder)
    send(dispatcher, bundle(at(seconds), osc("/a", 1)))
    assert recorder.calls == [("/a", 1)]


def test_immediate_bundle_runs_at_once(dispatcher: Dispatcher, recorder: Recorder) -> None:
    dispatcher.map("/a", recorder)
    send(dispatcher, bundle(IMMEDIATELY, osc("/a", 1)))
    assert recorder.calls == [("/a", 1)]


@pytest.mark.parametrize("seconds", [0, 5])
def test_order_within_a_bundle_is_kept(
    dispatcher: Dispatcher, recorder: Recorder, clock: Clock, seconds: float
) -> None:
    dispatcher.map("/*", recorder)
    inner = bundle(at(seconds), osc("/b", 2), osc("/a", 3))
    send(dispatcher, bundle(at(seconds), osc("/c", 1), inner, osc("/d", 4)))
    clock.now += 5 * SECOND
    dispatcher.scheduler.run_due()
    assert recorder.calls == [("/c", 1), ("/b", 2), ("/a", 3), ("/d", 4)]


@pytest.mark.parametrize("inner", [IMMEDIATELY, at(1), at(-100)], ids=["now", "earlier", "past"])
def test_earlier_nested_bundle_waits_for_the_outer_one(
    dispatcher: Dispatcher, recorder: Recorder, clock: Clock, inner: TimeTag
) -> None:
    dispatcher.map("/*", recorder)
    send(dispatcher, bundle(at(5), osc("/a"), bundle(inner, osc("/b")), osc("/c")))
    clock.now = NOW + 5 * SECOND - 1
    assert dispatcher.scheduler.run_due() == 0
    clock.now += 1
    dispatcher.scheduler.run_due()
    assert [call[0] for call in recorder.calls] == ["/a", "/b", "/c"]


def test_later_nested_bundle_waits_separately(
    dispatcher: Dispatcher, recorder: Recorder, clock: Clock
) -> None:
    dispatcher.map("/*", recorder)
    send(dispatcher, bundle(IMMEDIATELY, osc("/a"), bundle(at(5), osc("/b")), osc("/c")))
    assert [call[0] for call in recorder.calls] == ["/a", "/c"]
    clock.now += 5 * SECOND
    dispatcher.scheduler.run_due()
    assert [call[0] for call in recorder.calls] == ["/a", "/c", "/b"]


def test_without_strict_timing_a_message_runs_at_once_and_shows_its_time_tag(
    recorder: Recorder,
) -> None:
    dispatcher = Dispatcher(strict_timing=False)
    dispatcher.map("/a", recorder, needs_message=True)
    send(dispatcher, bundle(at(5), osc("/a")))
    assert recorder.calls[0][0].timetag == at(5)
    assert len(dispatcher.scheduler) == 0


def test_messages_above_max_pending_run_at_once_and_are_counted(
    recorder: Recorder, clock: Clock
) -> None:
    dispatcher = Dispatcher(scheduler=Scheduler(2, clock))
    dispatcher.map("/a", recorder)
    send(dispatcher, *[bundle(at(5), osc("/a", n)) for n in range(4)])
    assert recorder.calls == [("/a", 2), ("/a", 3)]
    assert dispatcher.statistics.early == 2


def test_messages_of_a_waiting_bundle_are_counted_individually(
    recorder: Recorder, clock: Clock
) -> None:
    dispatcher = Dispatcher(scheduler=Scheduler(4, clock))
    dispatcher.map("/a", recorder)
    send(dispatcher, bundle(at(5), *[osc("/a", n) for n in range(3)]))
    assert len(dispatcher.scheduler) == 3
    send(dispatcher, bundle(at(5), osc("/a", 3), osc("/a", 4)))
    assert (len(dispatcher.scheduler), dispatcher.statistics.early) == (3, 2)


# --- bad packets -------------------------------------------------------------------------------


def test_bad_packet_runs_no_handler_and_is_counted_by_reason(
    dispatcher: Dispatcher, recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    dispatcher.map("/*", recorder)
    send(
        dispatcher,
        bundle(IMMEDIATELY, osc("/a"), b"/a\0\0,]\0\0"),
        bundle(IMMEDIATELY, osc("/a"), bundle(IMMEDIATELY, osc("/a"), b"nope")),
        bundle(at(5), osc("/a"))[:-4],
        b"",
        b"/a\0\0,x\0\0",
    )
    assert recorder.calls == []
    assert len(dispatcher.scheduler) == 0
    assert dispatcher.statistics.bad == {"type": 2, "address": 2, "size": 1}
    assert dispatcher.statistics.packets == 5
    assert dispatcher.statistics.messages == 0
    assert "10.0.0.7:57120" in caplog.text


def test_repeated_bad_packets_are_logged_at_a_limited_rate(
    dispatcher: Dispatcher, caplog: pytest.LogCaptureFixture
) -> None:
    send(dispatcher, *[b"nope"] * 100)
    assert len(caplog.records) == 1
    assert dispatcher.statistics.bad["address"] == 100


def test_packets_and_messages_are_counted(dispatcher: Dispatcher) -> None:
    mapped(dispatcher, "/a")
    send(dispatcher, osc("/a"), osc("/a"), bundle(IMMEDIATELY, osc("/a"), osc("/b")), osc("/b"))
    counted = dispatcher.statistics
    assert (counted.packets, counted.messages, counted.unmatched) == (4, 5, 2)


def test_decoded_message_can_be_dispatched(dispatcher: Dispatcher, recorder: Recorder) -> None:
    dispatcher.map("/fader{n}", recorder, needs_message=True)
    message = Message("/fader1", "h", (1,), None, Origin("web", 5))
    dispatcher.dispatch_message(message, CLIENT, lambda _client, _result: None)
    assert recorder.calls == [(message,)]


# --- coroutines --------------------------------------------------------------------------------


async def test_coroutine_handlers_are_awaited_in_order(dispatcher: Dispatcher) -> None:
    order: list[str] = []

    async def slow(address: str, value: int) -> tuple[str, int]:
        order.append(f"slow {value} begins")
        for _ in range(5):
            await asyncio.sleep(0)
        order.append(f"slow {value} ends")
        return address, value

    async def quick(_address: str, value: int) -> None:
        order.append(f"quick {value}")

    dispatcher.map("/a", slow)
    dispatcher.map("/a", quick)
    dispatcher.map("/a", Recorder("plain"))
    packet = bundle(IMMEDIATELY, osc("/a", 1), osc("/a", 2))
    results = await dispatcher.async_call_handlers_for_packet(packet, CLIENT)
    assert results == [("/a", 1), "plain", ("/a", 2), "plain"]
    assert order == [
        "slow 1 begins", "slow 1 ends", "quick 1", "slow 2 begins", "slow 2 ends", "quick 2"
    ]  # fmt: skip


async def test_coroutine_handler_that_raises_is_reported_and_the_others_run(
    dispatcher: Dispatcher, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(_address: str) -> None:
        raise ZeroDivisionError("oops")

    dispatcher.map("/a", broken)
    dispatcher.map("/a", Recorder("ran"))
    assert await dispatcher.async_call_handlers_for_packet(osc("/a"), CLIENT) == ["ran"]
    assert "broken" in caplog.text
    assert dispatcher.statistics.failed == 1


# --- replies -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("result", "message"),
    [
        ("/ok", Message("/ok")),
        (b"/ok", Message("/ok")),
        (("/ok",), Message("/ok")),
        (("/ok", 1, "x", 2.0), Message("/ok", "isf", (1, "x", 2.0))),
        (["/ok", 1], Message("/ok", "i", (1,))),
        ((b"/ok", b"raw"), Message("/ok", "b", (b"raw",))),
        (("/ok", [1, 2]), Message("/ok", "[ii]", ([1, 2],))),
        (Message("/ok", "h", (1,)), Message("/ok", "h", (1,))),
        (Message("ok"), Message("ok")),
        ("ok", Message("ok")),
        (("ok", 1), Message("ok", "i", (1,))),
    ],
)
def test_result_of_a_handler_becomes_a_message(result: object, message: Message) -> None:
    assert decode_message(encode_reply(result)) == message


@pytest.mark.parametrize(
    "result",
    ["o k", "", b"", b"/\xff", (), [], ("o*k", 1), ("/ok", object()), ("/ok", 2**64), 5, True,
     {"/ok": 1}, (1, 2), (b"/\xff", 1), Message("o k")],
)  # fmt: skip
def test_invalid_reply_is_rejected(result: object) -> None:
    with pytest.raises(EncodeError):
        encode_reply(result)


# --- deviations of real devices ------------------------------------------------------------------


def test_address_without_a_slash_calls_handlers_of_both_forms(
    dispatcher: Dispatcher, recorder: Recorder
) -> None:
    for address in ("/node", "node", "/nod{e,y}", "other"):
        dispatcher.map(address, recorder, address)
    send(dispatcher, b"node\0\0\0\0,i\0\0\0\0\0\1", b"nodes\0\0\0,\0\0\0")
    assert recorder.calls == [("node", [address], 1) for address in ("/node", "node", "/nod{e,y}")]
    assert dispatcher.statistics.tolerated == {"address": 2}
    assert dispatcher.statistics.unmatched == 1


def test_missing_slash_is_added_where_asked_for(recorder: Recorder) -> None:
    dispatcher = Dispatcher(adds_slash=True)
    dispatcher.map("/*", recorder, needs_message=True)
    send(dispatcher, b"node\0\0\0\0", bundle(IMMEDIATELY, b"node\0\0\0\0,T\0\0"))
    found = [call[0][:3] for call in recorder.calls]
    assert found == [("/node", None, ()), ("/node", "T", (True,))]


def test_deviation_is_logged_once_per_peer_and_counted(
    dispatcher: Dispatcher, recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    dispatcher.map("/a", recorder)
    packet = b"/a\0\0,s\0\0\xdf\0\0\0"
    for peer in (("10.0.0.7", 1), ("10.0.0.7", 2), ("10.0.0.8", 1)):
        dispatcher.dispatch(packet, peer, Recorder())
        dispatcher.dispatch(bundle(IMMEDIATELY, packet), peer, Recorder())
    assert recorder.calls == [("/a", "ß")] * 6
    assert dispatcher.statistics.tolerated == {"text": 6}
    assert dispatcher.statistics.bad == {}
    assert [record.getMessage().split(":")[0] for record in caplog.records] == [
        "accepted /a from 10.0.0.7",
        "accepted /a from 10.0.0.8",
    ]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [(b"/a\0\0,ix\0" + b"\0" * 8, "type"), (b"/\xe9\0\0,\0\0\0", "utf8")],
)
def test_unreadable_message_in_a_bundle_costs_only_itself(
    dispatcher: Dispatcher, recorder: Recorder, bad: bytes, reason: str
) -> None:
    dispatcher.map("/a", recorder)
    send(dispatcher, bundle(IMMEDIATELY, osc("/a", 1), bundle(IMMEDIATELY, bad), osc("/a", 2)))
    assert recorder.calls == [("/a", 1), ("/a", 2)]
    assert dispatcher.statistics.bad == {reason: 1}
    assert dispatcher.statistics.messages == 2


def test_regular_expression_as_a_part_means_a_star_with_one_warning(
    dispatcher: Dispatcher, recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    for address in ("/ch/.*", "/.*/pan", "/a.b/*"):
        dispatcher.map(address, recorder, address)
    mapping = {"/ch/1": "/ch/.*", "/x/pan": "/.*/pan", "/a.b/c": "/a.b/*", "/axb/c": ""}
    for address, mapped_to in mapping.items():
        recorder.calls.clear()
        send(dispatcher, osc(address))
        assert recorder.calls == ([(address, [mapped_to])] if mapped_to else [])
    assert [record.getMessage() for record in caplog.records] == [
        "'/ch/.*' is mapped as '/ch/*': write '*', not '.*'"
    ]
    recorder.calls.clear()
    send(dispatcher, osc("/ch.*"))
    assert recorder.calls == []


def test_screen_replaces_or_drops_messages_that_the_watcher_sees() -> None:
    dispatcher = Dispatcher()
    got: list[Message] = []
    seen: list[Message] = []

    def screen(message: Message, client: ClientAddress, digest: int | None = None) -> Message:
        if message.address == "/b":
            raise MessageDropped("loop", "too often")
        return message._replace(args=(len(seen),))

    dispatcher.map("/*", got.append, needs_message=True)
    dispatcher.screen(screen)
    dispatcher.watch(seen.append)
    for address in ("/a", "/b", "/c"):
        dispatcher.dispatch(osc(address), CLIENT, lambda *_: None)
    dispatcher.screen(None)
    dispatcher.dispatch(osc("/b"), CLIENT, lambda *_: None)
    assert [(each.address, each.args) for each in got] == [("/a", (1,)), ("/c", (3,)), ("/b", ())]
    assert [each.address for each in seen] == ["/a", "/b", "/c", "/b"]
    assert dispatcher.statistics.dropped == {"loop": 1}
    assert dispatcher.statistics.held == 0


ELEMENTS = st.sampled_from(
    [
        *(osc("/a", n) for n in (1, 2)),
        *(
            osc("/a", 1.5),
            osc("/text", "cue"),
            osc("/text", "Straße"),
            osc("/b"),
            osc("/unmapped", 1),
        ),
        *(osc("/fails", 1), osc("/*", 3), osc("/message", 4), osc("/replies", 5)),
        *(
            b"/a\0\0,]\0\0",
            b"/a\0\0,i\0\0",
            b"/a",
            b"nope",
            b"/a\0\0,s\0\0abc",
            b"/a\0\0,c\0\0\xff\0\0\0",
        ),
        bundle(IMMEDIATELY, osc("/a", 6)),
    ]
)


@given(st.lists(st.lists(ELEMENTS, max_size=4), max_size=3), st.sampled_from([-5, 0, 5]))
def test_bundles_are_handled_as_by_the_general_reader(
    bundles: list[list[bytes]], seconds: int
) -> None:
    def outcome(*, general: bool) -> object:
        clock, replies = Clock(), Recorder()
        dispatcher = Dispatcher(scheduler=Scheduler(clock_ns=clock), max_route_calls=5)
        if general:
            dispatcher._read_bundle = lambda data: None  # type: ignore[method-assign]
        calls: list[object] = []

        def fail(*_args: object) -> None:
            raise ValueError

        for address in ("/a", "/text", "/b"):
            dispatcher.map(address, lambda *args: calls.append(args))
        dispatcher.map("/fails", fail)
        dispatcher.map("/message", calls.append, needs_message=True)
        dispatcher.map("/replies", lambda *_args: "/reply")
        for elements in bundles * 2:  # the second time the heads are known
            tag = at(seconds) if seconds else IMMEDIATELY
            dispatcher.dispatch(bundle(tag, *elements), CLIENT, replies)
        clock.now += 10 * SECOND
        dispatcher.scheduler.run_due()
        return calls, replies.calls, dispatcher.statistics

    assert outcome(general=False) == outcome(general=True)


@pytest.mark.parametrize("address", [None, ["/a"], b"/a"])
def test_message_whose_address_is_none_is_not_received(address: object) -> None:
    dispatcher = Dispatcher()
    dispatcher.map("/a", lambda *_args: None)
    with pytest.raises(TypeError):
        dispatcher.dispatch_message(
            Message(address, "", ()),  # type: ignore[arg-type]
            ("", 0),
            lambda _client, _result: None,
        )
    assert dispatcher.statistics.messages == dispatcher.statistics.held == 0
