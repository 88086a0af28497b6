"""``oscbridge top``: its picture, and a real terminal with a running bridge."""

from __future__ import annotations

import io
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from rich.console import Console

from oscbridge import Message
from oscbridge.bridge.sinks.latency import Latency
from oscbridge.cli.top_view import Order, View, rates, view
from oscbridge.monitoring.address_table import Row
from oscbridge.monitoring.control_client import RunningProcess
from oscbridge.monitoring.snapshots import Snapshot
from oscbridge.status.route_status import RouteMessages, RouteStatus
from oscbridge.status.status import BridgeStatus, EndpointStatus, Received, Status
from oscbridge.udp_client import UDPClient

Call = Callable[..., subprocess.CompletedProcess[str]]
PROGRAM = str(Path(sys.executable).with_name("oscbridge"))


def process() -> RunningProcess:
    """The status of a bridge that has run for a little over an hour."""
    return RunningProcess(Path("/x"), 4711, "studio.toml", "", time.time() - 3_700, "0")


# --- the picture -------------------------------------------------------------------------------


def received(messages: int = 0, **bad: int) -> Received:
    return Received(messages, messages, messages, 0, 0, 0, 0, bad, {}, {}, None)


def bridge(name: str = "stage", messages: int = 0, problem: str = "", **bad: int) -> BridgeStatus:
    came = received(messages, **bad)
    return BridgeStatus(name, "udp://0.0.0.0:9000", "asyncio", problem, came, 0, 0, 0)


def endpoint(
    name: str = "web", sent: int = 0, problem: str = "", queued: int = 0, **dropped: int
) -> EndpointStatus:
    latency = Latency()
    for _ in range(sent):
        latency.observe(0.002)
    return EndpointStatus(
        *(name, "websocket", "ws://127.0.0.1:8080", not problem, problem, True, True),
        *("drop_oldest", queued, 0, 100, sent, sent, dropped, {}, 0, received(), latency),
    )


def row(address: str, rate: float = 1, age: float = 0, values: str = "1", **of: Any) -> Row:
    fields = {"sources": ("stage",), "sinks": ("web",), "peer": "10.0.0.7:5000", "types": "i"}
    return Row(address=address, rate=rate, age=age, values=values, **{**fields, **of})


def picture(
    at: float, bridges: list[BridgeStatus], endpoints: list[EndpointStatus], *rows: Row
) -> Snapshot:
    return Snapshot(at, Status(tuple(bridges), tuple(endpoints), ()), rows, len(rows), 0)


def drawn(
    now: Snapshot,
    before: Snapshot | None = None,
    *,
    width: int = 120,
    height: int | None = 40,
    order: Order = "rate",
    colour: bool = False,
) -> list[str]:
    """The lines of a picture."""
    file = io.StringIO()
    console = Console(
        file=file,
        width=width,
        force_terminal=colour,
        color_system="truecolor" if colour else None,
        legacy_windows=False,
    )
    history = [] if before is None else [rates(now, before)]
    console.print(view(View(process(), now, before, history, order, width, height, "q quits")))
    return file.getvalue().splitlines()


def cells(lines: list[str], start: str) -> list[str]:
    (line,) = [each for each in lines if each.startswith(start)]
    return line.split()


def test_rates_are_computed_between_two_snapshots() -> None:
    before = picture(10, [bridge(messages=100)], [endpoint(sent=50)])
    now = picture(12, [bridge(messages=300, string=4)], [endpoint(sent=350, full=7)])
    lines = drawn(now, before)
    assert lines[1].startswith("in 100/s")
    assert "out 150/s" in lines[1]
    assert "bad 4  dropped 7" in lines[1]
    assert cells(lines, "stage ")[2:] == ["asyncio", "100", "2.0", "0"]
    assert cells(lines, "web ")[-6:] == ["0", "150", "2.0", "ms", "7", "full"]


