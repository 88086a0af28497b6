"""The log of the real program: one line per event, whatever the network sends."""

from __future__ import annotations

import json
import os
import re
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from oscbridge.osc import Message, encode_message
from oscbridge.testing import OscbridgeProcess

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
"""Text from the network that contains a log line and terminal escape sequences."""

GOOD = encode_message(Message.of("/good", 1))
BAD = encode_message(Message.of("/bad", FORGED))


@dataclass(frozen=True)
class Show:
    """The program with ``SHOW``, and what can be observed of it."""

    program: OscbridgeProcess
    desk: socket.socket
    """Receives the messages of its endpoint."""
    log: Path
    """Its standard error, unless that is a descriptor of the test."""

    def send(self, *packets: bytes) -> None:
        self.program.send("stage", *packets)

    def delivers(self) -> bool:
        """Whether a message still reaches the desk."""
        self.send(GOOD)
        return self.desk.recv(1_000) == GOOD

    def wait_for(self, pattern: str) -> list[str]:
        """The lines of the log, once one matches."""
        deadline = time.monotonic() + 30
        while not re.search(pattern, text := self.log.read_text()):
            assert time.monotonic() < deadline, text
            time.sleep(0.01)
        return text.splitlines()

    def stop(self) -> list[str]:
        """Stop the program. Returns all lines of the log."""
        assert self.program.stop(timeout=10) == 0
        return self.log.read_text().split("\n")[:-1]


StartShow = Callable[..., Show]


@pytest.fixture
def start_show(
    start: Callable[..., OscbridgeProcess],
    write: Callable[..., str],
    udp_socket: Callable[..., socket.socket],
    tmp_path: Path,
) -> Iterator[StartShow]:
    """Starts the program in a mode; ``stderr`` is a descriptor in place of the file."""
    log = tmp_path / "log"
    with log.open("wb") as file:

        def run(mode: str, *args: str, stderr: int | None = None) -> Show:
            desk = udp_socket()
            write(FUNCTION, "my_show.py")
            desk.settimeout(10)
            file_name = write(SHOW.format(mode=mode, desk=desk.getsockname()[1]))
            program = start("run", file_name, *args, stderr=file if stderr is None else stderr)
            program.wait_for("Ctrl-C stops it")
            return Show(program, desk, log)

        yield run


MODES = ("asyncio", "threading", "forking")


@pytest.mark.parametrize("mode", MODES)
def test_every_line_is_json(mode: str, start_show: StartShow) -> None:
    show = start_show(mode, "--log", "json")
    show.send(b"no OSC")
    show.send(BAD)
    show.wait_for("bad packet")
    show.wait_for("ValueError")
    events = [json.loads(line) for line in show.stop()]
    assert all({"time", "level", "part", "event"} <= event.keys() for event in events)
    (event,) = [event for event in events if "ValueError" in event["event"]]
    assert event["level"] == "error"
    assert event["error"].startswith("Traceback (most recent call last):\n")
    assert "my_show.py" in event["error"]


@pytest.mark.parametrize("mode", MODES)
def test_text_from_the_network_cannot_forge_a_line_or_control_the_terminal(
    mode: str, start_show: StartShow
) -> None:
    show = start_show(mode)
    show.send(BAD)
    show.wait_for("1 message lost")
    lines = show.stop()
    assert all(line.isprintable() for line in lines)
    assert all(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [A-Z]+ ", line) for line in lines)
    (line,) = [line for line in lines if "1 message lost" in line]
    assert re.search(
        r"ERROR +route 1 \(/bad\): 1 message lost: my_show:fail failed: ValueError: no", line
    )
    assert "\\x1b[2J" in line
    assert re.search(r"\(at \S+my_show\.py:3 in fail\)$", line)


def test_verbose_adds_the_whole_traceback(start_show: StartShow) -> None:
    show = start_show("asyncio", "--verbose")
    show.send(BAD)
    lines = show.wait_for(r"    ValueError")
    assert "    Traceback (most recent call last):" in lines
    assert "        raise ValueError(message.args[0])" in [line.rstrip() for line in lines]


@pytest.mark.parametrize("mode", MODES)
def test_repeated_error_is_one_line_and_a_count(mode: str, start_show: StartShow) -> None:
    show = start_show(mode)
    show.send(*[b"no OSC"] * 100)
    assert show.delivers()
    logged = [line for line in show.stop() if "bad packet" in line]
    first, rest = logged
    assert "more in" not in first
    assert re.search(r" \(99 more in \d+ s\)$", rest)


def test_count_is_logged_while_the_bridge_runs_after_the_problem_has_stopped(
    start_show: StartShow,
) -> None:
    show = start_show("asyncio")
    show.send(*[b"no OSC"] * 10)
    show.wait_for(r"bad packet .* \(9 more in 1\d s\)")


@pytest.mark.parametrize("mode", MODES)
def test_log_without_a_reader_does_not_block_the_bridge(mode: str, start_show: StartShow) -> None:
    near, far = os.pipe()
    try:
        os.set_blocking(far, False)
        with pytest.raises(BlockingIOError):
            while True:
                os.write(far, b"x" * 4_096)
        os.set_blocking(far, True)
        show = start_show(mode, stderr=far)
        show.send(b"no OSC")
        show.send(BAD)
        assert all(show.delivers() for _ in range(20))
        os.read(near, 1_000_000)  # the reader is back
        show.send(BAD)
        assert show.delivers()
        assert show.program.stop(timeout=10) == 0
        shown = os.read(near, 65_536).decode()
        assert "bad packet" in shown
        assert "1 message lost" in shown
    finally:
        os.close(near)
        os.close(far)


def test_log_whose_reader_has_closed_does_not_stop_the_bridge(start_show: StartShow) -> None:
    near, far = os.pipe()
    show = start_show("asyncio", stderr=far)
    os.close(near)
    os.close(far)
    show.send(b"no OSC")
    show.send(BAD)
    assert show.delivers()
    assert show.program.stop(timeout=10) == 0
