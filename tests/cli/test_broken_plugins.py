"""Broken plugins, with the real program: only their endpoints are missing, and they are named."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from oscbridge import Message
from oscbridge.udp_client import UDPClient

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


LAMP_CLASS = """
import oscbridge
import pydantic

class LampOptions(oscbridge.Options):
    level: int = 1
    {model}

class Lamp(oscbridge.Endpoint[LampOptions]):
    {body}
    async def send(self, message):
        pass

@oscbridge.hookimpl
def oscbridge_endpoints():
    return {{"lamp": Lamp}}
{hook}
"""
VALIDATOR = """
    @pydantic.model_validator(mode="after")
    def check(self):
        raise {}
"""
HOOK = """
@oscbridge.hookimpl
{}def oscbridge_register_routes(routes, source):
    {}
"""
BROKEN_PARTS = {
    "default routes of a wrong type": ("", "default_routes = None", "", "default_routes must be"),
    "text as default routes": ("", 'default_routes = "/a"', "", "default_routes must be"),
    "default routes that raise": (
        *("", "default_routes_for = classmethod(lambda cls, options, is_source: 1 / 0)", ""),
        "ZeroDivisionError",
    ),
    "ports that raise": ("def udp_listen(self): return 1 / 0", "", "", "ZeroDivisionError"),
    "ports of a wrong type": ("def udp_listen(self): return 9000", "", "", "TypeError"),
    "a sink that raises": ("", "is_sink = classmethod(lambda cls: 1 / 0)", "", "ZeroDivision"),
    "last values that raise": (
        *("", "keeps_last_values = property(lambda self: 1 / 0)", ""),
        "ZeroDivisionError",
    ),
    "another name": (
        *("", 'def __init__(self, _, options): super().__init__("stage", options)', ""),
        "Lamp.__init__ must not change name, options and log",
    ),
    "no options": (
        *("", "def __init__(self, name, _): super().__init__(name, None)", ""),
        "Lamp.__init__ must not change name, options and log",
    ),
    "constructor without arguments": (
        *("", "def __init__(self): ...", ""),
        "Lamp.__init__ must take the arguments (self, name, options)",
    ),
    "validator with a bug": (VALIDATOR.format("KeyError('x')"), "", "", "KeyError: 'x'"),
    "validator that exits": (VALIDATOR.format("SystemExit"), "", "", "SystemExit"),
}


@pytest.mark.parametrize("name", BROKEN_PARTS)
def test_run_starts_without_an_endpoint_with_a_broken_part(
    name: str, install: Callable[[str], str], start: Start, write: Write, call: Call
) -> None:
    model, body, hook, problem = BROKEN_PARTS[name]
    file = install(LAMP_CLASS.format(model=model, body=body, hook=hook))
    checked = call("check", write(BRIDGE + LAMP))
    assert checked.returncode == 1
    assert "Traceback" not in checked.stderr
    program = start("run", write(BRIDGE + LAMP))
    program.wait_for("Ctrl-C stops it")
    health = call("health")
    assert health.returncode == 1
    assert health.stdout.startswith("endpoint.lamp: not connected: ")
    assert program.stop() == 0
    for text in (checked.stderr, health.stdout):
        assert problem in text
        assert f"({file}:" in text


@pytest.mark.parametrize(
    ("kind", "body", "problem"),
    [
        ("", "raise SystemExit", "oscbridge_register_routes failed: SystemExit"),
        ("", "return 5", "oscbridge_register_routes must return nothing, got 5"),
        ("async ", "pass", "oscbridge_register_routes must be 'def', not 'async def'"),
    ],
)
def test_check_and_reload_reject_a_used_plugin_whose_routes_fail(
    kind: str,
    body: str,
    problem: str,
    install: Callable[[str], str],
    start: Start,
    write: Write,
    call: Call,
) -> None:
    file = install(LAMP_CLASS.format(model="", body="", hook=HOOK.format(kind, body)))
    unused = call("check", write(BRIDGE))
    assert unused.returncode == 0
    program = start("run", write(BRIDGE))
    program.wait_for("Ctrl-C stops it")
    rejected = (call("check", write(BRIDGE + LAMP)), call("reload"))
    assert program.stop() == 0
    for result in rejected:
        assert result.returncode == 1
        assert problem in result.stderr
        assert f"({file}:" in result.stderr
        assert "Traceback" not in result.stderr


@pytest.mark.parametrize("offers_types", [True, False], ids=["a used type", "routes alone"])
def test_run_is_not_ready_while_a_plugin_failed_to_add_its_routes(
    offers_types: bool, install: Callable[[str], str], start: Start, write: Write, call: Call
) -> None:
    code = LAMP_CLASS.format(model="", body="", hook=HOOK.format("", "raise KeyError('dim')"))
    if not offers_types:
        code = code.replace('return {"lamp": Lamp}', "return {}")
    file = install(code)
    config = write(BRIDGE + LAMP if offers_types else BRIDGE)
    assert call("check", config).returncode == 1
    program = start("run", config)
    program.wait_for("Ctrl-C stops it")
    health = call("health")
    assert program.stop() == 0
    assert health.returncode == 1
    (line,) = health.stdout.splitlines()
    assert line.startswith("plugin 'lamp': oscbridge_register_routes failed: KeyError: 'dim'")
    assert f"({file}:" in line


@pytest.mark.parametrize(
    "code",
    ["sys.stdout.close()", "sys.stderr.close()", "[os.close(number) for number in range(3)]"],
)
def test_run_continues_after_a_plugin_has_closed_the_standard_streams(
    code: str, install: Callable[[str], str], start: Start, write: Write, call: Call
) -> None:
    install(f"import os, sys\n{code}\n" + LAMP_CLASS.format(model="", body="", hook=""))
    program = start("run", write(BRIDGE + LAMP))
    while (health := call("health")).stdout != "ready\n":
        assert program.process.poll() is None, health.stderr
    assert call("reload").stdout.endswith("nothing changed\n")
    assert program.stop() == 0


FACTORY = """
import asyncio
import oscbridge

