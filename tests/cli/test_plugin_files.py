"""``[run] plugins`` with the real program: run, check, test, reload, watch, forking workers."""

from __future__ import annotations

import json
import py_compile
import subprocess
from collections.abc import Callable
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any

import pytest

from oscbridge import Message, encode_message
from oscbridge.testing import check_configuration, run_configured_tests
from oscbridge.testing.process import PROGRAM

Call = Callable[..., subprocess.CompletedProcess[str]]
Start = Callable[..., Any]
Write = Callable[..., str]

LAMP = """
import oscbridge

class LampOptions(oscbridge.Options):
    room: str = "hall"

class LampRoute(oscbridge.Options):
    channel: int = 1

class Lamp(oscbridge.Endpoint[LampOptions, oscbridge.Delivery[LampRoute]]):
    async def send(self, delivery):
        self.log.info("%s: %s on %s", self.options.room, delivery.address,
                      delivery.options and delivery.options.channel)

@oscbridge.hookimpl
def oscbridge_endpoints():
    return {"lamp": Lamp}
"""
ROUTES = """
def louder(message):
    return oscbridge.Message.of("/made", message.args[0] * 2)

@oscbridge.hookimpl
def oscbridge_register_routes(routes, source):
    if "lamp" in source.sinks:
        routes.add("/level", source.sinks["lamp"], function=louder)
"""
UNCHECKED = py_compile.PycInvalidationMode.UNCHECKED_HASH

CONFIGURATION = """
[run]
plugins = "plugins/"
[bridge.stage]
listen = "udp://127.0.0.1:0"
mode = "{mode}"
[endpoint.lamp]
type = "lamp"
room = "cellar"
[[route]]
from = "stage"
match = "/lamp"
to = "lamp"
lamp = {{ channel = 7 }}
[[test]]
name = "the lamp"
from = "stage"
send = "/lamp 1"
expect = ["lamp /lamp 1"]
"""


@pytest.fixture
def plugin(tmp_path: Path) -> Callable[..., Path]:
    """Writes a plugin file."""
    folder = tmp_path / "plugins"
    folder.mkdir()
    folder.chmod(0o755)

    def write(code: str = LAMP, name: str = "lamp.py") -> Path:
        (folder / name).write_text(code)
        (folder / name).chmod(0o644)
        return folder / name

    return write


@pytest.mark.parametrize("mode", ["asyncio", "threading", "forking"])
def test_messages_reach_the_endpoint_in_every_mode(
    plugin: Callable[..., Path], start: Start, write: Write, mode: str
) -> None:
    plugin(LAMP + ROUTES)
    program = start("run", write(CONFIGURATION.format(mode=mode)))
    program.wait_for(r"plugins   .*\blamp\b")
    program.wait_for("Ctrl-C stops it")
    program.send("stage", encode_message(Message.of("/lamp", 1)))
    program.wait_for("cellar: /lamp on 7")
    program.send("stage", encode_message(Message.of("/level", 2)))
    program.wait_for("cellar: /made on None")


def test_check_and_test_know_the_types(
    plugin: Callable[..., Path], call: Call, write: Write
) -> None:
    plugin()
    file = write(CONFIGURATION.format(mode="asyncio"))
    result = call("check", file)
    assert (result.returncode, result.stderr) == (0, "")
    assert call("test", file).returncode == 0
    write(CONFIGURATION.format(mode="asyncio").replace("room", "rom"))
    result = call("check", file)
    assert result.returncode == 2
    assert "endpoint.lamp.rom: unknown key; did you mean 'room'?" in result.stderr


def test_list_and_show_include_the_files(
    plugin: Callable[..., Path], call: Call, write: Write
) -> None:
    path = plugin("__version__ = '2.1'\n" + LAMP)
    file = write(CONFIGURATION.format(mode="asyncio"))
    assert f"lamp 2.1\n  offers  endpoint type lamp\n  from    {path}\n" in (
        call("plugins", "--config", file).stdout
    )
    assert "lamp" not in call("plugins").stdout
    for args in (["--config", file, "show", "lamp"], ["show", "lamp", "--config", file]):
        result = call("plugins", *args)
        assert (result.returncode, result.stderr) == (0, "")
        assert 'room: text; default "hall"' in result.stdout


def test_configuration_of_the_list_must_be_readable(call: Call, write: Write) -> None:
    for args in (["plugins"], ["plugins", "show", "osc"], ["schema"]):
        result = call(*args, "--config", "nothing.toml")
        assert result.returncode == 2
        assert "nothing.toml: no such file" in result.stderr
        assert call(*args, "--config", write("[run\n", "broken.toml")).returncode == 2


def test_schema_includes_the_files(plugin: Callable[..., Path], call: Call, write: Write) -> None:
    plugin()
    file = write(CONFIGURATION.format(mode="asyncio"))
    assert "endpoint.lamp" in json.loads(call("schema", "--config", file).stdout)["$defs"]
    assert "endpoint.lamp" not in json.loads(call("schema").stdout)["$defs"]


def test_helpers_for_tests_know_the_types(plugin: Callable[..., Path]) -> None:
    folder = plugin().parents[1]
    text = CONFIGURATION.format(mode="asyncio")
    assert check_configuration(text, folder)["lamp"].room == "cellar"  # type: ignore[attr-defined]
    (test,) = run_configured_tests(text, folder)
    assert test.passed, test.report


def test_configuration_can_come_from_a_pipe(environment: dict[str, str]) -> None:
    result = subprocess.run(
        [PROGRAM, "check", "/dev/stdin"],
        input="[bridge.stage]\n",
        capture_output=True,
        text=True,
        env=environment,
    )
    assert result.stdout == "/dev/stdin: valid: 1 bridge, 0 endpoints, 0 routes\n"


