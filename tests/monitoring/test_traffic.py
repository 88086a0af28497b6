"""Watching a running system without a socket: hub, stream and table."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from base64 import b64decode
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from oscbridge import Message, PatternError, TimeTag
from oscbridge.bridge.app import AppWatcher
from oscbridge.monitoring import address_table, traffic
from oscbridge.monitoring.address_table import Table
from oscbridge.monitoring.traffic import Hub, ShownMessage, TapStream, TrafficWatcher
from oscbridge.osc import Bundle, Origin, decode_packet

HERE = Origin("stage", ("127.0.0.1", 9000))


class FakeApp:
    """The only method of a system that a hub calls."""

    def __init__(self) -> None:
        self.watchers: list[AppWatcher | None] = []

    def watch(self, watcher: AppWatcher | None) -> None:
        self.watchers.append(watcher)


@pytest.fixture
def hub() -> tuple[Hub, FakeApp]:
    app = FakeApp()
    return Hub(app), app  # type: ignore[arg-type]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Advances the clock of the module under test only."""
    now = 100.0

    def pass_by(seconds: float) -> None:
        nonlocal now
        now += seconds

    here = SimpleNamespace(monotonic=lambda: now, time_ns=time.time_ns)
    monkeypatch.setattr(traffic, "time", here)
    monkeypatch.setattr(address_table, "time", here)
    return pass_by


def lines(stream: TapStream) -> list[list[object]]:
    return [json.loads(line) for line in stream.read(1 << 30).splitlines()]


def addresses(stream: TapStream) -> list[str]:
    return [decode_packet(b64decode(str(line[4]))).address for line in lines(stream)]  # type: ignore[union-attr]


# --- the hub ---------------------------------------------------------------------------------


def test_system_is_watched_while_there_are_watchers(
    hub: tuple[Hub, FakeApp],
) -> None:
    one: TrafficWatcher = lambda *_: None  # noqa: E731
    other: TrafficWatcher = lambda *_: None  # noqa: E731
    hub[0].add(one)
    hub[0].add(other)
    hub[0].remove(one)
    assert [each is not None for each in hub[1].watchers] == [True]
    hub[0].remove(other)
    assert [each is not None for each in hub[1].watchers] == [True, False]


def test_all_watchers_are_shown_a_message(hub: tuple[Hub, FakeApp]) -> None:
    seen: list[tuple[object, ...]] = []
    hub[0].add(lambda shown: seen.append(("one", shown.direction, shown.name, shown.message)))
    hub[0].add(lambda shown: seen.append(("other", shown.direction, shown.name, shown.message)))
    (show,) = hub[1].watchers
    assert show is not None
    show("in", "stage", Message("/x"))
    assert seen == [(each, "in", "stage", Message("/x")) for each in ("one", "other")]


async def test_streams_share_one_encoding_of_a_message(hub: tuple[Hub, FakeApp]) -> None:
    streams = [TapStream() for _ in range(3)]
    for stream in streams:
        hub[0].add(stream.take)
    (show,) = hub[1].watchers
    assert show is not None
    for number in range(100):
        show("in", "stage", Message("/x", "i", (number,)))
    first, *others = [stream.read(1 << 20) for stream in streams]
    assert others == [first, first]  # a second encoding would contain another time


