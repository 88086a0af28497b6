"""A recording that is played on an event loop."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable

from oscbridge.osc import Message, decode_message, encode_message
from oscbridge.recording.format import Record, encode_end, encode_header, encode_record
from oscbridge.recording.playback import Playback

SECOND = 1_000_000_000


def file(*times: float, length: float | None = None, name: str = "stage") -> io.BytesIO:
    records = [
        Record(round(at * SECOND), "in", name, "", encode_message(Message.of("/n", number)))
        for number, at in enumerate(times)
    ]
    end = [] if length is None else [encode_end(round(length * SECOND))]
    return io.BytesIO(b"".join((encode_header(0), *map(encode_record, records), *end)))


class Played:
    """Delivered messages, and when on the clock of the loop."""

    def __init__(self) -> None:
        self.numbers: list[object] = []
        self.times: list[float] = []
        self._came = asyncio.Event()

    def deliver(self, record: Record, packet: bytes) -> bool:
        self.numbers.append(decode_message(packet).args[0])
        self.times.append(asyncio.get_running_loop().time())
        self._came.set()
        return record.name != "nobody"

    async def arrived(self, count: int) -> None:
        async with asyncio.timeout(30):
            while len(self.numbers) < count:
                self._came.clear()
                await self._came.wait()


def everything(_record: Record) -> bool:
    return True


async def played(made: io.BytesIO, wanted: Callable[[Record], bool] = everything) -> list[object]:
    sent = Played()
    await Playback(made, wanted, sent.deliver).run()
    return sent.numbers


async def test_all_packets_are_played_at_their_times() -> None:
    sent = Played()
    playback = Playback(file(0, 0.5, 1.0, length=5), everything, sent.deliver)
    await playback.run()  # without the silence at the end
    assert sent.numbers == [0, 1, 2]
    assert sent.times[2] - sent.times[0] >= 0.99
    assert (playback.delivered, playback.length_ns) == (3, 5 * SECOND)


async def test_what_is_not_wanted_or_not_delivered_is_left_out() -> None:
    sent = Played()
    playback = Playback(file(0, 0, length=1), lambda _record: False, sent.deliver)
    await playback.run()
    assert (playback.delivered, playback.left_out) == (0, 2)
    playback = Playback(file(0, 0, length=1, name="nobody"), everything, sent.deliver)
    await playback.run()
    assert (playback.delivered, playback.left_out) == (0, 2)


async def test_late_packets_come_at_once_and_others_have_their_turn() -> None:
    made = file(*(0.0 for _ in range(20_000)), length=0)
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    counting = asyncio.ensure_future(count())
    assert await played(made) == list(range(20_000))
    counting.cancel()
    assert turns > 10


async def test_seeking_goes_both_ways_also_while_it_is_paused() -> None:
    sent = Played()
    playback = Playback(file(0, 100, 200, 300, 900, length=950), everything, sent.deliver)
    running = asyncio.ensure_future(playback.run())
    await sent.arrived(1)
    playback.seek(299 * SECOND)
    await sent.arrived(2)
    playback.pause(True)
    playback.seek(99 * SECOND + SECOND // 2)
    assert playback.position_ns == 99 * SECOND + SECOND // 2
    playback.pause(False)
    await sent.arrived(3)
    playback.seek(1_000 * SECOND)
    await running
    assert sent.numbers == [0, 3, 1]


async def test_speed_changes_from_where_it_is() -> None:
    sent = Played()
    playback = Playback(file(0, 90, length=100), everything, sent.deliver)
    running = asyncio.ensure_future(playback.run())
    await sent.arrived(1)
    playback.set_speed(100)
    assert playback.position_ns < 60 * SECOND
    await running
    assert sent.numbers == [0, 1]
    assert 0.7 < sent.times[1] - sent.times[0] < 60


async def test_loop_begins_again_and_lasts_as_long_as_the_recording() -> None:
    sent = Played()
    playback = Playback(
        file(0, 1, length=100), everything, sent.deliver, speed=100, loop=True, at_ns=SECOND // 2
    )
    running = asyncio.ensure_future(playback.run())
    await sent.arrived(5)
    playback.loop = False
    await running
    assert sent.numbers[:5] == [1, 0, 1, 0, 1]
    assert sent.times[3] - sent.times[1] >= 0.98
    assert playback.rounds >= 3


async def test_empty_loop_does_not_spin() -> None:
    sent = Played()
    playback = Playback(file(length=0), everything, sent.deliver, loop=True)
    running = asyncio.ensure_future(playback.run())
    await asyncio.sleep(1)
    assert playback.rounds <= 120
    playback.stop()
    await running


async def test_recording_that_was_cut_off_is_played_up_to_the_cut() -> None:
    made = file(0, 0.01)
    sent = Played()
    playback = Playback(made, everything, sent.deliver)
    await playback.run()
    assert sent.numbers == [0, 1]
    assert "incomplete" in playback.error


async def test_stop_ends_a_wait() -> None:
    sent = Played()
    playback = Playback(file(0, 1_000, length=1_000), everything, sent.deliver)
    running = asyncio.ensure_future(playback.run())
    await sent.arrived(1)
    playback.stop()
    async with asyncio.timeout(30):
        await running
