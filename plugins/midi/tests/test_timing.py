"""Time code and clock: received, and generated."""

from __future__ import annotations

import threading
from typing import Any

import pytest

import oscbridge
from oscbridge.testing import until
from oscbridge_midi.clock_tempo import ClockTempo
from oscbridge_midi.timing.clock_generator import ClockGenerator
from oscbridge_midi.timing.commands import TimingCommand
from oscbridge_midi.timing.ticker import Ticker
from oscbridge_midi.timing.timecode import RATES, Timecode
from oscbridge_midi.timing.timecode_generator import TimecodeGenerator
from oscbridge_midi.timing.timecode_reader import ReceivedTimecode, TimecodeReader

START = Timecode(1, 2, 3, 4, 1)


@pytest.mark.parametrize("rate", range(4))
def test_positions_of_a_day_are_in_order(rate: int) -> None:
    where, number = Timecode(0, 0, 0, 0, rate), 0
    for _ in range(3_000):
        assert where.is_valid
        assert where.number == number
        assert Timecode(0, 0, 0, 0, rate).plus(number) == where
        where, number = where.plus(607), number + 607
        if where.number != number:
            number = where.number  # the next day
    last = Timecode(23, 59, 59, (23, 24, 29, 29)[rate], rate)
    assert last.plus(1) == Timecode(0, 0, 0, 0, rate)
    assert Timecode(0, 0, 0, 0, rate).plus(-1) == last


def test_drop_frame_leaves_out_two_frames_per_minute() -> None:
    assert Timecode(0, 0, 59, 29, 2).plus(1) == Timecode(0, 1, 0, 2, 2)
    assert Timecode(0, 9, 59, 29, 2).plus(1) == Timecode(0, 10, 0, 0, 2)
    assert not Timecode(0, 1, 0, 1, 2).is_valid
    assert Timecode(1, 0, 0, 0, 2).number == 107_892


def generate(generator: TimecodeGenerator, count: int) -> list[tuple[float, bytes]]:
    found: list[tuple[float, bytes]] = []
    for _ in range(count):
        due = generator.due
        assert due is not None
        found += [(due, data) for data in generator.tick(due)]
    return found