def test_datagrams_dropped_by_the_kernel_are_shown_and_totalled() -> None:
    stage = bridge()
    lossy = replace(stage, received=replace(stage.received, kernel_dropped=14_311))
    lines = drawn(picture(12, [lossy], []), picture(10, [stage], []))
    assert "dropped 14,311" in lines[1]
    assert cells(lines, "stage ")[-2:] == ["14,311", "kernel"]


def test_header_shows_the_file_and_the_uptime() -> None:
    assert drawn(picture(1, [], []))[0].startswith("oscbridge studio.toml  pid 4711  up 1 h 1 min")


def replaced(status: Status, **bridge: Any) -> Status:
    """A status with other counters of its bridge."""
    (one,) = status.bridges
    return replace(status, bridges=(replace(one, received=replace(one.received, **bridge)),))


def test_failing_routes_are_shown_with_their_last_error() -> None:
    error = "show:play failed: ValueError: below zero"
    lost = RouteMessages(1_242, 0, {"limit": 3}, {"function": 1_234, "arguments": 5}, 0)
    failing = RouteStatus(2, "/fader/*", ("stage",), ("web", "desk"), lost, None, True, "", error)
    now = picture(2, [bridge()], [endpoint()])
    now = now._replace(
        status=replace(now.status, routes=(failing, replace(failing, number=3, failing=False)))
    )
    text = [line.rstrip() for line in drawn(now)]
    assert f"✖ route 2 (/fader/*) → web, desk: {error}  (1,234 function, 5 arguments)" in text
    assert not [line for line in text if "route 3" in line]


def routes(number: int, name: str = "", taken: int = 0, **of: Any) -> RouteStatus:
    messages = RouteMessages(taken, taken, {}, {}, 0)
    way = (f"/{number}", ("stage",), ("web",), messages, None)
    return RouteStatus(number, *way, name=name, id=name or f"#{number}", **of)


def with_routes(at: float, *shown: RouteStatus) -> Snapshot:
    now = picture(at, [bridge()], [endpoint()])
    return now._replace(status=replace(now.status, routes=shown))


@pytest.mark.parametrize("width", [80, 120, 200])
def test_routes_are_listed_with_their_rates_and_states(width: int) -> None:
    long = "a-very-long-name-of-a-route-that-is-muted"
    muted, disabled = routes(1, long, 100, muted=True), routes(2, "off", enabled=False)
    before = with_routes(10, muted, disabled, routes(3, taken=10))
    now = with_routes(12, muted, disabled, routes(3, taken=30))
    lines = drawn(now, before, width=width)
    assert "muted" in cells(lines, "a-very")
    assert "disabled" in cells(lines, "off ")
    assert cells(lines, "3 /3 ")[2:5] == ["stage", "→", "web"]
    assert "10" in cells(lines, "3 /3 ")
    assert not [line for line in lines if "✖" in line]


def test_routes_without_room_leave_out_the_idle_ones() -> None:
    known = [routes(number) for number in range(1, 40)]
    known[37] = routes(38, "cues", muted=True)
    lines = drawn(with_routes(1, *known), height=24)
    assert cells(lines, "cues ")[:2] == ["cues", "muted"]
    assert [line for line in lines if line.startswith("… ") and "more" in line]
    assert len(lines) <= 24


def test_route_that_keeps_failing_is_shown_once_as_a_problem() -> None:
    lost = RouteMessages(9, 0, {}, {"function": 9}, 0)
    failing = RouteStatus(1, "/a", ("stage",), ("web",), lost, None, True, "keeps failing: x", "x")
    now = picture(2, [bridge()], [endpoint()])
    now = now._replace(status=replace(now.status, routes=(failing,)))
    assert len([line for line in drawn(now) if "route 1" in line]) == 1


def test_messages_without_a_route_are_shown_with_the_last_address() -> None:
    now = picture(2, [bridge()], [endpoint()])
    now = now._replace(status=replaced(now.status, unmatched=1_234, last_unmatched="/typo\n"))
    assert "! stage: 1,234 messages match no route, last /typo\\n" in [
        line.rstrip() for line in drawn(now)
    ]


