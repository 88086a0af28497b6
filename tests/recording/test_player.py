"""Schedules, time tags and lateness of played packets."""

from __future__ import annotations

import math
import pickle
import time
from statistics import median

import pytest

from oscbridge.osc import (
    IMMEDIATELY,
    Bundle,
    Message,
    TimeTag,
    decode_packet,
    encode_bundle,
    encode_message,
    encode_packet,
)
from oscbridge.recording.format import Record
from oscbridge.recording.player import (
    FASTEST,
    SHORTEST_ROUND_NS,
    TOLERANCE_NS,
    Punctuality,
    Schedule,
    play,
    shift_timetags,
)

SECOND = 1_000_000_000
THEN = 1_700_000_000 * SECOND
"""The start time of the recording."""
NOW = 1_800_000_000 * SECOND
"""The time of playing."""
MESSAGE = encode_message(Message.of("/x", 1))


def record(time_ns: int, packet: bytes = MESSAGE) -> Record:
    return Record(time_ns, "in", "stage", "", packet)


def schedule(speed: float = 1.0) -> Schedule:
    return Schedule(THEN, NOW, 5 * SECOND, speed)


def tagged(unix_ns: int) -> bytes:
    return encode_bundle([MESSAGE], TimeTag.from_unix_ns(unix_ns))


# --- timing ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("speed", "due"), [(1.0, 8 * SECOND), (2.0, 6.5 * SECOND), (0.5, 11 * SECOND)]
)
def test_packet_is_due_at_its_time_divided_by_the_speed(speed: float, due: int) -> None:
    assert schedule(speed).due_ns(3 * SECOND) == due


def test_rounds_follow_each_other_without_drift() -> None:
    each = schedule(3.0)
    for _ in range(1_000):
        each = each.after(SECOND)
    assert each.due_ns(0) == pytest.approx(5 * SECOND + 1_000 * SECOND / 3, abs=1_000)
    assert each.start_unix_ns - NOW == each.start_ns - 5 * SECOND


def test_round_has_a_minimum_length() -> None:
    assert schedule().after(0).due_ns(0) == 5 * SECOND + SHORTEST_ROUND_NS


def test_schedule_is_exact_to_the_microsecond_after_days() -> None:
    late = 30 * 86_400 * SECOND + 1
    assert schedule(1.0).due_ns(late) == pytest.approx(5 * SECOND + late, abs=1_000)


# --- time tags -------------------------------------------------------------------------------


@pytest.mark.parametrize(("speed", "ahead"), [(1.0, 2.25), (2.0, 1.125), (0.5, 4.5)])
def test_future_time_tag_is_scaled_by_the_speed(speed: float, ahead: float) -> None:
    packet = schedule(speed).packet(record(SECOND, tagged(THEN + 2_250_000_000)))
    assert packet == tagged(NOW + round(ahead * SECOND))


def test_in_a_later_round_a_time_tag_is_later() -> None:
    packet = schedule().after(10 * SECOND).packet(record(0, tagged(THEN + SECOND)))
    assert packet == tagged(NOW + 11 * SECOND)


def test_past_time_tag_is_kept() -> None:
    late = tagged(THEN + SECOND)
    assert schedule().packet(record(SECOND, late)) == late
    assert schedule().packet(record(SECOND - 1_000, late)) == tagged(NOW + SECOND)


def test_immediate_time_tag_is_kept() -> None:
    packet = encode_bundle([MESSAGE], IMMEDIATELY)
    assert schedule().packet(record(0, packet)) == packet


def test_time_tags_of_bundles_within_bundles_are_shifted_too() -> None:
    inner = encode_bundle([MESSAGE, tagged(THEN + 3 * SECOND)], TimeTag.from_unix_ns(THEN + SECOND))
    outer = encode_bundle([MESSAGE, inner], IMMEDIATELY)
    shifted = encode_bundle([MESSAGE, tagged(NOW + 3 * SECOND)], TimeTag.from_unix_ns(NOW + SECOND))
    assert schedule().packet(record(0, outer)) == encode_bundle([MESSAGE, shifted], IMMEDIATELY)


