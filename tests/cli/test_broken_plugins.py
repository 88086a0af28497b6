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
LAZY = """
import oscbridge

@oscbridge.hookimpl
def oscbridge_endpoints():
    return {{"lamp": "{}"}}
"""
UNBUILDABLE = """
import oscbridge

class Colour: ...

class LampOptions(oscbridge.Options):
    colour: Colour = Colour()

class Lamp(oscbridge.Endpoint[LampOptions]):
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


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("oscbridge_lamp.gone:Lamp", "No module named 'oscbridge_lamp.gone'"),
        ("oscbridge_lamp:Gone", "has no attribute 'Gone'"),
        ("oscbridge_lamp:oscbridge_endpoints", "not a subclass of oscbridge.Endpoint"),
        ("Lamp", "'Lamp'"),
        ("a lamp", "write it as 'package.module:Class'"),
    ],
)
def test_type_that_cannot_be_imported_breaks_only_itself(
    path: str, problem: str, install: Callable[[str], str], start: Start, write: Write, call: Call
) -> None:
    install(LAZY.format(path))
    program = start("run", write(BRIDGE + LAMP))
    program.wait_for("Ctrl-C stops it")
    for result in (call("health"), call("plugins")):
        assert problem in result.stdout
    assert program.stop() == 0
    result = call("check", write(BRIDGE + LAMP))
    assert result.returncode == 1
    assert problem in result.stderr
    assert "its plugin is broken" in result.stderr


def test_type_that_no_configuration_uses_is_not_imported(
    install: Callable[[str], str], write: Write, call: Call
) -> None:
    install(LAZY.format("oscbridge_lamp.gone:Lamp"))
    result = call("check", write(BRIDGE))
    assert (result.returncode, result.stderr) == (0, "")


def test_options_that_cannot_be_built_are_a_problem_of_their_plugin(
    install: Callable[[str], str], write: Write, call: Call
) -> None:
    file = install(UNBUILDABLE)
    result = call("check", write(BRIDGE + LAMP))
    assert result.returncode == 1
    assert "plugin 'lamp': oscbridge_endpoints: the type 'lamp': LampOptions: " in result.stderr
    assert f"({file}:6)" in result.stderr
