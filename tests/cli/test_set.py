"""``oscbridge set``, and variables of bridges that run as a program, in every mode."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from oscbridge import Message
from oscbridge.osc import decode_message, encode_message
from oscbridge.testing import free_port
from oscbridge.udp_client import UDPClient
from tests.support.waiting import wait_until

Call = Callable[..., subprocess.CompletedProcess[str]]
MODES = ["asyncio", "blocking", "threading"] + (["forking"] if hasattr(os, "fork") else [])

CONFIGURATION = """
[bridge.stage]
listen = "udp://127.0.0.1:{listen}"
mode   = "{mode}"
[endpoint.desk]
type = "osc"
to   = "udp://127.0.0.1:{to}"
[variables]
armed = false
level = 0.5
name  = "intro"
[[route]]
from  = "stage"
match = "/arm"
when  = "x > 0.5"
edge  = "both"
set   = {{ armed = "x > 0.5" }}
send  = "/armed {{= var.armed}} \\"{{= var.name}}\\""
to    = "desk"
[[route]]
from  = "stage"
match = "/add"
set   = {{ level = "clamp(var.level + x, 0, 1)" }}
[[route]]
from  = "stage"
match = "/show"
send  = "/level {{= var.level}}"
to    = "desk"
"""


class Stage:
    """A running bridge, a client of it, and the device that it sends to."""

    def __init__(self, start: Callable[..., Any], write: Callable[..., str], mode: str) -> None:
        self.device = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.device.bind(("127.0.0.1", 0))
        self.device.settimeout(20)
        self.port = free_port()
        to = self.device.getsockname()[1]
        text = CONFIGURATION.format(listen=self.port, mode=mode, to=to)
        self.program = start("run", write(text, "show.toml"))
        self.program.wait_for("Ctrl-C stops it")

    def send(self, address: str, *values: Any) -> None:
        with UDPClient("127.0.0.1", self.port) as client:
            client.send(Message.of(address, *values))

    def receive(self) -> tuple[object, ...]:
        message = decode_message(self.device.recv(1024))
        return message.address, *message.args

    def ask(self, address: str, *values: Any) -> tuple[object, ...]:
        self.send(address, *values)
        return self.receive()


@pytest.fixture
def stage(
    start: Callable[..., Any], write: Callable[..., str], request: pytest.FixtureRequest
) -> Any:
    stage = Stage(start, write, getattr(request, "param", "asyncio"))
    yield stage
    stage.device.close()


@pytest.mark.parametrize("stage", MODES, indirect=True)
def test_routes_set_and_read_variables_in_every_mode(stage: Stage, call: Call) -> None:
    assert stage.ask("/arm", 1.0) == ("/armed", True, "intro")
    assert call("set", "name", "second act").stdout == 'name  "second act"\n'
    assert stage.ask("/show") == ("/level", 0.5)
    assert stage.ask("/arm", 0.0) == ("/armed", False, "second act")
    assert call("set", "level", "0.75").returncode == 0
    assert stage.ask("/show") == ("/level", 0.75)
    stage.send("/add", 0.125)
    wait_until(lambda: "level  0.875" in call("set").stdout)


def test_set_without_arguments_lists_all_variables(stage: Stage, call: Call) -> None:
    assert call("set").stdout == 'armed  false\nlevel  0.5\nname   "intro"\n'


@pytest.mark.parametrize(
    ("arguments", "output"),
    [
        (("armed", "true"), "armed  true\n"),
        (("level", "-1"), "level  -1\n"),
        (("name", "42"), 'name  "42"\n'),
        (("name", '"a b"'), 'name  "a b"\n'),
    ],
)
def test_value_is_written_as_in_the_configuration(
    stage: Stage, call: Call, arguments: tuple[str, ...], output: str
) -> None:
    result = call("set", *arguments)
    assert (result.stdout, result.stderr) == (output, "")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("armd", "true"), "error: 'armd': no such variable; did you mean 'armed'?"),
        (("armed", "1"), "error: armed: must be true or false, not 1"),
        (("level", "loud"), "error: level: must be a number, not 'loud'"),
        (("level", "9" * 5_000), "error: level: must have at most 1000 characters, not 5000"),
        (("level", "9" * 20), "error: level: must fit 64 bits, not 99999999999999999999"),
        (("level", "1e999"), "error: level: must be a finite number, not inf"),
        (("name", "x" * 100_000), "error: name: must have at most 1000 characters, not 100000"),
        (("x" * 100_000, "1"), "error: NAME: must have at most 1000 characters, not 100000"),
        (("läut", "1"), "error: 'läut': no such variable; available: armed, level, name"),
        (("level",), "missing VALUE; write: oscbridge set level VALUE"),
        (("--bla",), "unknown option '--bla'"),
    ],
)
def test_wrong_name_or_value_is_a_clear_error(
    stage: Stage, call: Call, arguments: tuple[str, ...], error: str
) -> None:
    result = call("set", *arguments)
    assert result.returncode == 2
    assert error in result.stderr


def test_top_shows_variables(stage: Stage, call: Call) -> None:
    shown = call("top", "--once").stdout
    assert 'var  armed false  level 0.5  name "intro"' in shown


@pytest.mark.parametrize("mode", MODES)
def test_persistent_variable_survives_a_kill(
    mode: str, start: Callable[..., Any], write: Callable[..., str], call: Call, tmp_path: Path
) -> None:
    file = tmp_path / "kept.variables"
    text = (
        f'[run]\nstate = "kept.variables"\n[bridge.stage]\nlisten = "udp://127.0.0.1:0"\n'
        f'mode = "{mode}"\n[variables]\ncount = {{ value = 0, persist = true }}\nother = 1\n'
        '[[route]]\nfrom = "stage"\nset = { count = "var.count + x", other = "x" }\n'
    )
    program = start("run", write(text, "show.toml"))
    program.wait_for("Ctrl-C stops it")
    program.send("stage", encode_message(Message.of("/a", 2)))
    wait_until(lambda: "count  2\n" in call("set").stdout)
    wait_until(lambda: file.exists() and '"count": 2' in file.read_text())
    program.process.kill()
    program.process.wait()
    again = start("run", write(text, "show.toml"))
    again.wait_for("Ctrl-C stops it")
    assert call("set").stdout == "count  2\nother  1\n"
    assert call("set", "count", "5").returncode == 0
    again.stop()
    assert '"count": 5' in file.read_text()