def test_accepted_deviations_are_shown_by_kind() -> None:
    now = picture(2, [bridge()], [endpoint()])
    now = now._replace(status=replaced(now.status, tolerated={"address": 1_234, "text": 5}))
    note = "! stage: accepted although they deviate from OSC: 1,234 address, 5 text"
    assert note in [line.rstrip() for line in drawn(now)]


def test_held_messages_are_shown() -> None:
    now = picture(2, [bridge()], [endpoint()])
    now = now._replace(status=replaced(now.status, held=12))
    note = "! stage: 12 messages wait for their time tag or for a process"
    assert note in [line.rstrip() for line in drawn(now)]


def test_failing_handlers_of_a_source_are_shown_while_they_fail() -> None:
    before = picture(1, [bridge()], [endpoint()])
    now = picture(2, [bridge()], [endpoint()])
    now = now._replace(status=replaced(now.status, failed=3, last_failure="f raised KeyError"))
    text = "✖ stage: 3 calls failed, last f raised KeyError"
    assert text in [line.rstrip() for line in drawn(now, before)]
    assert text not in [line.rstrip() for line in drawn(now, now)]


@pytest.mark.parametrize("width", [80, 120, 200])
def test_endpoints_show_rates_clients_and_silence(width: int) -> None:
    def of(messages: int, silence: float | None) -> EndpointStatus:
        came = replace(received(messages), silence=silence)
        return replace(endpoint(), received=came, clients=17)

    now, before = picture(3, [], [of(500, 63.0)]), picture(1, [], [of(100, 0.0)])
    lines = drawn(now, before, width=width)
    heading = next(line for line in lines if line.startswith("ENDPOINT")).split()
    assert [each for each in heading if each in ("CLIENTS", "HEARD", "IN/S", "OUT/S")] == [
        *("CLIENTS", "HEARD", "IN/S", "OUT/S")
    ]
    row = " ".join(cells(lines, "web "))
    assert " 17 " in row
    assert " 200 " in row
    assert "1 min 3 s" in row


def test_problems_are_shown_first() -> None:
    now = picture(1, [bridge(problem="its thread ended")], [endpoint(problem="refused")])
    assert [line.rstrip() for line in drawn(now)[2:4]] == [
        "✖ bridge.stage: its thread ended",
        "✖ endpoint.web: not connected: refused",
    ]


def test_queue_is_drawn_as_a_bar() -> None:
    now = picture(
        1, [], [endpoint("empty"), endpoint("half", queued=50), endpoint("one", queued=1)]
    )
    lines = drawn(now)
    assert "░░░░░░░░░░ 0 " in " ".join(cells(lines, "empty")) + " "
    assert "█████░░░░░ 50" in " ".join(cells(lines, "half"))
    assert "█░░░░░░░░░ 1" in " ".join(cells(lines, "one"))


def test_growing_drops_are_red() -> None:
    before = picture(1, [], [endpoint("old", full=7), endpoint("new")])
    now = picture(2, [], [endpoint("old", full=7), endpoint("new", full=1)])
    old, new = (
        next(line for line in drawn(now, before, colour=True) if text in line)
        for text in ("7 full", "1 full")
    )
    assert "\x1b[33m7 full" in old
    assert "\x1b[1;31m1 full" in new


@pytest.mark.parametrize(("order", "first"), [("rate", "/busy"), ("recent", "/late")])
def test_addresses_are_sorted(order: Order, first: str) -> None:
    now = picture(1, [], [], row("/old", 0, 90), row("/late", 1, 0), row("/busy", 50, 2))
    lines = drawn(now, order=order)
    found = [line.split()[3] for line in lines if line.startswith("stage →")]
    assert (found[0], found[-1]) == (first, "/old")


