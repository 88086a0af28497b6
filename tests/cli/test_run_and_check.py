"""``oscbridge run`` and ``check``: the banner, bad configurations, signals, a real terminal."""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from stopwatch import seconds_to_end

Call = Callable[..., subprocess.CompletedProcess[str]]
Start = Callable[..., Any]
Write = Callable[..., str]

ROUTE = '[bridge.a]\n[endpoint.web]\ntype = "websocket"\n[[route]]\n'

BAD = {
    "unknown key": (
        '[bridge.a]\nlisen = "x"',
        "bridge.a.lisen: unknown key; did you mean 'listen'?",
    ),
    "wrong type": ("[bridge.a]\nlisten = 5", "bridge.a.listen = 5: expected text in quotes"),
    "bad URL": ('[bridge.a]\nlisten = "9000"', "write it as udp://host:port"),
    "unknown plugin": ('[endpoint.a]\ntype = "laser"', "unknown endpoint type; available: "),
    "unknown endpoint": (
        ROUTE + 'from = "a"\nto = "wbe"',
        "route 1: to = 'wbe': no such bridge or endpoint; did you mean 'web'?",
    ),
    "unknown source": (ROUTE + 'from = "x"\nto = "web"', "available: a, web"),
    "malformed match": (
        ROUTE + 'from = "a"\nto = "web"\nmatch = "/{"',
        "unclosed '{' at position 1",
    ),
    "two bridges on one port": ("[bridge.a]\n[bridge.b]", "bridge.a already listens on"),
    "no TOML": ("[bridge.a\n", "not valid TOML: line 1: unclosed '['"),
}


def one_error(result: subprocess.CompletedProcess[str]) -> str:
    """The line of one error; nothing else was printed but where it is in the file."""
    assert result.stdout == ""
    line, *shown = result.stderr.splitlines()
    assert line.startswith("error: ")
    assert all(re.match(r" +\d* \|", each) for each in shown)  # a line of the file and a caret
    return line.removeprefix("error: ")


# --- run ---------------------------------------------------------------------------------------


def test_run_prints_addresses_plugins_and_a_command_that_works(
    start: Start, write: Write, call: Call
) -> None:
    program = start("run", write())
    program.wait_for(r"oscbridge \d+\.\d+\.\d+ with .*show\.toml")
    program.wait_for(r"bridge +stage +udp://127\.0\.0\.1:[1-9]\d* +asyncio")
    program.wait_for(r"endpoint +web +ws://127\.0\.0\.1:[1-9]\d* +websocket")
    program.wait_for(r"plugins +.*websocket \d")
    line = program.wait_for(r"try +(\S*oscbridge .*)")[1]
    program.wait_for("Ctrl-C stops it")
    sent = call(*shlex.split(line)[1:])
    assert sent.returncode == 0
    assert sent.stdout.startswith("sent /hello ,i 1 to udp://127.0.0.1:")


def test_printed_command_works_when_listening_on_all_addresses(
    start: Start, write: Write, call: Call
) -> None:
    program = start("run", write('[bridge.a]\nlisten = "udp://0.0.0.0:0"\n'))
    line = program.wait_for(r"try +(\S*oscbridge .*)")[1]
    assert "--to udp://127.0.0.1:" in line
    assert call(*shlex.split(line)[1:]).returncode == 0


IDLE = (
    '[bridge.a]\nlisten = "udp://127.0.0.1:0"\n[endpoint.out]\ntype = "osc"\nto = "udp://[::1]:9"\n'
)


def test_run_and_check_report_an_endpoint_that_no_route_uses(
    start: Start, write: Write, call: Call
) -> None:
    file = write(IDLE)
    result = call("check", file)
    assert result.returncode == 0
    assert result.stdout.endswith("endpoint.out: not used by any route\n")
    program = start("run", file)
    program.wait_for("endpoint +out .*not used by any route")


OPEN = '[endpoint.web]\ntype = "websocket"\nlisten = "0.0.0.0:{port}"\n'


