"""Jitter of the generated MIDI clock and time code.

    python tests/bench/midi_timing.py [SECONDS]

Deviations from the even grid, in ms, at the write: when the ticker hands a message to the port, as
in the process of the ports of the system, and when a bridge hands it to a socket, measured by a
receiver. The floor is a bare thread that sleeps until each moment. The load of the machine is shown
with it: on a busy one the scheduler decides.
"""

from __future__ import annotations

import os
import socket
import statistics
import sys
import threading
import time
from collections.abc import Callable, Sequence

from harness import free_port, running_bridge
from table import show

from oscbridge_midi.timing.commands import TimingCommand
from oscbridge_midi.timing.ticker import Ticker

TEMPO = 120.0
TICK = 60 / TEMPO / 24
QUARTER_FRAME = 1 / 120
"""Seconds between quarter frames at 30 frames per second."""

SECONDS = 20.0
TIMEOUT = 5.0


def deviations(times: Sequence[float], interval: float) -> list[float]:
    """How far each is from the grid that fits best, in ms; early ones too."""
    offsets = [each - index * interval for index, each in enumerate(times)]
    middle = statistics.median(offsets)
    return sorted(abs(each - middle) * 1000 for each in offsets)


def floor(seconds: float) -> list[float]:
    """A thread that sleeps until each tick."""
    times: list[float] = []

    def run() -> None:
        start = time.monotonic() + 0.01
        for index in range(int(seconds / TICK)):
            time.sleep(max(0.0, start + index * TICK - time.monotonic()))
            times.append(time.monotonic())

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return times


def at_the_write(command: Sequence[TimingCommand], seconds: float) -> list[float]:
    """The ticker alone: when it writes."""
    times: list[float] = []
    ticker = Ticker(
        lambda messages: times.extend(time.monotonic() for each in messages if each[0] != 0xF0),
        lambda error: None,
    )
    for each in command:
        ticker.apply(each)
    time.sleep(seconds)
    ticker.close()
    return times


def over_tcp(start: Callable[[socket.socket], None], size: int, seconds: float) -> list[float]:
    """A whole bridge: when a receiver gets the bytes."""
    times: list[float] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        mine, port = free_port(socket.SOCK_DGRAM), server.getsockname()[1]
        with (
            running_bridge(
                f'[bridge.osc]\nlisten = "udp://127.0.0.1:{mine}"\n[endpoint.synth]\n'
                f'type = "midi"\noutput = "midi+tcp://127.0.0.1:{port}"\n'
            ),
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as osc,
        ):
            peer, _ = server.accept()
            peer.settimeout(TIMEOUT)
            osc.connect(("127.0.0.1", mine))
            time.sleep(0.3)
            start(osc)
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                data = peer.recv(4096)
                times += [time.monotonic()] * (len(data) // size)
            peer.close()
    return times


def tempo(osc: socket.socket) -> None:
    osc.send(b"/tempo\0\0,i\0\0" + int(TEMPO).to_bytes(4, "big"))


def run(osc: socket.socket) -> None:
    osc.send(b"/timecode/run\0\0\0,iiiif\0\0" + bytes(16) + bytes.fromhex("41f00000"))


def row(name: str, times: Sequence[float], interval: float) -> list[str]:
    found = deviations(times, interval)
    shares = (found[len(found) // 2], found[int(len(found) * 0.99)], found[-1])
    return [name, str(len(found)), *(f"{each:.3f}" for each in shares)]


def main(seconds: float) -> None:
    before = os.getloadavg()[0]
    clock = [TimingCommand("tempo", (TEMPO,))]
    code = [TimingCommand("run", (0, 0, 0, 0, 3, 1))]
    rows = [
        row("bare thread", floor(seconds), TICK),
        row("clock, at the write", at_the_write(clock, seconds), TICK),
        row("time code, at the write", at_the_write(code, seconds), QUARTER_FRAME),
        row("clock, over TCP", over_tcp(tempo, 1, seconds), TICK),
        row("time code, over TCP", over_tcp(run, 2, seconds)[5:], QUARTER_FRAME),
    ]
    load = f"load {before:.1f} before, {os.getloadavg()[0]:.1f} after, {os.cpu_count()} cores"
    show(f"Jitter in ms ({load})", ["", "messages", "median", "99 %", "most"], rows)


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS)