def test_address_that_is_not_delivered_has_nothing_after_the_arrow() -> None:
    now = picture(1, [], [], row("/lost", sinks=()), row("/made", sources=()))
    lines = drawn(now)
    assert cells(lines, "stage →")[:3] == ["stage", "→", "/lost"]
    assert cells(lines, "→ web")[:3] == ["→", "web", "/made"]


@pytest.mark.parametrize(("width", "height"), [(200, 50), (80, 24), (60, 12), (20, 5)])
def test_top_fits_the_terminal(width: int, height: int) -> None:
    bridges = [bridge(f"bridge-{n}", problem="x" * 300) for n in range(20)]
    endpoints = [endpoint(f"endpoint-{n}", queued=n, full=n) for n in range(20)]
    rows = [row(f"/a/{n}", values="x" * 300) for n in range(100)]
    now = picture(1, bridges, endpoints, *rows)
    lines = drawn(now, now, width=width, height=height)
    assert max(map(len, lines)) <= width
    assert len(lines) <= max(height, 16)  # the terminal truncates longer pictures


def test_packets_without_room_are_counted() -> None:
    now = picture(1, [], [endpoint(f"endpoint-{n}") for n in range(20)])
    lines = drawn(now, height=16)
    assert any(line.startswith("… ") and "more" in line for line in lines)


def test_text_from_the_network_is_not_markup_and_cannot_control_the_terminal() -> None:
    text = "[bold red]x[/] \x1b[31m\x07\u202e"
    now = picture(
        *(1, [bridge(problem=text)], [endpoint(problem=text)]),
        row("/[red]a", values=text, peer=text),
    )
    plain = "\n".join(drawn(now, width=200))
    assert plain.count(r"[bold red]x[/] \x1b[31m\x07\u202e") >= 4
    assert "/[red]a" in plain
    assert not {"\x1b", "\x07", "\u202e"} & set(plain)
    assert "\x1b[31m\x07" not in "\n".join(drawn(now, width=200, colour=True))


def test_documented_picture_has_the_real_columns() -> None:
    page = Path(__file__).parents[2] / "docs/how-to/see-what-flows.md"
    quoted = page.read_text().splitlines()
    lines = drawn(picture(1, [bridge()], [replace(endpoint(), clients=3)], row("/a")), width=90)
    for start in ("BRIDGE", "ENDPOINT"):
        assert cells(quoted, start) == cells(lines, start)
    (ours,), (theirs,) = (
        [line for line in each if line.startswith("FROM")] for each in (lines, quoted)
    )
    assert [ours.split()[at] for at in (0, 3, -1)] == [theirs.split()[at] for at in (0, 3, -1)]


# --- with a running bridge ---------------------------------------------------------------------


CONFIGURATION = """
[bridge.stage]
listen = "udp://127.0.0.1:0"
[endpoint.mixer]
type = "osc"
to = "udp://127.0.0.1:9"
[[route]]
from = "stage"
to = "mixer"
"""


@pytest.fixture
def environment(environment: dict[str, str]) -> Iterator[dict[str, str]]:
    """The environment with a separate folder for sockets, whose path is short."""
    with TemporaryDirectory(prefix="osc") as folder:
        yield environment | {"OSCBRIDGE_RUNTIME_DIR": folder}


@pytest.fixture
def program(start: Callable[..., Any], write: Callable[..., str]) -> Any:
    """A running bridge."""
    return start("run", write(CONFIGURATION))


@pytest.fixture
def port(program: Any) -> int:
    port = int(program.wait_for(r"stage +udp://127\.0\.0\.1:(\d+)")[1])
    program.wait_for("Ctrl-C stops it")
    return port


