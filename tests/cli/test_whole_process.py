"""Plugins that change what belongs to the whole process, with the real program."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from oscbridge import Message, encode_message

Start = Callable[..., Any]
Write = Callable[..., str]

CONFIGURATION = """
[run]
plugins = "plugins/"
[bridge.stage]
listen = "udp://127.0.0.1:0"
[endpoint.lamp]
type = "lamp"
[[route]]
from = "stage"
to = "lamp"
"""
LAMP = """
import asyncio
import logging
import logging.config
import signal

import oscbridge

def fail(*_arguments, **_keys):
    raise {error}("broken")

class Failing(logging.Handler):
    def emit(self, record):
        fail()

class Lamp(oscbridge.Endpoint):
    async def connect(self):
        {change}

    async def send(self, message):
        raise ValueError("no bulb")

@oscbridge.hookimpl
def oscbridge_endpoints():
    return {{"lamp": Lamp}}
"""
SILENCED = {
    "dictConfig": 'logging.config.dictConfig({"version": 1})',
    "basicConfig": "logging.basicConfig(force=True, level=logging.CRITICAL)",
    "disable": "logging.disable(logging.CRITICAL)",
    "shutdown": "logging.shutdown()",
    "level": 'logging.getLogger("oscbridge").setLevel(logging.CRITICAL)',
    "propagate": 'logging.getLogger("oscbridge").propagate = False',
    "filter": 'logging.getLogger("oscbridge.endpoint.lamp").addFilter(lambda record: False)',
    "handler level": "[each.setLevel(60) for each in logging.getLogger().handlers]",
    "handler filter": "[each.addFilter(lambda _: False) for each in logging.getLogger().handlers]",
}
BROKEN = {
    "handler": "logging.getLogger().handlers.insert(0, Failing())",
    "filter": "self.log.addFilter(fail)",
    "factory": "logging.setLogRecordFactory(fail)",
}


@pytest.fixture
def start_lamp(start: Start, write: Write, tmp_path: Path) -> Callable[..., Any]:
    """Starts a bridge with an endpoint that changes something as it connects."""

    def run(change: str, error: str = "RuntimeError") -> Any:
        folder = tmp_path / "plugins"
        folder.mkdir(mode=0o700)
        (folder / "lamp.py").write_text(LAMP.format(change=change, error=error))
        program = start("run", write(CONFIGURATION))
        program.wait_for("Ctrl-C stops it")
        return program

    return run


def send(program: Any) -> None:
    program.send("stage", encode_message(Message("/a")))


@pytest.mark.parametrize("change", SILENCED.values(), ids=SILENCED)
def test_log_that_a_plugin_silences_is_restored(change: str, start_lamp: Any) -> None:
    program = start_lamp(change)
    program.wait_for("ERROR .*a plugin has changed the logging of the whole process")
    send(program)
    program.wait_for("ERROR .*endpoint.lamp: 1 message lost: ValueError: no bulb")
    assert program.stop() == 0


def test_level_of_a_logger_of_the_plugin_stays(start_lamp: Any) -> None:
    own = 'logging.getLogger(f"{self.log.name}.library").setLevel(logging.CRITICAL)'
    program = start_lamp(f"{own}; {SILENCED['disable']}")
    program.wait_for(r"a plugin has changed the logging of the whole process \(logging.disable\)")
    assert program.stop() == 0


def test_handler_that_a_plugin_removes_is_used_again(start_lamp: Any) -> None:
    program = start_lamp("logging.getLogger().handlers.clear()")
    program.wait_for(r"ERROR .*the whole process \(the handlers\)")
    send(program)
    program.wait_for("ERROR .*endpoint.lamp: 1 message lost: ValueError: no bulb")
    assert program.stop() == 0


def test_form_that_a_plugin_gives_the_log_is_restored(start_lamp: Any) -> None:
    form = "logging.Formatter('{{%(message)s}}')"
    program = start_lamp(f"[each.setFormatter({form}) for each in logging.getLogger().handlers]")
    program.wait_for(r"ERROR .*the whole process \(the handlers\)")
    assert program.stop() == 0


@pytest.mark.parametrize("error", ["RuntimeError", "SystemExit"])
@pytest.mark.parametrize("change", BROKEN.values(), ids=BROKEN)
def test_broken_part_of_the_log_is_removed(change: str, error: str, start_lamp: Any) -> None:
    program = start_lamp(change, error)
    send(program)
    program.wait_for(f"ERROR .*failed and is removed: {error}: broken")
    program.wait_for("ERROR .*endpoint.lamp: 1 message lost: ValueError: no bulb")
    assert program.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_that_a_plugin_ignores_ends_the_bridge(
    number: signal.Signals, start_lamp: Any
) -> None:
    program = start_lamp(f"signal.signal(signal.{number.name}, signal.SIG_IGN)")
    program.wait_for(f"ERROR .*a plugin has replaced the handler of {number.name}")
    assert program.stop(number) == 0


def test_place_that_cannot_be_printed_is_escaped(start_lamp: Any) -> None:
    program = start_lamp('type(self).describe = lambda self: "\\n\\x1b[31m\\ud800"')
    assert r"\n\x1b[31m\ud800" in program.output
    assert program.stop() == 0


@pytest.mark.parametrize(
    "change",
    [
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)",
        "asyncio.get_running_loop().remove_signal_handler(signal.SIGHUP)",
    ],
    ids=["ignored", "removed"],
)
def test_hangup_that_a_plugin_takes_away_reloads(change: str, start_lamp: Any) -> None:
    program = start_lamp(change)
    program.wait_for("ERROR .*a plugin has replaced the handler of SIGHUP")
    program.process.send_signal(signal.SIGHUP)
    program.wait_for("reloaded .*: nothing changed")
    assert program.stop() == 0
