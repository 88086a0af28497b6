"""A broken plugin breaks only itself, and is named with the file and the line."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from oscbridge.bridge.app import App
from oscbridge.bridge.config.config import parse
from oscbridge.errors import OSCBridgeError
from oscbridge.plugins.manager import Plugins
from oscbridge.status.status import read_status

Install = Callable[..., None]

LAMP = """
class Lamp(oscbridge.Endpoint{options}):
    {body}

@oscbridge.hookimpl
def oscbridge_endpoints():
    return {{"lamp": Lamp}}
"""
SEND = "async def send(self, message): pass\n"


def lamp(body: str, options: str = "") -> str:
    return LAMP.format(body=body, options=options)


CONFIG = """
[bridge.stage]
listen = "udp://127.0.0.1:0"

[endpoint.lamp]
type = "lamp"

[[route]]
from = "stage"
to = "lamp"
"""

AT_LOAD = [
    pytest.param("import no_such_module", "ModuleNotFoundError: No module", 2, id="import"),
    pytest.param("\ndef f(", "SyntaxError: ", 3, id="syntax"),
    pytest.param("raise KeyboardInterrupt", "KeyboardInterrupt", 2, id="interrupt"),
    pytest.param(
        "import os\nos._exit(3)", "os._exit(3) would end the program", 3, id="ends-the-process"
    ),
    pytest.param("from os import abort\nabort()", "os.abort() would end", 3, id="aborts"),
    pytest.param(
        lamp(SEND).replace("@oscbridge.hookimpl\n", ""),
        "oscbridge_endpoints lacks @oscbridge.hookimpl",
        7,
        id="forgotten-mark",
    ),
    pytest.param(
        lamp(SEND).replace('{"lamp": Lamp}', '["lamp"]'),
        "returns ['lamp'], not a dictionary of endpoint classes",
        7,
        id="wrong-result",
    ),
    pytest.param(
        lamp("def send(self, message): pass"), "Lamp.send must be 'async def'", 4, id="not-async"
    ),
    pytest.param(
        "class LampOptions(oscbridge.Options):\n    queue: str = ''\n"
        + lamp(SEND, "[LampOptions]"),
        "the bridge has the key 'queue' itself; rename the option",
        2,
        id="host-key",
    ),
]
AT_CREATION = [
    pytest.param(
        lamp(SEND + "    def __init__(self, name, options): pass"),
        "Lamp.__init__ must call super().__init__(name, options)",
        5,
        id="no-super",
    ),
    pytest.param(
        lamp(SEND + "    def describe(self): return 1 / 0"), "ZeroDivisionError: ", 5, id="raises"
    ),
    pytest.param(
        lamp(SEND + "    def describe(self): pass"),
        "Lamp.describe must return text, got None",
        5,
        id="no-text",
    ),
    pytest.param(
        lamp(SEND + "    def __init__(self, name, options): raise GeneratorExit"),
        "GeneratorExit",
        5,
        id="exit",
    ),
    pytest.param(
        lamp(SEND + "    def __init__(self, name, options): __import__('os')._exit(3)"),
        "os._exit(3) would end the program",
        5,
        id="ends-the-process",
    ),
]


@pytest.mark.parametrize(("code", "text", "line"), AT_LOAD + AT_CREATION)
async def test_broken_plugin_leaves_the_rest_running(
    code: str, text: str, line: int, install: Install, tmp_path: Path
) -> None:
    install("lamp", code)
    plugins = Plugins()
    types = {**plugins.broken_types, **plugins.endpoint_types}
    app = App(parse(CONFIG, types, "x.toml", allow_broken=True), plugins, allow_broken=True)
    await app.start()
    try:
        assert app.listeners["stage"].problem == ""
        async with asyncio.timeout(10):
            while not app.endpoints["lamp"].problem:
                await asyncio.sleep(0.01)
        (problem,) = read_status(app).problems
    finally:
        await app.stop()
    assert problem.startswith("endpoint.lamp: not connected: ")
    assert text in problem
    assert f"({tmp_path / 'oscbridge_lamp.py'}:{line})" in problem


@pytest.mark.parametrize(("code", "text", "line"), AT_LOAD + AT_CREATION)
def test_configuration_with_a_broken_plugin_is_rejected(
    code: str, text: str, line: int, install: Install, tmp_path: Path
) -> None:
    install("lamp", code)
    plugins = Plugins()
    types = {**plugins.broken_types, **plugins.endpoint_types}
    with pytest.raises(OSCBridgeError) as caught:
        App(parse(CONFIG, types, "x.toml"), plugins)
    assert "endpoint.lamp" in str(caught.value)
    assert text in str(caught.value)
    assert f"({tmp_path / 'oscbridge_lamp.py'}:{line})" in str(caught.value)
    assert "did you mean" not in str(caught.value)
    assert "\n" not in str(caught.value)


WORKING = lamp(SEND)


@pytest.mark.parametrize(
    "code",
    [
        "import no_such_module\n" + WORKING,
        WORKING + "\nreturn\n",
        WORKING + "\0",
        "raise SystemExit\n" + WORKING,
        WORKING.replace("return {", "return 5\n    return {"),
        WORKING.replace("return {", "raise KeyError\n    return {"),
        WORKING.replace('{"lamp": Lamp}', '["lamp"]'),
        WORKING.replace("oscbridge_endpoints", "oscbridge_endpoint"),
    ],
)
def test_broken_plugin_with_another_name_offers_the_types_that_its_source_names(
    code: str, install: Install
) -> None:
    install("lights", code)
    plugins = Plugins()
    types = {**plugins.broken_types, **plugins.endpoint_types}
    with pytest.raises(OSCBridgeError) as caught:
        parse(CONFIG, types, "x.toml")
    assert "endpoint.lamp" in str(caught.value)
    assert "its plugin is broken: " in str(caught.value)
    assert "unknown endpoint type" not in str(caught.value)
    parse(CONFIG, types, "x.toml", allow_broken=True)


@pytest.mark.parametrize("code", [lamp("def send(self, message): pass"), "import no_such_module"])
def test_check_rejects_a_broken_plugin(code: str, install: Install, tmp_path: Path) -> None:
    install("lamp", code)
    (tmp_path / "show.toml").write_text(CONFIG)
    program = "from oscbridge.cli import main; main()"
    result = subprocess.run(
        [sys.executable, "-c", program, "check", "show.toml"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert "its plugin is broken: plugin 'lamp': " in result.stderr


async def test_describe_that_fails_later_is_shown(install: Install) -> None:
    install(
        "lamp",
        lamp(
            SEND + "    calls = 0\n    def describe(self):\n"
            "        self.calls += 1\n        return '' if self.calls < 2 else 1 / 0"
        ),
    )
    plugins = Plugins()
    app = App(parse(CONFIG, plugins.endpoint_types, "x.toml"), plugins)
    await app.start()
    (endpoint,) = read_status(app).endpoints
    await app.stop()
    assert endpoint.where.startswith("describe failed: ZeroDivisionError: division by zero (")


async def test_long_description_is_cut(install: Install) -> None:
    install("lamp", lamp(SEND + "    def describe(self): return 'x' * 10_000_000"))
    plugins = Plugins()
    app = App(parse(CONFIG, plugins.endpoint_types, "x.toml"), plugins)
    await app.start()
    (endpoint,) = read_status(app).endpoints
    await app.stop()
    assert endpoint.where == "x" * 1_000
