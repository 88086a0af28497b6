"""Real ports: JACK clients, a recorded synthesiser, and one that also speaks OSC.

Each test has its own JACK server. JACK buffers about 200 messages, and mido does not pass on
active sensing.
"""

from __future__ import annotations

import math
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from ports import free_port

import oscbridge

SOUNDFONT = Path("/usr/share/sounds/sf2/TimGM6mb.sf2")
OCARINA = 79
"""A program with sustained notes of one frequency."""
RATE = 48_000
NOTES: list[tuple[str, tuple[oscbridge.Argument, ...], str]] = [
    ("/note", (1, 69, 100), "90 45 64"),
    ("/note_off", (16, 127, 5), "8F 7F 05"),
    ("/key_pressure", (2, 60, 127), "A1 3C 7F"),
    ("/control", (3, 7, 64), "B2 07 40"),
    ("/program", (10, 127), "C9 7F"),
    ("/channel_pressure", (1, 5), "D0 05"),
    ("/pitch", (2, 16383), "E1 7F 7F"),
    ("/sysex", (bytes.fromhex("f07e7f0601f7"),), "F0 7E 7F 06 01 F7"),
    ("/mtc", (7, 15), "F1 7F"),
    ("/song_position", (16383,), "F2 7F 7F"),
    ("/song_select", (5,), "F3 05"),
    ("/tune_request", (), "F6"),
    ("/clock", (), "F8"),
    ("/start", (), "FA"),
    ("/continue", (), "FB"),
    ("/stop", (), "FC"),
    ("/reset", (), "FF"),
]

CONFIGURATION = """
[bridge.osc]
listen = "udp://127.0.0.1:{port}"

[endpoint.synth]
type    = "midi"
backend = "jack"
{endpoint}

[endpoint.out]
type = "osc"
to   = "udp://127.0.0.1:{out}"

[[route]]
from = "osc"
to   = "synth"

[[route]]
from = "synth"
to   = "out"
"""


class Stage:
    """A bridge that uses a JACK server; sends to it and receives from it."""

    def __init__(self, jack: Any, file: Path, port: int, endpoint: str) -> None:
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", 0))
        self.udp.settimeout(10)
        text = CONFIGURATION.format(port=port, endpoint=endpoint, out=self.udp.getsockname()[1])
        file.write_text(text)
        self._to = ("127.0.0.1", port)
        self.program = jack.bridge(file)

    def send(self, address: str, *args: oscbridge.Argument) -> None:
        self.udp.sendto(oscbridge.encode_message(oscbridge.Message.of(address, *args)), self._to)

    def receive(self) -> oscbridge.Message:
        packet = oscbridge.decode_packet(self.udp.recv(65_536))
        assert isinstance(packet, oscbridge.Message)
        return packet


Open = Callable[[str], Stage]


@pytest.fixture
def stage(jack: Any, tmp_path: Path) -> Any:
    """Starts a bridge; the argument is TOML of its MIDI endpoint."""
    stages: list[Stage] = []

    def start(endpoint: str) -> Stage:
        stages.append(Stage(jack, tmp_path / "midi.toml", free_port(), endpoint))
        return stages[-1]

    yield start
    for each in stages:
        each.udp.close()


pytestmark = pytest.mark.load  # XRuns lose messages when the processor is busy


def test_every_kind_passes_jack_in_both_directions(jack: Any, stage: Open) -> None:
    peer = jack.peer("gear")
    bridge = stage('output = "gear reads"\ninput = "gear writes"')
    for address, args, wire in NOTES:
        bridge.send(address, *args)
        assert peer.line("") == wire
        peer.write(wire)
        assert bridge.receive() == oscbridge.Message.of(address, *args)
    bridge.send("/nrpn", 1, 300, 16383)
    assert [peer.line("") for _ in range(4)] == ["B0 63 02", "B0 62 2C", "B0 06 7F", "B0 26 7F"]