def test_at_maximum_speed_future_tags_are_due_immediately() -> None:
    assert schedule(FASTEST).packet(record(0, tagged(THEN + SECOND))) == tagged(NOW)


def test_farthest_time_tag_stays_in_the_future() -> None:
    farthest = encode_bundle([MESSAGE], TimeTag(0x7FFFFFFF_FFFFFFFF))
    shifted = decode_packet(schedule(0.001).packet(record(0, farthest)))
    assert isinstance(shifted, Bundle)
    assert shifted.timetag.datetime().year == 2104


def test_messages_and_invalid_packets_are_left_unchanged() -> None:
    for packet in (MESSAGE, b"", b"#", b"#bundle\0", b"#bundle\0\0\0\0", b"\0" * 20):
        assert schedule().packet(record(0, packet)) is packet or packet.startswith(b"#")
        assert schedule().packet(record(0, packet)) == packet


def test_malformed_bundle_is_left_unchanged_where_it_is_damaged() -> None:
    whole = encode_bundle([MESSAGE, tagged(THEN + SECOND)], TimeTag.from_unix_ns(THEN + SECOND))
    for size in range(len(whole)):
        cut = whole[:size]
        assert len(schedule().packet(record(0, cut))) == size
    wrong = bytearray(whole)
    wrong[16:20] = b"\xff\xff\xff\xff"  # the size of the first element
    shifted = schedule().packet(record(0, bytes(wrong)))
    assert shifted[:16] == tagged(NOW + SECOND)[:16]
    assert shifted[16:] == wrong[16:]


def test_bundles_nested_too_deeply_are_left_unchanged_below_the_limit() -> None:
    packet = encode_bundle([])
    for _ in range(5_000):
        packet = encode_bundle([packet])
    seen: list[TimeTag] = []

    def note(tag: TimeTag) -> TimeTag:
        seen.append(tag)
        return tag

    assert shift_timetags(packet, note) == packet
    assert len(seen) == 16


def test_all_bytes_except_time_tags_are_kept() -> None:
    untagged = b"/old\0\0\0\0raw."
    padded = MESSAGE + bytes(4)
    packet = encode_bundle([untagged, padded], TimeTag.from_unix_ns(THEN + SECOND))
    shifted = encode_bundle([untagged, padded], TimeTag.from_unix_ns(NOW + SECOND))
    assert schedule().packet(record(0, packet)) == shifted


# --- lateness --------------------------------------------------------------------------------


def test_lateness_has_a_median_and_a_maximum() -> None:
    punctuality = Punctuality()
    for late in (10_000, 20_000, 30_000, 40_000, 2_345_678):
        punctuality.add(late)
    assert (punctuality.packets, punctuality.late, punctuality.worst_ns) == (5, 1, 2_345_678)
    assert punctuality.median_ns == 30_000


def test_lateness_is_kept_to_two_digits_in_little_memory() -> None:
    punctuality = Punctuality()
    for late in range(0, 100_000_000, 997):
        punctuality.add(late)
    assert len(pickle.dumps(punctuality)) < 20_000
    assert punctuality.median_ns == pytest.approx(50_000_000, rel=0.03)


def test_lateness_without_packets_is_zero() -> None:
    assert (Punctuality().median_ns, Punctuality().worst_ns) == (0, 0)


def test_less_than_the_tolerance_is_not_late() -> None:
    punctuality = Punctuality()
    punctuality.add(TOLERANCE_NS)
    punctuality.add(-5)
    assert punctuality.late == 0


# --- playing ---------------------------------------------------------------------------------


def test_packets_are_sent_in_order_and_never_early() -> None:
    sent: list[tuple[int, bytes]] = []
    records = [record(n * 2_000_000, b"%d" % n) for n in range(100)]
    plan = Schedule.now(THEN, 2.0)
    play(records, lambda p: sent.append((time.monotonic_ns(), p)), plan, Punctuality())
    assert [packet for _, packet in sent] == [each.packet for each in records]
    for (when, _), each in zip(sent, records, strict=True):
        assert when >= plan.due_ns(each.time_ns)


