"""A spool of format 1 is migrated when it is opened.

``data/format-1.spool`` was written by oscbridge at commit 977461e: 400 messages in blocks of 50,
of which the first seven were delivered.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from spool_harness import Away, Sink, offer, started, until

import oscbridge
from oscbridge import IMPULSE, Delivery, Message, Origin, TimeTag
from oscbridge.bridge.hops import hops_of, origin_after
from oscbridge.bridge.sinks.spool import index as index_module

FORMAT_1 = Path(__file__).parent / "data" / "format-1.spool"


class Topic(oscbridge.Options):
    topic: str = ""
    qos: int = 0


class OldSink(Sink):
    """Accepts the options of the routes in the file."""

    route_options_type = Topic


class OldAway(Away):
    route_options_type = Topic


def message(n: int) -> Delivery[Topic]:
    """The messages in the file."""
    types, args, timetag, origin, route, captures = _parts(n)
    return Delivery(Message("/n", types, args, timetag, origin), route, captures)


def _parts(n: int) -> tuple[Any, ...]:
    """Type tags, arguments, time tag, origin, options of the route, captures."""
    match n % 8:
        case 0:
            return "i", (n,), None, None, None, {}
        case 1:
            origin = origin_after("stage", ("10.0.0.7", 9000 + n), n % 3)
            return "if", (n, n / 4), None, origin, None, {}
        case 2:
            return "is", (n, "ü" * (n % 50)), TimeTag(n << 32), None, None, {}
        case 3:
            values = (n, True, False, None, IMPULSE, TimeTag(n))
            return "iTFNIt", values, None, Origin("web", n), None, {}
        case 4:
            route, origin = Topic(topic=f"a/{n % 3}", qos=1), origin_after("desk", "name", 1)
            return "i[f[s]]", (n, [0.5, ["x"]]), None, origin, route, {"ch": f"{n:02}"}
        case 5:
            return "ib", (n, bytes(n % 100)), None, None, None, {"": "ü"}
        case 6:
            return "ih", (n, -(1 << 40)), None, Origin("in", None), Topic(), {}
    origin = Origin("in", ("::1", 5, 0, 0))
    return "id", (n, 1e300), TimeTag(1), origin, Topic(qos=2), {"a": "1", "b": "2"}


def hops(messages: Iterable[Delivery[Topic]]) -> list[int]:
    return [hops_of(each.origin) for each in messages]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return Path(shutil.copy(FORMAT_1, tmp_path / "house.spool"))


async def test_every_message_arrives_once_and_in_order(path: Path) -> None:
    sink = OldSink()
    async with started(sink, path) as delivery:
        await until(lambda: delivery.sent == 393)
        assert delivery.offered == 393
    expected = [message(n) for n in range(7, 400)]
    assert sink.messages == expected
    assert hops(sink.messages) == hops(expected)
    async with started(OldSink(), path) as delivery:
        assert delivery.offered == 0


async def test_migrated_file_accepts_new_messages_after_the_old_ones(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_module, "WINDOW", 20)
    async with started(OldAway(), path) as delivery:
        offer(delivery, *range(400, 500))
    assert (delivery.queued, delivery.drops) == (493, {})
    sink = OldSink()
    async with started(sink, path) as delivery:
        await until(lambda: delivery.sent == 493)
    assert sink.values == [*range(7, 500)]
    assert sink.messages[:393] == [message(n) for n in range(7, 400)]


async def test_missing_blocks_of_a_migrated_file_are_counted(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("DELETE FROM pack WHERE last = 161")
    database.close()
    sink = OldSink()
    async with started(sink, path) as delivery:
        await until(lambda: not delivery.queued)
        assert delivery.drops == {"unreadable": 50}
    assert sink.values == [*range(7, 111), *range(161, 400)]


async def test_format_1_file_of_no_messages_is_migrated(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("DELETE FROM pack")
        database.execute("UPDATE state SET done = 400")
    database.close()
    sink = OldSink()
    async with started(sink, path) as delivery:
        assert delivery.offered == 0
        offer(delivery, 1)
        await until(lambda: delivery.sent == 1)