def test_burst_within_jacks_buffer_arrives_complete_and_in_order(jack: Any, stage: Open) -> None:
    peer = jack.peer("gear")
    bridge = stage('output = "gear reads"')
    for index in range(200):
        bridge.send("/control", 1 + index // 128, index % 128, index % 100)
    expected = [f"B{index // 128:X} {index % 128:02X} {index % 100:02X}" for index in range(200)]
    assert [peer.line("") for _ in range(200)] == expected


def test_virtual_ports_can_be_connected(jack: Any, stage: Open) -> None:
    peer = jack.peer("gear")
    bridge = stage('output = "virtual:to gear"\ninput = "virtual:from gear"')
    jack.run("jack_connect", jack.wait_for_port(":to gear"), jack.wait_for_port("gear reads:in"))
    jack.run("jack_connect", jack.wait_for_port("gear writes:out"), jack.wait_for_port("from gear"))
    bridge.send("/note", 1, 60, 1)
    assert peer.line("") == "90 3C 01"
    peer.write("90 3d 02")
    assert bridge.receive() == oscbridge.Message.of("/note", 1, 61, 2)


def test_missing_port_is_waited_for(jack: Any, stage: Open) -> None:
    bridge = stage('output = "gear reads"')
    bridge.program.said("no output port with 'gear reads' in its name")
    peer = jack.peer("gear")
    bridge.program.said("connected again: output 'gear reads:in'")
    bridge.send("/note", 1, 60, 1)
    assert peer.line("") == "90 3C 01"


def test_ambiguous_part_of_a_name_lists_the_candidates(jack: Any, stage: Open) -> None:
    jack.peer("gear")
    jack.peer("other gear")
    bridge = stage('output = "gear"')
    line = bridge.program.said("'gear' matches several output ports: ")
    assert "'gear reads:in'" in line
    assert "'other gear reads:in'" in line


def test_restarted_gear_is_reconnected(jack: Any, stage: Open) -> None:
    first = jack.peer("gear")
    bridge = stage('output = "gear reads"')
    bridge.send("/note", 1, 60, 1)
    assert first.line("") == "90 3C 01"
    first.signal(signal.SIGKILL)
    bridge.program.said("the output port 'gear reads:in' has disappeared")
    second = jack.peer("gear")
    deadline = time.monotonic() + 20
    while not any(line == "B0 07 03" for line in second.all):  # a continuous stream
        bridge.send("/control", 1, 7, 3)
        assert time.monotonic() < deadline, bridge.program.all
        time.sleep(0.02)
    assert "80 3C 40" in second.all  # the sounding note was ended


def test_jack_server_that_ends_is_detected_and_reconnected(jack: Any, stage: Open) -> None:
    first = jack.peer("gear")
    bridge = stage('output = "gear reads"\ninput = "gear writes"')
    bridge.send("/note", 1, 60, 1)
    assert first.line("") == "90 3C 01"
    jack.signal(signal.SIGKILL)
    first.signal(signal.SIGKILL)  # it cannot run without the server
    bridge.program.said("endpoint.synth: not connected: the JACK server has ended")
    jack.serve_again()
    peer = jack.peer("gear")
    bridge.program.said("connected again: output 'gear reads:in', input 'gear writes:out'", wait=20)
    bridge.send("/control", 1, 7, 3)
    assert [peer.line("") for _ in range(3)] == ["80 3C 40", "B0 7B 00", "B0 07 03"]


def test_hanging_jack_server_blocks_nothing_else(jack: Any, stage: Open) -> None:
    jack.peer("gear")
    aside = free_port()
    bridge = stage('output = "gear reads"\n' + ASIDE.format(port=aside))

    def check_other_route() -> None:
        message = oscbridge.Message.of("/aside", 5)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.sendto(oscbridge.encode_message(message), ("127.0.0.1", aside))
        assert bridge.receive() == message

    jack.signal(signal.SIGSTOP)
    for index in range(4_000):  # rtmidi buffers about 2,000, and then blocks forever
        bridge.send("/control", 1, index % 64, index % 128)
        if index % 100 == 0:
            check_other_route()
    bridge.program.said("not connected: the MIDI system does not respond")
    check_other_route()
    bridge.program.signal(signal.SIGTERM)
    assert bridge.program.wait() == 0


ASIDE = """
[bridge.aside]
listen = "udp://127.0.0.1:{port}"

[[route]]
from  = "aside"
to    = "out"
"""


def test_notes_are_ended_when_the_bridge_is_killed(jack: Any, stage: Open) -> None:
    peer = jack.peer("gear")
    bridge = stage('output = "gear reads"\nnote_off = "velocity_0"')
    bridge.send("/note", 1, 60, 1)
    assert peer.line("") == "90 3C 01"
    bridge.program.signal(signal.SIGKILL)
    assert [peer.line("") for _ in range(2)] == ["90 3C 00", "B0 7B 00"]


def test_sysex_too_large_for_jack_is_rejected(jack: Any, stage: Open) -> None:
    peer = jack.peer("gear")
    bridge = stage('output = "gear reads"')
    bridge.send("/sysex", b"\xf0" + bytes(20_000) + b"\xf7")
    bridge.program.said("the sysex has 20002 bytes, more than 16000 over JACK")
    bridge.send("/clock")
    assert peer.line("") == "F8"


# --- sound ------------------------------------------------------------------------------------


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
    jack: Any, stage: Open, fluidsynth: str, tmp_path: Path, ending: str
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


# --- a synthesiser with MIDI and OSC ----------------------------------------------------------

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
    jack: Any, stage: Open, tmp_path: Path
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
