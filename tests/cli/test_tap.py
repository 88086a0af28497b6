"""``oscbridge tap`` with a running bridge, both as separate processes."""

from __future__ import annotations

import json
import re
import shlex
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from oscbridge import Color, Message, TimeTag, encode_bundle
from oscbridge.osc import IMPULSE, MIDI, encode_message
from oscbridge.testing import OscbridgeProcess
from oscbridge.testing.process import PROGRAM

Call = Callable[..., subprocess.CompletedProcess[str]]
Start = Callable[..., OscbridgeProcess]
Write = Callable[..., str]

CONFIGURATION = """
[bridge.stage]
listen = "udp://127.0.0.1:0"
[bridge.forked]
listen = "udp://127.0.0.1:0"
mode = "forking"
[endpoint.mixer]
type = "osc"
to = "udp://127.0.0.1:9"
[[route]]
from = ["stage", "forked"]
to = "mixer"
"""


@pytest.fixture
def environment(environment: dict[str, str]) -> Iterator[dict[str, str]]:
    """With its own folder for sockets, whose path is short."""
    with TemporaryDirectory(prefix="osc") as folder:
        yield environment | {"OSCBRIDGE_RUNTIME_DIR": folder}


@pytest.fixture
def run(start: Start, write: Write) -> Callable[..., OscbridgeProcess]:
    """Starts a bridge, and waits until it is ready."""

    def run(configuration: str = CONFIGURATION) -> OscbridgeProcess:
        program = start("run", write(configuration))
        program.wait_for("Ctrl-C stops it")
        return program

    return run


@pytest.fixture
def bridge(run: Callable[..., OscbridgeProcess]) -> OscbridgeProcess:
    return run()


@pytest.fixture
def tap(start: Start, bridge: OscbridgeProcess) -> Start:
    """Starts ``tap``, and waits until it is attached."""

    def tap(*args: str) -> OscbridgeProcess:
        program = start("tap", *args)
        program.wait_for("attached")
        return program

    return tap


def test_line_has_time_source_peer_and_message(bridge: OscbridgeProcess, tap: Start) -> None:
    program = tap()
    bridge.send("stage", encode_message(Message.of("/fader/1", 0.1, "on")))
    at = r"^\d\d:\d\d:\d\d\.\d{3} "
    program.wait_for(at + r'stage → +127\.0\.0\.1:\d+ /fader/1 ,fs 0\.1 "on"$')
    program.wait_for(at + r'→ mixer +127\.0\.0\.1:\d+ /fader/1 ,fs 0\.1 "on"$')
    assert program.stop() == 0


def test_name_limits_the_output_to_one_endpoint(bridge: OscbridgeProcess, tap: Start) -> None:
    program = tap("mixer", "--count", "2")
    bridge.send("stage", encode_message(Message("/a")), encode_message(Message("/b")))
    assert program.ended() == 0
    assert [line.split()[1:3] for line in program.output.splitlines()[-2:]] == [["→", "mixer"]] * 2


def test_messages_of_a_forking_bridge_are_shown(bridge: OscbridgeProcess, tap: Start) -> None:
    program = tap("forked", "--count", "1")
    bridge.send("forked", encode_message(Message.of("/x", 1)))
    assert program.ended(15) == 0
    assert re.search(r"forked → 127\.0\.0\.1:\d+ /x ,i 1\n$", program.output)


@pytest.mark.parametrize("name", ["stage", "forked"])
def test_scheduled_message_is_shown_on_arrival(
    name: str, bridge: OscbridgeProcess, tap: Start
) -> None:
    program = tap(name, "--count", "1")
    due = TimeTag.from_unix_ns(time.time_ns() + 9 * 10**9)
    bridge.send(name, encode_bundle([encode_message(Message.of("/x", 1))], due))
    assert program.ended() == 0
    assert re.search(rf"{name} → .* /x ,i 1 @ \S+, [89]\.\d s ahead\n$", program.output)


def test_match_limits_the_output_to_its_addresses(bridge: OscbridgeProcess, tap: Start) -> None:
    program = tap("stage", "--match", "/1/*", "--count", "1")
    bridge.send("stage", encode_message(Message("/2/a")), encode_message(Message("/1/a")))
    assert program.ended() == 0
    assert program.output.rstrip().endswith("/1/a ,")


def test_json_is_one_object_per_line(bridge: OscbridgeProcess, tap: Start) -> None:
    program = tap("stage", "--json", "--count", "3")
    tag = TimeTag.from_unix(1_000_000_000)  # in the past, so it is handled immediately
    whole = Message(
        "/x",
        "ifsbhdTFNIrmt[is]",
        (
            *(1, 0.1, "on", b"\x01\xff", 1 << 40, 0.5, True, False, None, IMPULSE),
            *(Color(0x11223344), MIDI(0, 0x90, 60, 127), tag, [2, "a"]),
        ),
    )
    odd = Message("/odd", "ff", (float("nan"), float("-inf")))
    inner = encode_message(Message.of("/late", 1))
    bridge.send("stage", encode_message(whole), encode_message(odd), encode_bundle([inner], tag))
    assert program.ended() == 0
    first, second, third = map(json.loads, program.output.splitlines()[-3:])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", first.pop("time"))
    assert re.fullmatch(r"127\.0\.0\.1:\d+", first.pop("peer"))
    assert first == {
        "direction": "in",
        "name": "stage",
        "address": "/x",
        "types": "ifsbhdTFNIrmt[is]",
        "args": [
            *(1, 0.1, "on", "01ff", 1 << 40, 0.5, True, False, None, "impulse"),
            *("#11223344", "00903c7f", "2001-09-09T01:46:40+00:00", [2, "a"]),
        ],
        "timetag": None,
    }
    assert second["args"] == ["nan", "-inf"]
    assert third["timetag"] == "2001-09-09T01:46:40+00:00"


