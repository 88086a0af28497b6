"""Synthesisers on JACK, recorded: one with MIDI, and one that also speaks OSC."""

from __future__ import annotations

import math
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from ports import free_port

import oscbridge

SOUNDFONT = Path("/usr/share/sounds/sf2/TimGM6mb.sf2")
OCARINA = 79
"""A program with sustained notes of one frequency."""
RATE = 48_000


pytestmark = pytest.mark.load  # XRuns lose messages when the processor is busy


@pytest.fixture
def fluidsynth(jack: Any) -> str:
    """Starts a synthesiser. Returns the name of its MIDI port."""
    assert SOUNDFONT.exists(), "install timgm6mb-soundfont"
    options = ["audio.jack.id=fsyn", "midi.jack.id=fsyn", "audio.jack.autoconnect=0"]
    settings = [word for option in options for word in ("-o", option)]
    jack.start("fluidsynth", "-q", "-i", "-s", "-m", "jack", "-a", "jack", *settings, SOUNDFONT)
    jack.wait_for_port("fsyn:left")
    port: str = jack.wait_for_port("fsyn:midi")
    return port


def record(jack: Any, file: Path, seconds: int, *ports: str) -> Any:
    """Starts to record ports."""
    recorder = jack.start("jack_rec", "-f", file, "-d", seconds, "-b", 16, *ports)
    jack.wait_for_port("jackrec")
    return recorder


def samples(file: Path) -> list[float]:
    """The first channel of a recording, -1 to 1."""
    command = ["sox", str(file), "-t", "raw", "-e", "float", "-b", "32", "-c", "1", "-"]
    raw = subprocess.run(command, capture_output=True, check=True).stdout
    return list(struct.unpack(f"<{len(raw) // 4}f", raw))


def power(signal: Sequence[float], frequency: float) -> float:
    """The power of a frequency in a signal (Goertzel's algorithm)."""
    factor = 2 * math.cos(2 * math.pi * frequency / RATE)
    before = last = 0.0
    for sample in signal:
        before, last = last, sample + factor * last - before
    return before * before + last * last - factor * before * last


def loudness(signal: Sequence[float]) -> float:
    return math.sqrt(sum(sample * sample for sample in signal) / len(signal))


def peak(signal: Sequence[float]) -> int:
    """The strongest frequency in Hz: the nearest note first, then within that semitone."""
    frequencies = [440 * 2 ** ((note - 69) / 12) for note in range(40, 100)]
    near = max(frequencies, key=lambda frequency: power(signal, frequency))
    return max(range(int(near) - 12, int(near) + 13), key=lambda hertz: power(signal, hertz))


def sounding(recorded: Sequence[float]) -> Sequence[float]:
    """The loudest third of a second."""
    size = RATE // 3
    starts = range(0, len(recorded) - size, size // 4)
    begin = max(starts, key=lambda start: loudness(recorded[start : start + size : 16]))
    return recorded[begin : begin + size]


@pytest.mark.parametrize("ending", ["note off", "SIGTERM"])
def test_note_sounds_at_its_pitch_and_ends(
    jack: Any, stage: Any, fluidsynth: str, tmp_path: Path, ending: str
) -> None:
    bridge = stage(f'output = "{fluidsynth}"')
    bridge.send("/program", 1, OCARINA)
    recorder = record(jack, tmp_path / "tone.wav", 3, "fsyn:left", "fsyn:right")
    bridge.send("/note", 1, 69, 100)
    time.sleep(0.8)  # how long it sounds
    if ending == "SIGTERM":
        bridge.program.signal(signal.SIGTERM)
        assert bridge.program.wait() == 0
    else:
        bridge.send("/note", 1, 69, 0)
    assert recorder.wait() == 0
    recorded = samples(tmp_path / "tone.wav")
    tone = sounding(recorded)
    assert loudness(tone) > 0.001
    assert abs(peak(tone) - 440) <= 1
    assert loudness(recorded[-RATE // 2 :]) < loudness(tone) / 100


ZYN = """
[endpoint.panel]
type = "osc"
to   = "udp://127.0.0.1:{zyn}"

[[route]]
from  = "osc"
match = "/part0/*"
to    = "panel"
"""


def test_synthesiser_is_played_by_midi_and_set_by_osc(
    jack: Any, stage: Any, tmp_path: Path
) -> None:
    zyn = free_port()
    jack.start("zynaddsubfx", "-U", "-I", "jack", "-O", "jack", "-P", zyn)
    jack.wait_for_port("zynaddsubfx:out_1")
    port = jack.wait_for_port("zynaddsubfx:midi_input")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as panel:
        panel.settimeout(10)
        panel.connect(("127.0.0.1", zyn))

        def ask(address: str) -> oscbridge.Message:
            panel.send(oscbridge.encode_message(oscbridge.Message(address)))
            packet = oscbridge.decode_packet(panel.recv(65_536))
            assert isinstance(packet, oscbridge.Message)
            return packet

        assert ask("/part0/Pkeyshift").args == (64,)
        bridge = stage(f'output = "{port}"' + ZYN.format(zyn=zyn))
        bridge.send("/part0/Pkeyshift", 76)  # an octave up
        deadline = time.monotonic() + 10
        while ask("/part0/Pkeyshift").args != (76,):
            assert time.monotonic() < deadline
            time.sleep(0.02)
    recorder = record(jack, tmp_path / "zyn.wav", 3, "zynaddsubfx:out_1")
    bridge.send("/note", 1, 69, 100)
    time.sleep(0.8)  # how long it sounds
    bridge.send("/note", 1, 69, 0)
    assert recorder.wait() == 0
    recorded = samples(tmp_path / "zyn.wav")
    tone = sounding(recorded)
    assert loudness(tone) > 0.001
    assert abs(peak(tone) - 880) <= 2
    assert loudness(recorded[-RATE // 2 :]) < loudness(tone) / 100
