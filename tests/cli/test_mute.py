"""``oscbridge mute`` and ``unmute`` with running bridges, started from the command line."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from tempfile import TemporaryDirectory
from typing import Any

import pytest

Call = Callable[..., subprocess.CompletedProcess[str]]
Start = Callable[..., Any]
Write = Callable[..., str]

CONFIGURATION = """
[bridge.stage]
listen = "udp://127.0.0.1:0"
[endpoint.desk]
type = "osc"
to = "udp://127.0.0.1:9"
[[route]]
name = "faders"
from = "stage"
match = "/1/fader{n}"
to = "desk"
[[route]]
from = "stage"
match = "/2/*"
to = "desk"
enabled = false
"""


@pytest.fixture
def environment(environment: dict[str, str]) -> Iterator[dict[str, str]]:
    """The environment with a separate folder for sockets, whose path is short."""
    with TemporaryDirectory(prefix="osc") as folder:
        yield environment | {"OSCBRIDGE_RUNTIME_DIR": folder}


@pytest.fixture
def program(start: Start, write: Write) -> Any:
    """A running bridge."""
    program = start("run", write(CONFIGURATION))
    program.wait_for("Ctrl-C stops it")
    return program


def test_mute_and_unmute_print_what_has_changed(program: Any, call: Call) -> None:
    result = call("mute", "faders", "2")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == "route faders: muted\nroute 2 (/2/*): muted\n"
    assert call("mute", "1").stdout == "nothing changed: already muted\n"
    program.wait_for("route faders: muted")
    assert call("unmute", "faders").stdout == "route faders: unmuted\n"
    program.wait_for("route faders: unmuted")


def test_mute_without_names_lists_the_routes(program: Any, call: Call) -> None:
    call("mute", "faders")
    assert call("mute").stdout == (
        "ROUTE  NAME    STATE     FROM → TO     MATCH\n"
        "1      faders  muted     stage → desk  /1/fader{n}\n"
        "2      -       disabled  stage → desk  /2/*\n"
    )


def test_unknown_route_is_an_error_with_a_suggestion(program: Any, call: Call) -> None:
    result = call("mute", "fadres")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == "error: 'fadres': no such route; did you mean 'faders'?\n"


def test_unmute_needs_a_name(call: Call) -> None:
    assert call("unmute").returncode == 2


def test_tap_shows_the_messages_that_a_route_gets(program: Any, call: Call) -> None:
    result = call("tap", "--route", "faders", "--match", "/1/*")
    assert result.returncode == 2
    assert "--route cannot be combined with NAME or --match" in result.stderr
    result = call("tap", "--route", "wheel")
    assert result.stderr == "error: 'wheel': no such route; available: faders\n"


def test_muted_and_disabled_routes_leave_the_bridge_ready(program: Any, call: Call) -> None:
    call("mute", "faders")
    result = call("health")
    assert (result.returncode, result.stdout, result.stderr) == (0, "ready\n", "")


def test_check_lists_disabled_routes(write: Write, call: Call) -> None:
    file = write(CONFIGURATION)
    assert call("check", file).stdout == (
        f"{file}: valid: 1 bridge, 1 endpoint, 2 routes\nroute 2 (/2/*): disabled\n"
    )