def test_text_from_the_network_cannot_control_the_terminal(
    bridge: OscbridgeProcess, tap: Start
) -> None:
    program = tap("stage", "--count", "1")
    bridge.send("stage", encode_message(Message.of("/\x1b[31m", "\x1b]0;title\x07\u202e\r\n")))
    assert program.ended() == 0
    line = program.output.splitlines()[-1]
    assert line.endswith(r'/\x1b[31m ,s "\x1b]0;title\x07\u202e\r\n"')


def test_messages_over_the_rate_are_counted_and_reported(
    bridge: OscbridgeProcess, tap: Start
) -> None:
    program = tap("stage", "--rate", "1")
    bridge.send("stage", *(encode_message(Message.of("/x", number)) for number in range(50)))
    program.wait_for(r"/x ,i 0$")
    program.wait_for(r"… \d\d skipped \(over --rate\)")


def test_unknown_name_is_an_error_that_suggests_the_nearest(
    bridge: OscbridgeProcess, call: Call
) -> None:
    result = call("tap", "stge")
    text = "error: 'stge': no such bridge or endpoint; did you mean 'stage'?\n"
    assert (result.returncode, result.stderr) == (2, text)


def test_invalid_pattern_is_rejected(bridge: OscbridgeProcess, call: Call) -> None:
    result = call("tap", "--match", "/[a")
    assert (result.returncode, result.stderr) == (2, "error: '/[a': unclosed '[' at position 1\n")


def test_error_without_a_bridge_says_how_to_start_one(call: Call) -> None:
    result = call("tap")
    text = "error: no bridge of this user is running here; start one with: oscbridge run\n"
    assert (result.returncode, result.stderr) == (1, text)


def test_tap_ends_with_the_bridge(bridge: OscbridgeProcess, tap: Start) -> None:
    program = tap()
    assert bridge.stop() == 0
    assert program.ended() == 1
    assert "error: the bridge has stopped" in program.output


def test_killed_bridge_does_not_affect_the_next(
    bridge: OscbridgeProcess, start: Start, run: Callable[..., OscbridgeProcess], call: Call
) -> None:
    bridge.stop(signal.SIGKILL)
    assert call("tap").returncode == 1
    other = run()
    program = start("tap", "stage", "--count", "1")
    program.wait_for("attached")
    other.send("stage", encode_message(Message("/x")))
    assert program.ended() == 0


# --- documentation -------------------------------------------------------------------------------

PAGE = (Path(__file__).parents[2] / "docs/how-to/see-what-flows.md").read_text()
COMMANDS = [shlex.split(line)[1:] for line in re.findall(r"^oscbridge .+$", PAGE, re.MULTILINE)]
TAPS = [args for args in COMMANDS if args[0] == "tap"]


def test_page_shows_tap_and_top() -> None:
    assert len(TAPS) > 3
    assert ["top"] in COMMANDS


def test_tap_works_as_on_the_page(start: Start, run: Callable[..., OscbridgeProcess]) -> None:
    bridge = run(CONFIGURATION.replace("mixer", "dashboard"))
    running = [start(*args) for args in TAPS]
    for program in running:
        program.wait_for("attached")
    bridge.send("stage", encode_message(Message.of("/1/fader3", 0.5)))
    for args, program in zip(TAPS, running, strict=True):
        program.wait_for("/1/fader3")
        if "--json" not in args:
            program.stop()


# --- under load --------------------------------------------------------------------------------


@pytest.mark.load
def test_tapped_bridge_loses_nothing_at_5000_messages_per_second(
    bridge: OscbridgeProcess, tap: Start, environment: dict[str, str], tmp_path: Path
) -> None:
    count, rate = 10_000, 5_000
    sampled = tap()  # shows 200 per second
    address = ("127.0.0.1", bridge.port("stage"))
    args = [PROGRAM, "tap", "--json", "--rate", "1000000", "--count", str(2 * count)]
    file = tmp_path / "all.jsonl"
    with (
        file.open("w") as output,
        subprocess.Popen(args, stdout=output, stderr=subprocess.PIPE, env=environment) as whole,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock,
    ):
        assert whole.stderr is not None
        assert whole.stderr.readline().startswith(b"attached")
        began, sent = time.monotonic(), 0
        while sent < count:
            while sent < min(count, (time.monotonic() - began) * rate):
                packet = encode_message(Message.of(f"/fader/{sent % 100}", sent))
                sock.sendto(packet, address)
                sent += 1
            time.sleep(0.001)
        try:
            assert whole.wait(15) == 0
        finally:
            whole.kill()
    found = [json.loads(line) for line in file.read_text().splitlines()]
    for direction in ("in", "out"):
        values = [each["args"][0] for each in found if each["direction"] == direction]
        assert values == list(range(count))
    assert sampled.stop() == 0
    assert "skipped (over --rate)" in sampled.output
    assert bridge.stop() == 0
    assert "lost" not in bridge.output