def factory(loop, coroutine, **options):
    {does}

class Lamp(oscbridge.Endpoint):
    async def connect(self):
        if {where!r} == "connect":
            asyncio.get_running_loop().set_task_factory(factory)

    async def send(self, message):
        if {where!r} == "send":
            asyncio.get_running_loop().set_task_factory(factory)
        print("sent", message.address, flush=True)

@oscbridge.hookimpl
def oscbridge_endpoints():
    return {{"lamp": Lamp}}
"""


@pytest.mark.parametrize("where", ["connect", "send"])
@pytest.mark.parametrize(
    ("does", "problem"),
    [
        ("raise RuntimeError('no tasks')", "RuntimeError: no tasks ({file}:6)"),
        ("raise asyncio.CancelledError", "CancelledError ({file}:6)"),
        ("return None", "it returned None"),
    ],
)
def test_failing_task_factory_of_a_plugin_is_removed(
    does: str,
    problem: str,
    where: str,
    install: Callable[[str], str],
    start: Start,
    write: Write,
    call: Call,
) -> None:
    file = install(FACTORY.format(does=does, where=where))
    program = start("run", write(BRIDGE + LAMP))
    program.wait_for("Ctrl-C stops it")
    with UDPClient("127.0.0.1", program.port("stage")) as client:
        for address in ("/x", "/y"):
            client.send(Message.of(address))
            program.wait_for(f"sent {address}")
    assert call("health").stdout == "ready\n"
    write(BRIDGE + LAMP + BRIDGE.replace("stage", "other"))
    assert call("reload").stdout.endswith("added bridge.other\n")
    assert program.stop() == 0
    text = "a plugin's task factory failed, and is no longer used: " + problem.format(file=file)
    assert program.output.count(text) == 1


LOWERING = """
import sys
import oscbridge
{at_load}
class Lamp(oscbridge.Endpoint):
    async def send(self, message):
        sys.setrecursionlimit(60)

@oscbridge.hookimpl
def oscbridge_endpoints():
    return {{"lamp": Lamp}}
"""
LOWERED = "ProcessExit: sys.setrecursionlimit(60) would end the program"


def test_plugin_that_lowers_the_limit_of_recursion_at_load_is_broken(
    install: Callable[[str], str], start: Start, write: Write, call: Call
) -> None:
    file = install(LOWERING.format(at_load="sys.setrecursionlimit(60)"))
    result = call("check", write(BRIDGE + LAMP))
    assert result.returncode == 1
    assert LOWERED in result.stderr
    program = start("run", write(BRIDGE + LAMP))
    program.wait_for("Ctrl-C stops it")
    health = call("health")
    assert health.returncode == 1
    (line,) = health.stdout.splitlines()
    assert line.startswith("endpoint.lamp: not connected: ")
    assert LOWERED in line
    assert f"({file}:4)" in line
    assert program.stop() == 0


def test_plugin_that_lowers_the_limit_of_recursion_later_loses_its_message(
    install: Callable[[str], str], start: Start, write: Write, call: Call
) -> None:
    file = install(LOWERING.format(at_load=""))
    program = start("run", write(BRIDGE + LAMP))
    program.wait_for("Ctrl-C stops it")
    with UDPClient("127.0.0.1", program.port("stage")) as client:
        client.send(Message.of("/x"))
        program.wait_for(re.escape(f"endpoint.lamp: 1 message lost: {LOWERED}"))
    assert f"({file}:7)" in program.output
    assert call("health").stdout == "ready\n"
    assert program.stop() == 0


@pytest.mark.parametrize("code", ["json.dumps = None", "time.monotonic = None"])
def test_unexpected_error_that_ends_the_program_names_the_plugins(
    code: str, install: Callable[[str], str], call: Call, write: Write
) -> None:
    file = install(f"import json, time\n{code}\n" + LAMP_CLASS.format(model="", body="", hook=""))
    result = call("run", write(BRIDGE + LAMP))
    assert result.returncode == 1
    (line,) = (each for each in result.stderr.splitlines() if "may cause it" in each)
    assert line.endswith(f"one of these plugins may cause it: 'lamp' ({file})")