def test_failing_watcher_is_logged_and_disturbs_no_other(
    hub: tuple[Hub, FakeApp], caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[Message] = []

    def fail(*_: object) -> None:
        raise ValueError("no")

    hub[0].add(fail)
    hub[0].add(lambda shown: seen.append(shown.message))
    (show,) = hub[1].watchers
    assert show is not None
    for _ in range(3):
        show("in", "stage", Message("/x"))
    assert len(seen) == 3
    assert caplog.text.count("cannot be shown: ValueError('no')") == 1


# --- the stream ------------------------------------------------------------------------------


async def test_line_contains_time_place_peer_and_packet() -> None:
    stream = TapStream()
    stream.take(ShownMessage("in", "stage", Message("/x", "f", (0.5,), None, HERE)))
    ((time_ns, *rest),) = lines(stream)
    assert isinstance(time_ns, int)
    assert rest[:3] == ["in", "stage", "127.0.0.1:9000"]
    assert decode_packet(b64decode(str(rest[3]))) == Message("/x", "f", (0.5,))


async def test_message_with_a_time_tag_is_a_bundle() -> None:
    stream = TapStream()
    tag = TimeTag.from_unix(1_900_000_000)
    stream.take(ShownMessage("in", "stage", Message("/x", "i", (1,), tag, HERE)))
    ((*_, packet),) = lines(stream)
    bundle = decode_packet(b64decode(str(packet)))
    assert isinstance(bundle, Bundle)
    assert bundle.timetag == tag


@pytest.mark.parametrize(
    ("peer", "text"),
    [
        (("::1", 9000, 0, 0), "[::1]:9000"),
        (("", 0), ""),
        (None, ""),
        ("port 3", "port 3"),
        (object(), ""),
        (("broker", 1883, 1, True), "broker:1883"),
    ],
)
async def test_peer_is_text(peer: object, text: str) -> None:
    stream = TapStream()
    stream.take(ShownMessage("in", "stage", Message("/x", origin=Origin("stage", peer))))  # type: ignore[arg-type]
    assert lines(stream)[0][3] == text


async def test_names_and_pattern_select_messages() -> None:
    stream = TapStream(["stage"], "/1/*")
    stream.take(ShownMessage("in", "stage", Message("/1/a/b")))
    stream.take(ShownMessage("in", "stage", Message("/2/a")))
    stream.take(ShownMessage("in", "other", Message("/1/a")))
    assert addresses(stream) == ["/1/a/b"]
    assert stream.skipped() == {}


async def test_invalid_pattern_is_rejected() -> None:
    with pytest.raises(PatternError):
        TapStream(match="/[")


async def test_skipped_messages_above_the_rate_are_counted(clock: Callable[[float], None]) -> None:
    stream = TapStream(rate=10)
    for _ in range(25):
        stream.take(ShownMessage("in", "stage", Message("/x")))
    assert len(lines(stream)) == 10
    assert stream.skipped() == {"rate": 15}
    assert stream.skipped() == {}
    clock(0.5)
    for _ in range(25):
        stream.take(ShownMessage("in", "stage", Message("/x")))
    assert len(lines(stream)) == 5


async def test_rate_below_one_shows_occasional_messages(clock: Callable[[float], None]) -> None:
    stream = TapStream(rate=0.5)
    for _ in range(9):
        stream.take(ShownMessage("in", "stage", Message("/x")))
        clock(1)
    assert 4 <= len(lines(stream)) <= 5


async def test_unread_messages_are_bounded_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traffic, "MAX_WAITING", 1_000)
    stream = TapStream()
    for _ in range(100):
        stream.take(ShownMessage("in", "stage", Message("/x")))
    shown = len(lines(stream))
    assert 5 < shown < 20
    assert stream.skipped() == {"slow": 100 - shown}
    stream.take(ShownMessage("in", "stage", Message("/x")))
    assert len(lines(stream)) == 1


async def test_invalid_messages_are_counted() -> None:
    stream = TapStream()
    stream.take(ShownMessage("out", "web", Message("/x", "i", ("text",))))
    stream.take(ShownMessage("out", "web", Message("/x", "s", ("nul\0",))))
    assert lines(stream) == []
    assert stream.skipped() == {"bad": 2}