@pytest.mark.load
def test_half_of_the_packets_are_less_than_a_millisecond_late() -> None:
    punctuality = Punctuality()
    sent: list[int] = []
    records = [record(n * 5_000_000) for n in range(600)]
    plan = Schedule.now(THEN)
    play(records, lambda _: sent.append(time.monotonic_ns()), plan, punctuality)
    late = [now - plan.due_ns(each.time_ns) for now, each in zip(sent, records, strict=True)]
    assert median(late) < TOLERANCE_NS
    assert 0.9 * median(late) <= punctuality.median_ns < TOLERANCE_NS  # to two digits
    assert punctuality.worst_ns >= max(late)


def test_stall_is_caught_up_and_counted() -> None:
    sent: list[int] = []

    def send(_packet: bytes) -> None:
        if not sent:
            time.sleep(0.06)
        sent.append(time.monotonic_ns())

    punctuality = Punctuality()
    plan = Schedule.now(THEN)
    play([record(n * 10_000_000) for n in range(20)], send, plan, punctuality)
    assert punctuality.worst_ns >= 60_000_000
    assert punctuality.late >= 5
    # Only the last packet's own lateness counts, not the stall before the first.
    assert sent[-1] >= plan.due_ns(190_000_000)


def test_maximum_speed_neither_waits_nor_is_late() -> None:
    sent: list[bytes] = []
    punctuality = Punctuality()
    started = time.monotonic()
    play([record(n * 3_600 * SECOND) for n in range(5)], sent.append, Schedule.now(THEN, math.inf),
         punctuality)  # fmt: skip
    assert time.monotonic() - started < 60
    assert (len(sent), punctuality.late) == (5, 0)


def test_time_tags_can_be_kept() -> None:
    sent: list[bytes] = []
    packet = tagged(THEN + SECOND)
    play([record(0, packet)], sent.append, Schedule.now(THEN), Punctuality(), keep_timetags=True)
    assert sent == [packet]


def test_long_wait_is_interrupted_by_ticks() -> None:
    class Enough(Exception):
        pass

    ticks: list[None] = []

    def tick() -> None:
        ticks.append(None)
        if len(ticks) == 3:
            raise Enough

    with pytest.raises(Enough):
        play([record(3_600 * SECOND)], lambda _: None, Schedule.now(THEN), Punctuality(), tick=tick)


def test_play_stops_during_a_wait_and_before_the_next_packet() -> None:
    sent: list[bytes] = []
    punctuality = Punctuality()
    records = [record(0), record(0), record(3_600 * SECOND)]
    for most, expected in ((3, 2), (1, 1)):
        sent.clear()
        checks = iter([False] * most)
        play(records, sent.append, Schedule.now(THEN), punctuality,
             stopped=lambda checks=checks: next(checks, True))  # fmt: skip
        assert len(sent) == expected
    assert punctuality.packets == 3


def test_ticks_continue_when_there_is_no_wait() -> None:
    ticks: list[None] = []
    play(
        [record(0) for _ in range(30)],
        lambda _: time.sleep(0.01),
        Schedule.now(THEN),
        Punctuality(),
        tick=lambda: ticks.append(None),
    )
    assert ticks


def test_future_bundle_is_shifted_to_the_present() -> None:
    sent: list[bytes] = []
    bundle = Bundle(TimeTag.from_unix_ns(THEN + SECOND), (Message.of("/x", 1),))
    plan = Schedule.now(THEN)
    play([record(0, encode_packet(bundle))], sent.append, plan, Punctuality())
    (packet,) = sent
    shifted = decode_packet(packet)
    assert isinstance(shifted, Bundle)
    assert shifted.timetag.unix_ns() == pytest.approx(plan.start_unix_ns + SECOND, abs=10)