def test_run_and_check_warn_about_a_public_websocket_without_a_token(
    start: Start, write: Write, call: Call
) -> None:
    file = write(OPEN.format(port=0))
    text = "endpoint.web: everyone who reaches 0.0.0.0:0 can listen and send; add a [[token]]"
    result = call("check", file)
    assert (result.returncode, result.stderr.count(text)) == (0, 1)
    program = start("run", file)
    program.wait_for("WARNING .*" + re.escape(text))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_stops_run_cleanly_within_two_seconds(
    number: int, start: Start, write: Write
) -> None:
    program = start("run", write())
    program.wait_for("Ctrl-C stops it")
    assert seconds_to_end(program.process, number) < 2
    assert program.ended() == 0
    assert program.output.endswith("stopping\n")


SLOW_PLUGIN = """
import asyncio, oscbridge

class Slow(oscbridge.Endpoint):
    async def connect(self):
        {connect}

    async def send(self, message):
        pass

    async def close(self):
        print("closing", flush=True)
        {close}

@oscbridge.hookimpl
def oscbridge_endpoints():
    return {{"slow": Slow}}
"""


@pytest.fixture
def slow_plugin(tmp_path: Path, environment: dict[str, str]) -> Callable[..., None]:
    """Installs an endpoint type that is slow to connect, or that blocks the loop in ``close``."""

    def install(*, connect: str = "pass", close: str = "pass") -> None:
        (tmp_path / "slow.py").write_text(SLOW_PLUGIN.format(connect=connect, close=close))
        info = tmp_path / "slow-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: slow\nVersion: 1\n")
        (info / "entry_points.txt").write_text("[oscbridge]\nslow = slow\n")
        environment["PYTHONPATH"] = str(tmp_path)

    return install


def test_second_signal_stops_run_at_once(
    slow_plugin: Callable[..., None], start: Start, write: Write
) -> None:
    slow_plugin(close="import time; time.sleep(60)")
    program = start("run", write('[endpoint.x]\ntype = "slow"'))
    program.wait_for("Ctrl-C stops it")
    program.process.send_signal(signal.SIGINT)
    program.wait_for("closing")
    assert seconds_to_end(program.process, signal.SIGINT) < 1
    assert program.ended() == 128 + signal.SIGINT


def test_signal_stops_run_while_an_endpoint_connects(
    slow_plugin: Callable[..., None], start: Start, write: Write
) -> None:
    slow_plugin(connect='print("connecting", flush=True); await asyncio.sleep(60)')
    program = start("run", write('[endpoint.x]\ntype = "slow"'))
    program.wait_for("connecting")
    assert seconds_to_end(program.process, signal.SIGINT) < 2
    assert program.ended() == 0
    assert "closing" in program.output
    assert "Traceback" not in program.output


@pytest.mark.parametrize("command", ["run", "check"])
@pytest.mark.parametrize("problem", BAD)
def test_bad_configuration_ends_run_with_one_clear_line(
    command: str, problem: str, call: Call, write: Write
) -> None:
    text, message = BAD[problem]
    path = write(text)
    result = call(command, path)
    assert result.returncode == 2
    line = one_error(result)
    assert line.startswith(f"{path}: ")
    assert message in line


@pytest.mark.parametrize("command", ["run", "check"])
def test_missing_file_ends_run_with_one_clear_line(command: str, call: Call, write: Write) -> None:
    write(name="studio.toml")
    result = call(command, "stduio.toml")
    assert result.returncode == 2
    assert one_error(result) == ("stduio.toml: no such file; did you mean 'studio.toml'?")


def test_folder_is_not_suggested_in_place_of_a_missing_file(call: Call, tmp_path: Path) -> None:
    (tmp_path / "studio.toml").mkdir()
    assert one_error(call("run", "stduio.toml")) == "stduio.toml: no such file; check the name"


