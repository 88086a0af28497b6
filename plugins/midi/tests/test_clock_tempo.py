"""Measuring the tempo of a MIDI clock."""

from __future__ import annotations

from oscbridge_midi.clock_tempo import ClockTempo


def test_tempo_is_measured_once_per_quarter_note() -> None:
    tempo = ClockTempo()
    measured = [tempo.tick(tick * 0.5 / 24) for tick in range(24 * 4 + 1)]
    assert [value for value in measured if value is not None] == [120.0] * 4


def test_tempo_restarts_after_a_pause() -> None:
    tempo = ClockTempo()
    for tick in range(20):
        tempo.tick(tick * 0.02)
    measured = [tempo.tick(100 + tick * 0.5 / 24) for tick in range(25)]
    assert [value for value in measured if value is not None] == [120.0]
