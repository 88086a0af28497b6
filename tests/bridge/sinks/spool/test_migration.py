"""A spool of format 1 is migrated when it is opened.

``data/format-1.spool`` was written by oscbridge at commit 977461e: 400 messages in blocks of 50,
of which the first seven were delivered.
"""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest
from spool_harness import Away, Sink, offer, started, until

import oscbridge
from oscbridge import IMPULSE, Message, Origin, Routed, TimeTag
from oscbridge.bridge.sinks.spool import index as index_module

FORMAT_1 = Path(__file__).parent / "data" / "format-1.spool"


class Topic(oscbridge.Options):
    topic: str = ""
    qos: int = 0


class OldSink(Sink):
    """Accepts the options of the routes in the file."""

    RouteOptions = Topic


class OldAway(Away):
    RouteOptions = Topic


def message(n: int) -> Message:
    """The messages in the file."""
    match n % 8:
        case 0:
            return Message("/n", "i", (n,))
        case 1:
            origin = Origin("stage", ("10.0.0.7", 9000 + n), n % 3)
            return Message("/n", "if", (n, n / 4), None, origin)
        case 2:
            return Message("/n", "is", (n, "ü" * (n % 50)), TimeTag(n << 32))
        case 3:
            values = (n, True, False, None, IMPULSE, TimeTag(n))
            return Message("/n", "iTFNIt", values, None, Origin("web", n))
        case 4:
            route = Routed(Topic(topic=f"a/{n % 3}", qos=1), {"ch": f"{n:02}"})
            values = (n, [0.5, ["x"]])
            return Message("/n", "i[f[s]]", values, None, Origin("desk", "name", 1), route)
        case 5:
            return Message("/n", "ib", (n, bytes(n % 100)), None, None, Routed(None, {"": "ü"}))
        case 6:
            route = Routed(Topic(), {})
            return Message("/n", "ih", (n, -(1 << 40)), None, Origin("in", None), route)
    route = Routed(Topic(qos=2), {"a": "1", "b": "2"})
    origin = Origin("in", ("::1", 5, 0, 0))
    return Message("/n", "id", (n, 1e300), TimeTag(1), origin, route)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return Path(shutil.copy(FORMAT_1, tmp_path / "house.spool"))


async def test_every_message_arrives_once_and_in_order(path: Path) -> None:
    sink = OldSink()
    async with started(sink, path) as delivery:
        await until(lambda: delivery.sent == 393)
        assert delivery.offered == 393
    assert sink.messages == [message(n) for n in range(7, 400)]
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