def test_run_names_a_bridge_whose_port_is_in_use(call: Call, write: Write) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"udp://127.0.0.1:{taken.getsockname()[1]}"
        result = call("run", write(f'[bridge.stage]\nlisten = "{url}"'))
    assert result.returncode == 1
    assert one_error(result) == (
        f"bridge.stage: {url}: address already in use; end the other program or choose another port"
    )


def test_run_lists_the_bridge_that_runs_already(call: Call, start: Start, write: Write) -> None:
    program = start("run", write('[bridge.stage]\nlisten = "udp://127.0.0.1:0"', "first.toml"))
    url = program.wait_for(r"stage +(udp://\S+)")[1]
    program.wait_for("Ctrl-C stops it")
    result = call("run", write(f'[bridge.stage]\nlisten = "{url}"'))
    assert result.returncode == 1
    problem, other = result.stderr.splitlines()
    assert problem.startswith(f"error: bridge.stage: {url}: address already in use")
    assert other.startswith("error: running already: ")
    assert "first.toml  since " in other
    assert other.endswith(f"; to stop it: kill {program.process.pid}")


def test_run_names_an_endpoint_whose_port_is_in_use(call: Call, write: Write) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        path = write(f'[endpoint.web]\ntype = "websocket"\nlisten = "{address}"')
        result = call("run", path)
    assert result.returncode == 1
    assert one_error(result) == (
        f"endpoint.web: ws://{address}: address already in use; "
        "end the other program or choose another port"
    )


# --- check -------------------------------------------------------------------------------------


def test_check_counts_the_parts_of_a_valid_file(call: Call, write: Write) -> None:
    path = write()
    result = call("check", path)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == f"{path}: valid: 1 bridge, 1 endpoint, 0 routes\n"


def test_check_reports_every_problem(call: Call, write: Write) -> None:
    result = call("check", write('[bridge.a]\nx = 1\n[endpoint.b]\ntype = "x"\n[c]'))
    assert result.returncode == 2
    assert len(result.stderr.splitlines()) == 3


def test_check_opens_nothing(call: Call, write: Write) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"udp://127.0.0.1:{taken.getsockname()[1]}"
        assert call("check", write(f'[bridge.a]\nlisten = "{url}"')).returncode == 0


# --- in a terminal -----------------------------------------------------------------------------


class Terminal:
    """A separate terminal, by tmux."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._tmux = ["tmux", "-f", os.devnull, "-S", str(folder / "tmux")]
        self._env = environment | {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}

    def __call__(self, *args: str) -> str:
        return subprocess.run(
            [*self._tmux, *args],
            env=self._env,
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        ).stdout

    def screen(self, until: str, timeout: float = 20) -> str:
        """The content of the terminal, once it matches."""
        deadline = time.monotonic() + timeout
        while not re.search(until, shown := self("capture-pane", "-p"), re.MULTILINE):
            assert time.monotonic() < deadline, shown
        return shown


@pytest.fixture
def terminal(tmp_path: Path, environment: dict[str, str]) -> Iterator[Terminal]:
    terminal = Terminal(tmp_path, environment)
    yield terminal
    terminal("kill-server")


def test_ctrl_c_in_a_terminal_stops_run(terminal: Terminal, write: Write) -> None:
    program = shlex.quote(str(Path(sys.executable).with_name("oscbridge")))
    # Ctrl-C reaches the shell as well, which must survive to print the exit code.
    command = f"trap : INT; {program} run {shlex.quote(write())}; echo ended with $?; exec cat"
    terminal("new-session", "-d", "-x", "100", "-y", "30", "sh", "-c", command)
    shown = terminal.screen("^Ctrl-C stops it")
    assert re.search(r"^  bridge    stage  udp://127\.0\.0\.1:\d+ +asyncio$", shown, re.MULTILINE)
    terminal("send-keys", "C-c")
    shown = terminal.screen("^ended with")
    assert re.search(r"stopping\nended with 0\n", shown)
    assert "Traceback" not in shown