class Terminal:
    """A tmux terminal of the default size, with a shell."""

    def __init__(self, socket: str, environment: dict[str, str]) -> None:
        self._tmux = ["tmux", "-S", socket, "-f", "/dev/null"]
        # Some shells export the size of an earlier terminal.
        stale = {"LINES": "30", "COLUMNS": "100"}
        self._environment = environment | stale | {"TERM": "xterm-256color"}
        self._run("new-session", "-d", "-x", "100", "-y", "30", "env PS1=ready$ bash --norc")

    def _run(self, *args: str) -> str:
        return subprocess.run(
            [*self._tmux, *args],
            env=self._environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=20,
        ).stdout

    def type(self, *keys: str) -> None:
        self._run("send-keys", *keys)

    def resize(self, width: int, height: int) -> None:
        self._run("resize-window", "-x", str(width), "-y", str(height))

    def shows(self, *texts: str, but: str = "\0") -> list[str]:
        """Wait until the screen shows all of these texts. Returns its lines."""
        deadline = time.monotonic() + 20
        while True:
            screen = self._run("capture-pane", "-p")
            if all(text in screen for text in texts) and but not in screen:
                return screen.rstrip("\n").split("\n")
            assert time.monotonic() < deadline, screen
            time.sleep(0.05)

    def close(self) -> None:
        subprocess.run([*self._tmux, "kill-server"], capture_output=True, timeout=20, check=False)


@pytest.fixture
def terminal(environment: dict[str, str]) -> Iterator[Terminal]:
    with TemporaryDirectory(prefix="osc") as folder:
        terminal = Terminal(f"{folder}/tmux", environment)
        try:
            yield terminal
        finally:
            terminal.close()


def test_top_shows_messages_and_restores_the_terminal(port: int, terminal: Terminal) -> None:
    terminal.shows("ready$")
    terminal.type("echo before; stty -g", "Enter")
    (settings,) = [line for line in terminal.shows("before", ":") if line.count(":") > 10]
    terminal.type(f"{shlex.quote(PROGRAM)} top --every 0.2", "Enter")
    terminal.shows("BRIDGE", "stage", "ENDPOINT", "mixer", "busiest first", but="ready$")
    with UDPClient("127.0.0.1", port) as client:
        client.send(Message.of("/fader/3", 0.25))
    lines = terminal.shows("stage → mixer", "/fader/3", ",f  0.25")
    assert lines[-1].startswith("q quits")
    terminal.type("s")
    terminal.shows("latest first")
    terminal.resize(70, 14)
    terminal.shows("…", "q quits", "/fader/3")
    terminal.resize(100, 30)
    terminal.type("q")
    terminal.shows("before", "ready$", but="q quits")
    terminal.type("clear; stty -g", "Enter")
    terminal.shows(settings)


def test_ctrl_c_ends_top(port: int, terminal: Terminal) -> None:
    terminal.type(f"{shlex.quote(PROGRAM)} top; echo code=$?", "Enter")
    terminal.shows("q quits")
    terminal.type("C-c")
    terminal.shows("code=0", but="q quits")


def test_top_ends_with_the_bridge(program: Any, port: int, terminal: Terminal) -> None:
    terminal.type(f"{shlex.quote(PROGRAM)} top; echo code=$?", "Enter")
    terminal.shows("q quits")
    assert program.stop() == 0
    terminal.shows("error: the bridge has stopped", "code=1", but="q quits")


def test_once_prints_one_plain_snapshot(port: int, call: Call) -> None:
    result = call("top", "--once", "--every", "0.2")
    assert (result.returncode, result.stderr) == (0, "")
    assert "\x1b" not in result.stdout
    lines = result.stdout.splitlines()
    assert lines[0].startswith("oscbridge ")
    assert cells(lines, "stage ")[2:] == ["asyncio", "0", "0", "0"]
    assert all(line == line.rstrip() for line in lines)


def test_top_without_a_terminal_suggests_once(port: int, call: Call) -> None:
    result = call("top")
    assert result.returncode == 2
    assert "the output is not a terminal; use --once to print one snapshot" in result.stderr


def test_top_without_a_bridge_explains_how_to_start_one(call: Call) -> None:
    result = call("top", "--once")
    text = "error: no bridge of this user is running here; start one with: oscbridge run\n"
    assert (result.returncode, result.stderr) == (1, text)