@pytest.mark.parametrize("rate", range(4))
@pytest.mark.parametrize("direction", [1, -1])
def test_generated_time_code_is_read_as_it_was_generated(rate: int, direction: int) -> None:
    start = Timecode(10, 59, 59, 20, rate)
    generator, reader = TimecodeGenerator(), TimecodeReader()
    [full] = generator.locate(start, 0.0)
    assert reader.take(full, 0.0) == ReceivedTimecode(start, 0)
    generator.run(0.0, direction)
    found = []
    for due, data in generate(generator, 400):
        received = reader.take(data, due)
        if received is not None:
            found.append((round(due / start.frame_time * 4), received))
    assert len(found) > 80
    for quarters, received in found:
        assert received.direction == direction
        assert received.timecode == start.plus(direction * quarters // 4)


def test_reader_begins_again_after_a_missing_piece_and_a_turn() -> None:
    reader = TimecodeReader()
    pieces = [START.quarter_frame(piece) for piece in range(8)]
    assert [reader.take(each, n / 100) for n, each in enumerate(pieces[:3] + pieces[4:])] == [
        None
    ] * 7
    assert reader.take(pieces[0], 0.08) is None
    for n, piece in enumerate((7, 6, 5, 4, 3, 2, 1)):
        assert reader.take(pieces[piece], 0.1 + n / 100) is None
    assert reader.take(pieces[0], 0.2) == ReceivedTimecode(START, -1)


@pytest.mark.parametrize("data", ["f07f7f010117020304f7", "f07f7f01017f3f3f1ef7"])
def test_full_frame_that_does_not_exist_is_no_position(data: str) -> None:
    found = TimecodeReader().take(bytes.fromhex(data), 0.0)
    assert (found is None) == (data.count("3f") > 0)


def test_quarter_frames_are_evenly_spaced() -> None:
    generator = TimecodeGenerator()
    generator.locate(Timecode(0, 0, 0, 0, 2), 5.0)
    generator.run(5.0)
    times = [due for due, _ in generate(generator, 4 * 30_000)]
    assert abs(times[-1] - times[0] - 1001 * (1 - 1 / (4 * 30_000))) < 1e-6


def test_followed_positions_keep_it_running_and_smooth() -> None:
    generator = TimecodeGenerator()
    assert generator.follow(START, 1, 10.0) == [START.full_frame()]
    for frame in range(1, 50):  # each a little late
        now = 10.0 + frame / 25 + 0.01
        assert generator.follow(START.plus(frame), 1, now) == []
    assert generator.due is not None
    while generator.due is not None and generator.due < 20:
        generator.tick(generator.due)
    assert generator.position(20.0).number - START.number in range(60, 65)  # it has stopped


def test_followed_jump_is_located() -> None:
    generator = TimecodeGenerator()
    generator.follow(START, 1, 10.0)
    there = START.plus(100)
    assert generator.follow(there, 1, 10.04) == [there.full_frame()]


def test_clock_keeps_its_phase_when_the_tempo_changes() -> None:
    clock = ClockGenerator()
    clock.set_tempo(120, 0.0)
    ticks = []
    for _ in range(24):
        assert clock.due is not None
        ticks.append(clock.due)
        clock.tick(clock.due)
    assert ticks == pytest.approx([n * 0.5 / 24 for n in range(24)])
    due = clock.due
    assert due is not None
    half = 0.5 / 48
    clock.set_tempo(60, due - half)  # in the middle of a tick
    assert clock.due == pytest.approx(due - half + 2 * half)


def test_clock_that_was_suspended_sends_no_burst() -> None:
    clock = ClockGenerator()
    clock.set_tempo(120, 0.0)
    clock.tick(1_000.0)
    assert clock.due == pytest.approx(1_000 + 0.5 / 24)
    clock.set_tempo(0, 1_000.0)
    assert clock.due is None


def test_tempo_is_measured_despite_jitter() -> None:
    tempo = ClockTempo()
    late = [0.0, 0.001, 0.0005, 0.0008, 0.0002]
    found = [tempo.tick(n * 0.5 / 24 + late[n % 5]) for n in range(24 * 8 + 1)]
    assert all(abs(each - 120) < 0.2 for each in found if each is not None)
    assert sum(each is not None for each in found) == 8


def test_ticker_writes_in_time_and_ends_with_its_thread() -> None:
    written: list[bytes] = []
    enough = threading.Event()

    def write(messages: Any) -> None:
        written.extend(messages)
        if len(written) > 48:
            enough.set()

    ticker = Ticker(write, lambda error: None)
    ticker.apply(TimingCommand("tempo", (600.0,)))
    assert enough.wait(30)
    ticker.apply(TimingCommand("locate", (*START, 0)))
    ticker.apply(TimingCommand("run"))
    ticker.close()
    count = len(written)
    assert b"\xf1" not in written[:48]
    assert START.full_frame() in written
    assert not [each for each in threading.enumerate() if each.name == "MIDI time"]
    ticker.apply(TimingCommand("tempo", (600.0,)))
    assert len(written) == count


def test_ticker_reports_what_a_driver_raises() -> None:
    failed = threading.Event()

    def write(_messages: Any) -> None:
        raise OSError("unplugged")

    ticker = Ticker(write, lambda error: failed.set())
    ticker.apply(TimingCommand("tempo", (600.0,)))
    assert failed.wait(30)
    ticker.close()


async def test_tempo_generates_a_clock_until_it_is_0(start: Any, join: Any) -> None:
    bridge = await start()
    wire = await join(bridge)
    bridge.send("/tempo", 600.0)
    assert await wire.read(60) == b"\xf8" * 60
    bridge.send("/tempo", 0)
    bridge.send("/stop")
    await bridge.stop()
    assert set(await wire.rest()) <= {0xF8, 0xFC}
    assert bridge.wrong_counts == []


async def test_time_code_passes_from_one_endpoint_to_another(start: Any, join: Any) -> None:
    bridge = await start('listen = "127.0.0.1:0"\ntimecode = "time"')
    wire = await join(bridge)
    await wire.write(START.full_frame())
    found = await bridge.receive()
    assert found.address == "/timecode"
    assert found.args == (1, 2, 3, 4, 25.0, 0)
    await wire.write(b"".join(START.quarter_frame(piece) for piece in range(8)))
    await wire.write(START.plus(2).quarter_frame(0))
    assert (await bridge.receive()).args == (1, 2, 3, 6, 25.0, 1)


async def test_time_code_is_generated_from_osc(start: Any, join: Any) -> None:
    bridge = await start()
    wire = await join(bridge)
    bridge.send("/timecode", 1, 2, 3, 4, 25.0)
    assert await wire.read(10) == START.full_frame()
    bridge.send("/timecode/run")
    reader, found = TimecodeReader(), None
    for number in range(40):
        found = reader.take(await wire.read(2), number / 100) or found
    assert found is not None
    assert 0 < found.timecode.number - START.number <= 10
    bridge.send("/timecode/stop")
    data = b""
    while not data.endswith(b"\xf7"):
        data += await wire.read(1)
    assert TimecodeReader.is_timecode(data[-10:])


@pytest.mark.parametrize(
    ("address", "args", "reason"),
    [
        ("/tempo", (4.0,), "tempo must be 5 to 1000 beats per minute, or 0, not 4.0"),
        ("/tempo", ("fast",), "not 'fast'"),
        ("/timecode", (1, 2, 3), "takes hours, minutes, seconds, frames, rate"),
        ("/timecode", (1, 2, 3, 4, 26), "rate must be one of 24, 25, 29.97, 30"),
        ("/timecode", (1, 2, 3, 25, 25), "the position 01:02:03:25 does not exist"),
        ("/timecode", (1, 2, 3, 4, float("nan")), "takes numbers"),
    ],
)
async def test_wrong_values_are_dropped_with_a_reason(
    start: Any,
    join: Any,
    caplog: pytest.LogCaptureFixture,
    address: str,
    args: tuple[oscbridge.Argument, ...],
    reason: str,
) -> None:
    bridge = await start()
    await join(bridge)
    bridge.send(address, *args)
    await until(lambda: bridge.drops["bad"])
    assert reason in caplog.text


def test_rates_are_those_of_the_specification() -> None:
    assert RATES == (24.0, 25.0, 29.97, 30.0)
