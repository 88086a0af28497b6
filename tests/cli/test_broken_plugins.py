"""Broken plugins, with the real program: only their endpoints are missing, and they are named."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Call = Callable[..., subprocess.CompletedProcess[str]]
Start = Callable[..., Any]
Write = Callable[..., str]

BRIDGE = """
[bridge.stage]
listen = "udp://127.0.0.1:0"
"""
LAMP = """
[endpoint.lamp]
type = "lamp"
[[route]]
from = "stage"
to = "lamp"
"""
BROKEN = "import no_such_module\n"
BROKEN_CONNECT = """
import oscbridge

class Lamp(oscbridge.Endpoint):
    async def connect(self):
        {}["colour"]

    async def send(self, message):
        pass

@oscbridge.hookimpl
def oscbridge_endpoints():
    return {"lamp": Lamp}
"""


@pytest.fixture
def install(environment: dict[str, str], tmp_path: Path) -> Callable[[str], str]:
    """Installs the plugin ``lamp`` with this code. Returns its file."""

    def install(code: str) -> str:
        info = tmp_path / "oscbridge_lamp-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            "Metadata-Version: 2.1\nName: oscbridge-lamp\nVersion: 1.0\n"
        )
        (info / "entry_points.txt").write_text("[oscbridge]\nlamp = oscbridge_lamp\n")
        file = tmp_path / "oscbridge_lamp.py"
        file.write_text(code)
        environment["PYTHONPATH"] = str(tmp_path)
        return str(file)

    return install


def test_run_starts_without_the_endpoint_of_a_broken_plugin(
    install: Callable[[str], str], start: Start, write: Write, call: Call
) -> None:
    file = install(BROKEN)
    program = start("run", write(BRIDGE + LAMP))
    program.wait_for("Ctrl-C stops it")
    result = call("health")
    assert result.returncode == 1
    (line,) = result.stdout.splitlines()
    assert line.startswith("endpoint.lamp: not connected: ")
    assert f"ModuleNotFoundError: No module named 'no_such_module' ({file}:1)" in line
    assert program.stop() == 0
    assert f"({file}:1)" in program.output


def test_reload_that_adds_an_endpoint_of_a_broken_plugin_is_rejected(
    install: Callable[[str], str], start: Start, write: Write, call: Call
) -> None:
    file = install(BROKEN)
    program = start("run", write(BRIDGE))
    program.wait_for("Ctrl-C stops it")
    write(BRIDGE + LAMP)
    result = call("reload")
    assert (result.returncode, result.stdout) == (1, "")
    assert "endpoint.lamp" in result.stderr
    assert f"({file}:1)" in result.stderr
    assert "did you mean" not in result.stderr
    write(BRIDGE)
    assert call("reload").stdout.endswith("nothing changed\n")
    health = call("health")
    assert (health.returncode, health.stdout) == (0, "ready\n")
    assert program.stop() == 0


verbosity = pytest.mark.parametrize("options", [(), ("-v",)], ids=["plain", "verbose"])


@verbosity
def test_bug_in_connect_shows_its_traceback_with_verbose(
    options: tuple[str, ...], install: Callable[[str], str], start: Start, write: Write
) -> None:
    file = install(BROKEN_CONNECT)
    text = BRIDGE + LAMP.replace('"lamp"\n', '"lamp"\non_start = "retry"\n', 1)
    program = start("run", *options, write(text))
    program.wait_for("Ctrl-C stops it")
    assert program.stop() == 0
    check_bug(program.output, file, options)


@verbosity
def test_bug_in_connect_that_ends_the_start_shows_its_traceback_with_verbose(
    options: tuple[str, ...], install: Callable[[str], str], start: Start, write: Write
) -> None:
    file = install(BROKEN_CONNECT)
    program = start("run", *options, write(BRIDGE + LAMP))
    assert program.ended(15) == 1
    check_bug(program.output, file, options)


def check_bug(output: str, file: str, options: tuple[str, ...]) -> None:
    assert f"KeyError: 'colour' ({file}:6)" in output
    assert ("Traceback (most recent call last)" in output) == bool(options)
    assert ('{}["colour"]' in output) == bool(options)
