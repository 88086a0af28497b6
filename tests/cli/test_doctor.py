"""``oscbridge doctor``"""

from __future__ import annotations

import os
import re
import socket
import tomllib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest
from click.testing import CliRunner
from terminal import in_terminal

from oscbridge.cli import cli, doctor_facts
from oscbridge.cli.doctor_facts import EXTRAS, Fact
from oscbridge.plugins.manager import Plugins
from oscbridge.testing import running_process

ROOT = Path(__file__).parents[2]


def run() -> str:
    result = CliRunner().invoke(cli, ["doctor"])
    assert result.exit_code == 0, result.output
    return result.output


def test_doctor_fits_one_screen_and_names_the_plugins() -> None:
    output = run()
    assert len(output.splitlines()) < 40
    assert re.search(r"^  installed +osc .*websocket", output, re.MULTILINE)


def test_doctor_shows_no_value_of_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OSCBRIDGE__TOKEN", "very-secret")
    output = run()
    assert "OSCBRIDGE__TOKEN" in output
    assert "very-secret" not in output


def test_doctor_says_which_port_is_taken() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.bind(("0.0.0.0", 9000))
        except OSError:
            pass  # then another program has it
        assert re.search(r"UDP 9000 +address already in use \(OSC\)$", run(), re.MULTILINE)


def test_doctor_names_libraries_with_their_versions() -> None:
    libraries = re.search(r"^  libraries +(.*)$", run(), re.MULTILINE)
    assert libraries
    assert f"click {version('click')}" in libraries[1]
    assert f"websockets {version('websockets')}" in libraries[1]  # of a plugin


def test_doctor_knows_every_plugin_of_this_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert set(EXTRAS) == project["optional-dependencies"].keys() - {"all", "discovery"}


def test_doctor_shows_interfaces_with_their_addresses() -> None:
    assert re.search(r"^  interfaces +.*lo\d* .*127\.0\.0\.1", run(), re.MULTILINE)


def test_doctor_finds_a_folder_that_cannot_be_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write everywhere
    output = run()
    assert re.search(rf"^! state +{tmp_path}\S*: not writable$", output, re.MULTILINE)


def test_doctor_shows_the_folder_that_a_bridge_would_use_for_its_control_socket(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    there = tmp_path / "oscbridge-1"
    monkeypatch.setattr(
        "oscbridge.cli.doctor_facts.folders", lambda: [tmp_path / "missing" / "oscbridge", there]
    )
    assert re.search(rf"^  control +{there}$", run(), re.MULTILINE)


def test_doctor_shows_no_password_of_a_running_bridge(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]
) -> None:
    runtime = {"OSCBRIDGE_RUNTIME_DIR": environment["OSCBRIDGE_RUNTIME_DIR"]}
    monkeypatch.setenv("OSCBRIDGE_RUNTIME_DIR", runtime["OSCBRIDGE_RUNTIME_DIR"])
    monkeypatch.setenv("BROKER_PASSWORD", "very-secret")
    configuration = """
[bridge.stage]
listen = "udp://127.0.0.1:0"
[endpoint.house]
type = "mqtt"
broker = "mqtt://127.0.0.1:9"
password = { env = "BROKER_PASSWORD" }
on_start = "retry"
"""
    with running_process(configuration, env=runtime):
        output = run()
    assert re.search(r"^! process \d+ .*endpoint\.house: not connected", output, re.MULTILINE)
    assert "very-secret" not in output


def test_doctor_names_what_it_cannot_find_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(plugins: Plugins) -> Iterator[Fact]:
        raise KeyError("clock")
        yield Fact("never", "")

    monkeypatch.setattr(doctor_facts, "SECTIONS", (("Broken", broken),))
    output = run()
    assert re.search(r"^! unknown +KeyError: 'clock'", output, re.MULTILINE)
    assert "1 problem found, marked with !" in output


def test_doctor_wraps_long_lines_between_words(environment: dict[str, str]) -> None:
    output = in_terminal(environment | {"NO_COLOR": "1"}, "doctor")
    assert "\x1b" not in output
    lines = output.splitlines()
    assert [each for each in lines if len(each) > 80 and " " in each[17:]] == []
    at = next(i for i, each in enumerate(lines) if each.startswith("  libraries "))
    assert re.match(r" {17}\S", lines[at + 1])


def test_colours_are_refused_by_the_environment(environment: dict[str, str]) -> None:
    environment["TERM"] = "xterm"
    for args in (("check", "nothing.toml"), ("examples",)):
        assert "\x1b[" in in_terminal(environment, *args)
        assert "\x1b" not in in_terminal(environment | {"NO_COLOR": "1"}, *args)
        assert "\x1b" not in in_terminal(environment | {"TERM": "dumb"}, *args)
