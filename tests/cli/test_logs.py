"""The log of the real program: one line per event, whatever the network sends."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from oscbridge.osc import Message, encode_message

PROGRAM = str(Path(sys.executable).with_name("oscbridge"))

SHOW = """
[bridge.stage]
listen = "udp://127.0.0.1:0"
mode = "{mode}"

[endpoint.desk]
type = "osc"
to = "udp://127.0.0.1:{desk}"

[[route]]
from = "stage"
match = "/bad"
function = "my_show:fail"
to = "desk"

[[route]]
from = "stage"
match = "/good"
to = "desk"
"""

FUNCTION = """
def fail(message):
    raise ValueError(message.args[0])
"""

FORGED = "no\n00:00:00 INFO    all is well\x1b[2J\x9b"
"""What a text from the network may hold: a line of its own, and commands to the terminal."""

GOOD = encode_message(Message.of("/good", 1))
BAD = encode_message(Message.of("/bad", FORGED))


class Running:
    """The program, what reaches its endpoint, and what it logs."""

    def __init__(self, folder: Path, mode: str, *args: str, stderr: int | None = None) -> None:
        self.desk = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.desk.bind(("127.0.0.1", 0))
        self.desk.settimeout(10)
        self._out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        text = SHOW.format(mode=mode, desk=self.desk.getsockname()[1])
        (folder / "show.toml").write_text(text)
        (folder / "my_show.py").write_text(FUNCTION)
        self._log = (folder / "log").open("w+b")
        self.process = subprocess.Popen(
            [PROGRAM, "run", str(folder / "show.toml"), *args],
            stdout=subprocess.PIPE,
            stderr=self._log if stderr is None else stderr,
            text=True,
            env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        )
        assert self.process.stdout is not None
        port = 0
        for line in self.process.stdout:
            if found := re.search(r"bridge +stage +udp://127\.0\.0\.1:(\d+)", line):
                port = int(found[1])
            if line.startswith("Ctrl-C"):
                break
        assert port, (folder / "log").read_text()
        self._to = ("127.0.0.1", port)

    def send(self, packet: bytes) -> None:
        self._out.sendto(packet, self._to)

    def passes(self) -> bool:
        """Whether a message still comes through."""
        self.send(GOOD)
        return self.desk.recv(1_000) == GOOD

    def wait_for(self, pattern: str) -> list[str]:
        """The lines of the log, once one matches."""
        deadline = time.monotonic() + 30
        while not re.search(pattern, text := self.read()):
            assert time.monotonic() < deadline, text
            time.sleep(0.01)
        return text.splitlines()

    def read(self) -> str:
        self._log.seek(0)
        return self._log.read().decode()

    def stop(self) -> list[str]:
        """End it. All lines of the log."""
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(10) == 0
        return self.read().split("\n")[:-1]

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
        for each in (self.desk, self._out, self._log):
            each.close()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    running: list[Running] = []

    def start(mode: str, *args: str, stderr: int | None = None) -> Running:
        running.append(Running(tmp_path, mode, *args, stderr=stderr))
        return running[-1]

    yield start
    for each in running:
        each.close()


MODES = ("asyncio", "threading", "forking")


@pytest.mark.parametrize("mode", MODES)
def test_every_line_is_json(mode: str, start: Callable[..., Running]) -> None:
    program = start(mode, "--log", "json")
    program.send(b"no OSC")
    program.send(BAD)
    program.wait_for("bad packet")
    program.wait_for("ValueError")
    events = [json.loads(line) for line in program.stop()]
    assert all({"time", "level", "part", "event"} <= event.keys() for event in events)
    (event,) = [event for event in events if "ValueError" in event["event"]]
    assert event["level"] == "error"
    assert event["error"].startswith("Traceback (most recent call last):\n")
    assert "my_show.py" in event["error"]


@pytest.mark.parametrize("mode", MODES)
def test_a_text_from_the_network_can_neither_forge_a_line_nor_command_the_terminal(
    mode: str, start: Callable[..., Running]
) -> None:
    program = start(mode)
    program.send(BAD)
    program.wait_for("1 message lost")
    lines = program.stop()
    assert all(line.isprintable() for line in lines)
    assert all(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [A-Z]+ ", line) for line in lines)
    (line,) = [line for line in lines if "1 message lost" in line]
    assert re.search(r"ERROR +\S.*: 1 message lost: my_show:fail failed: ValueError: no", line)
    assert "\\x1b[2J" in line
    assert re.search(r"\(at \S+my_show\.py:3 in fail\)$", line)


def test_with_verbose_the_whole_traceback_follows(start: Callable[..., Running]) -> None:
    program = start("asyncio", "--verbose")
    program.send(BAD)
    lines = program.wait_for(r"    ValueError")
    assert "    Traceback (most recent call last):" in lines
    assert "        raise ValueError(message.args[0])" in [line.rstrip() for line in lines]


@pytest.mark.parametrize("mode", MODES)
def test_a_repeated_error_is_one_line_and_a_count(mode: str, start: Callable[..., Running]) -> None:
    program = start(mode)
    for _ in range(100):
        program.send(b"no OSC")
    assert program.passes()
    told = [line for line in program.stop() if "bad packet" in line]
    first, rest = told
    assert "more in" not in first
    assert re.search(r" \(99 more in \d+ s\)$", rest)


def test_the_count_is_logged_while_it_runs_although_the_problem_has_stopped(
    start: Callable[..., Running],
) -> None:
    program = start("asyncio")
    for _ in range(10):
        program.send(b"no OSC")
    program.wait_for(r"bad packet .* \(9 more in 1\d s\)")


@pytest.mark.parametrize("mode", MODES)
def test_a_log_that_nobody_reads_does_not_hold_up_the_bridge(
    mode: str, start: Callable[..., Running]
) -> None:
    near, far = os.pipe()
    try:
        os.set_blocking(far, False)
        with pytest.raises(BlockingIOError):
            while True:
                os.write(far, b"x" * 4_096)
        os.set_blocking(far, True)
        program = start(mode, stderr=far)
        program.send(b"no OSC")
        program.send(BAD)
        assert all(program.passes() for _ in range(20))
        os.read(near, 1_000_000)  # the reader is there again
        program.send(BAD)
        assert program.passes()
        program.process.send_signal(signal.SIGINT)
        assert program.process.wait(10) == 0
        shown = os.read(near, 65_536).decode()
        assert "bad packet" in shown
        assert "1 message lost" in shown
    finally:
        os.close(near)
        os.close(far)


def test_a_log_whose_reader_is_gone_does_not_end_the_bridge(start: Callable[..., Running]) -> None:
    near, far = os.pipe()
    program = start("asyncio", stderr=far)
    os.close(near)
    os.close(far)
    program.send(b"no OSC")
    program.send(BAD)
    assert program.passes()
    program.process.send_signal(signal.SIGINT)
    assert program.process.wait(10) == 0