async def test_stream_takes_messages_from_several_threads_and_wakes_the_loop() -> None:
    stream = TapStream()

    def work(index: int) -> None:
        for number in range(500):
            stream.take(ShownMessage("in", "stage", Message.of(f"/{index}", number)))

    threads = [threading.Thread(target=work, args=(index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    found: list[list[object]] = []
    async with asyncio.timeout(20):
        while len(found) < 2_000:
            await stream.filled()
            found += lines(stream)
    for thread in threads:
        thread.join()
    packets = [decode_packet(b64decode(str(line[4]))) for line in found]
    for index in range(4):
        ours = [each.args[0] for each in packets if each.address == f"/{index}"]  # type: ignore[union-attr]
        assert ours == list(range(500))


async def test_stream_is_read_in_parts() -> None:
    stream = TapStream()
    for _ in range(10):
        stream.take(ShownMessage("in", "stage", Message("/x")))
    first = stream.read(1).splitlines()
    assert (len(first), len(lines(stream))) == (1, 9)


# --- the table -------------------------------------------------------------------------------


def test_row_contains_sources_sinks_values_and_rate(clock: Callable[[float], None]) -> None:
    table = Table()
    for number in range(10):
        table.take(ShownMessage("in", "stage", Message("/x", "i", (number,), None, HERE)))
        table.take(ShownMessage("out", "web", Message("/x", "i", (number + 100,), None, HERE)))
        table.take(ShownMessage("out", "mixer", Message("/x", "i", (number,), None, HERE)))
    clock(2)
    (row,) = table.rows(10)
    assert row == (
        *("/x", ("stage",), ("web", "mixer"), "127.0.0.1:9000", "i", "9"),
        *(5.0, 2.0, ""),
    )


def test_rate_covers_the_time_since_the_last_snapshot(clock: Callable[[float], None]) -> None:
    table = Table()
    table.take(ShownMessage("in", "stage", Message("/x")))
    clock(1)
    assert table.rows(10)[0].rate == 1
    clock(1)
    assert table.rows(10)[0].rate == 0


def test_messages_only_delivered_are_counted(clock: Callable[[float], None]) -> None:
    table = Table()
    table.take(ShownMessage("out", "web", Message.of("/made", "by a route")))
    clock(1)
    (row,) = table.rows(10)
    assert (row.sources, row.sinks, row.rate) == ((), ("web",), 1.0)


def test_snapshot_contains_the_busiest_and_the_latest(clock: Callable[[float], None]) -> None:
    table = Table()
    for address in ("/busy", "/busy", "/busy", "/old", "/older", "/late", "/latest"):
        table.take(ShownMessage("in", "stage", Message(address)))
    assert [row.address for row in table.rows(2)] == ["/busy", "/old", "/latest", "/late"]


def test_addresses_are_bounded_and_the_least_recent_is_evicted() -> None:
    table = Table(size=2)
    for address in ("/a", "/b", "/a", "/c"):
        table.take(ShownMessage("in", "stage", Message(address)))
    assert {row.address for row in table.rows(10)} == {"/a", "/c"}
    assert (len(table), table.forgotten) == (2, 1)


def test_large_values_are_not_kept() -> None:
    table = Table()
    deep: list[object] = ["x" * 10_000]
    for _ in range(10):
        deep = [deep, deep]
    message = Message("/x", "sb[]", ("y" * 10_000, bytes(100_000), deep))  # type: ignore[arg-type]
    table.take(ShownMessage("in", "stage", message))
    table.take(ShownMessage("in", "stage", Message("/many", "i" * 10_000, tuple(range(10_000)))))
    for row in table.rows(10):
        assert len(row.values) <= 400
        assert len(row.types) <= 400
    assert "(100000 bytes)" in table.rows(10)[0].values + table.rows(10)[1].values


def test_other_types_under_one_address_are_shown() -> None:
    table = Table()
    table.take(ShownMessage("in", "stage", Message.of("/x", 1)))
    table.take(ShownMessage("in", "stage", Message.of("/x", "one")))
    assert [(row.types, row.values) for row in table.rows(1)] == [("s", '"one"')]
    table.take(ShownMessage("in", "stage", Message.of("/x", 2)))
    assert [(row.types, row.values) for row in table.rows(1)] == [("i", "2")]


def test_message_without_type_tags_is_shown() -> None:
    table = Table()
    table.take(ShownMessage("in", "stage", Message("/x", None, ())))
    assert [(row.types, row.values) for row in table.rows(1)] == [("", "")]
