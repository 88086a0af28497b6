"""``oscbridge profiles`` and ``oscbridge simulate``, the real program."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from oscbridge.udp_client import SimpleUDPClient

Call = Callable[..., subprocess.CompletedProcess[str]]
Start = Callable[..., Any]


def test_profiles_lists_devices(call: Call) -> None:
    done = call("profiles")
    assert done.returncode == 0
    assert "x32         Behringer X32, Midas M32 (3,126 addresses)" in done.stdout


def test_profiles_show_prints_addresses_with_their_source(call: Call) -> None:
    done = call("profiles", "show", "x32")
    assert "/ch/{01..32}/mix/fader" in done.stdout
    assert "source: Patrick-Gilles Maillot" in done.stdout


@pytest.mark.parametrize(
    ("args", "text"),
    [
        (("profiles", "show", "x33"), "error: x33: unknown profile; did you mean 'x32'?"),
        (("simulate", "x33"), "error: x33: unknown profile; did you mean 'x32'?"),
        (("profiles", "check", "no.toml"), "error: no.toml: no such file"),
    ],
)
def test_unknown_profile_is_one_line(call: Call, args: tuple[str, ...], text: str) -> None:
    done = call(*args)
    assert done.returncode == 2
    assert done.stderr.startswith(text)
    assert done.stderr.count("\n") == 1


def test_profiles_check_says_what_is_wrong(call: Call, tmp_path: Path) -> None:
    (tmp_path / "desk.toml").write_text('titel = "My desk"\n')
    done = call("profiles", "check", "desk.toml")
    assert done.returncode == 2
    assert "desk.toml: titel: unknown key; did you mean 'title'?" in done.stderr


def test_simulated_device_answers_and_shows_what_it_gets(start: Start) -> None:
    program = start("simulate", "x32", "--listen", "udp://127.0.0.1:0")
    port = int(program.wait_for(r"on udp://127\.0\.0\.1:(\d+)")[1])
    with SimpleUDPClient("127.0.0.1", port) as client:
        client.send_message("/ch/01/mix/fader", 0.5)
        client.send_message("/ch/01/mix/fader", [])
        (reply,) = [next(client.get_messages(20))]
    assert (reply.address, reply.params) == ("/ch/01/mix/fader", [0.5])
    program.wait_for(r"/ch/01/mix/fader ,f 0\.5")