def test_bytecode_beside_a_file_is_not_run(
    plugin: Callable[..., Path], call: Call, write: Write, tmp_path: Path
) -> None:
    path = plugin()
    cached = Path(cache_from_source(str(path)))
    other = tmp_path / "other.py"
    other.write_text("raise SystemExit('bytecode')\n")
    py_compile.compile(str(other), str(cached), invalidation_mode=UNCHECKED)
    result = call("check", write(CONFIGURATION.format(mode="asyncio")))
    assert (result.returncode, result.stderr) == (0, "")
    assert list(cached.parent.iterdir()) == [cached]  # and none is written


def test_file_can_be_checked(plugin: Callable[..., Path], call: Call, write: Write) -> None:
    plugin(LAMP.replace('"hall"', '"hall"\n    """The room."""').replace("= 1", '= 1\n    "x"'))
    file = write(CONFIGURATION.format(mode="asyncio"))
    result = call("plugins", "check", "lamp", "--config", file, "-k", "documented")
    assert (result.returncode, result.stderr) == (0, "")
    assert "lamp::documented PASSED" in result.stdout
    assert call("plugins", "check", "lamp").returncode == 2


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("\ndef f(", "cannot be imported: SyntaxError: '(' was never closed ({path}:2)"),
        ("\n\nimport nothing\n", "ModuleNotFoundError: No module named 'nothing' ({path}:3)"),
        (LAMP.replace("async def", "def"), "Lamp.send must be 'async def' ({path}:11)"),
    ],
)
def test_broken_file_is_named_with_its_line(
    plugin: Callable[..., Path], call: Call, start: Start, write: Write, code: str, text: str
) -> None:
    path = plugin(code)
    file = write(CONFIGURATION.format(mode="asyncio"))
    result = call("check", file)
    assert result.returncode == 1
    assert f"its plugin is broken: plugin 'lamp': {''}" in result.stderr
    assert text.format(path=path) in result.stderr
    program = start("run", file)
    program.wait_for("endpoint.lamp: not connected: plugin 'lamp'")
    program.wait_for("Ctrl-C stops it")


def test_file_that_others_may_write_is_refused(
    plugin: Callable[..., Path], call: Call, write: Write
) -> None:
    plugin().chmod(0o666)
    result = call("check", write(CONFIGURATION.format(mode="asyncio")))
    assert result.returncode == 1
    assert "lamp.py is writable by other users" in result.stderr
    assert "chmod go-w it" in result.stderr


def test_folder_that_others_may_write_is_refused(
    plugin: Callable[..., Path], call: Call, write: Write
) -> None:
    folder = plugin("raise SystemExit('loaded')").parent
    folder.chmod(0o777)
    file = write(CONFIGURATION.format(mode="asyncio"))
    for command in ("run", "check", "test"):
        result = call(command, file)
        assert result.returncode == 2
        assert result.stderr == (
            f"error: {file}: run.plugins = 'plugins/': {folder} is writable by other users, "
            "who could run code as this user; chmod go-w it\n"
        )


def test_file_cannot_replace_an_installed_plugin_or_type(
    plugin: Callable[..., Path], call: Call, write: Write
) -> None:
    path = plugin(LAMP.replace('"lamp"', '"osc"'), "mine.py")
    plugin(LAMP, "websocket.py")
    output = call("plugins", "--config", write(CONFIGURATION.format(mode="asyncio"))).stdout
    assert "broken  endpoint type 'osc' is offered by 'osc' (oscbridge) already" in output
    same = path.with_name("websocket.py")
    assert f"broken  oscbridge-websocket has the same name; rename {same}\n" in output


def test_reload_says_when_a_restart_is_needed(
    plugin: Callable[..., Path], call: Call, start: Start, write: Write
) -> None:
    path = plugin()
    file = write(CONFIGURATION.format(mode="asyncio"))
    program = start("run", file)
    program.wait_for("Ctrl-C stops it")
    assert call("reload").stdout == f"reloaded {file}: nothing changed\n"
    plugin(LAMP.replace("hall", "attic"))
    plugin(LAMP.replace('"lamp"', '"desk"'), "desk.py")
    expected = "restart the bridge to load changed plugins/desk.py, plugins/lamp.py"
    assert call("reload").stdout == f"reloaded {file}: {expected}\n"
    program.wait_for(expected)
    write(CONFIGURATION.format(mode="asyncio") + '[endpoint.desk]\ntype = "desk"\n')
    result = call("reload")
    assert "unknown endpoint type" in result.stderr
    assert (
        "changed since the start, restart the bridge to use: plugins/desk.py, plugins/lamp.py"
        in result.stderr
    )
    path.unlink()
    write(CONFIGURATION.format(mode="asyncio"))
    assert expected in call("reload").stdout


def test_watched_files_include_plugins(
    plugin: Callable[..., Path], start: Start, write: Write
) -> None:
    plugin()
    text = CONFIGURATION.format(mode="asyncio").replace("[run]\n", "[run]\nwatch = true\n")
    program = start("run", write(text), "-v")
    program.wait_for(r"watching \d+ files? for changes")
    plugin(LAMP.replace('"lamp"', '"desk"'), "desk.py")
    program.wait_for("restart the bridge to load changed plugins/desk.py")
    plugin(LAMP.replace("hall", "attic"))
    program.wait_for("restart the bridge to load changed plugins/desk.py, plugins/lamp.py")
