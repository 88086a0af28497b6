"""docs/how-to/write-a-plugin.md: its plugins, configurations and tables are run."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from plugin_pages import PluginPage, run_mypy, run_tests

import oscbridge
from oscbridge import Message
from oscbridge.bridge.config.config import parse
from oscbridge.bridge.config.endpoint_models import HostOptions
from oscbridge.bridge.config.process_models import RunOptions
from oscbridge.bridge.sinks import connection, runner
from oscbridge.plugins.manager import Plugins
from oscbridge.testing import running_bridge, running_process

PAGE = PluginPage("how-to/write-a-plugin.md")
TESTS = {name for name in PAGE.modules if name.startswith("test_")}
PROJECTS = [text for text in PAGE.of_language("toml") if "[project]" in text]
CONFIGURATIONS = [text for text in PAGE.of_language("toml") if text not in PROJECTS]

EndpointClass = type[oscbridge.AnyEndpoint]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with all plugins of the page in ``plugins/``."""
    plugins = tmp_path / "plugins"
    plugins.mkdir(mode=0o755)
    PAGE.write(plugins)
    for name in TESTS:
        (plugins / name).rename(tmp_path / name)
    for path in plugins.iterdir():
        path.chmod(0o644)
    return tmp_path


@pytest.fixture
def types(folder: Path) -> Iterator[dict[str, EndpointClass]]:
    """The endpoint types of all plugins of the page."""
    plugins = Plugins([], folder / "plugins")
    assert [each.error for each in plugins.plugins] == [None] * (len(PAGE.modules) - len(TESTS))
    yield dict(plugins.endpoint_types)


def configuration(type_name: str, keys: str = "") -> str:
    return f"""
[bridge.stage]
listen = "udp://127.0.0.1:0"
[endpoint.it]
type = "{type_name}"
{keys}
[endpoint.seen]
type = "recording"
"""


TO_IT = '[[route]]\nfrom = "stage"\nto = "it"\n'
FROM_IT = '[[route]]\nfrom = "it"\nto = "seen"\n'


def test_every_python_block_is_a_module_with_a_name() -> None:
    assert len(PAGE.modules) == len(PAGE.of_language("python"))
    assert {kind for kind, _ in PAGE.blocks} == {"python", "toml", "sh", "text"}


@pytest.mark.parametrize("text", CONFIGURATIONS)
def test_configuration_of_the_page_is_valid(
    text: str, folder: Path, types: dict[str, EndpointClass], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIMMER_PASSWORD", "x")
    known = {**Plugins([]).endpoint_types, **Plugins().endpoint_types, **types}
    parse(text, known, "page.toml", folder)


def test_plugins_of_the_page_pass_mypy_strict(folder: Path) -> None:
    plugins = sorted(PAGE.modules.keys() - TESTS)
    result = run_mypy(folder / "plugins", *plugins, *(f"../{name}" for name in TESTS))
    assert result.returncode == 0, result.stdout + result.stderr


def test_tests_of_the_page_pass(folder: Path) -> None:
    for name in PAGE.modules.keys() - TESTS:
        (folder / name).write_text(PAGE.modules[name])  # beside the tests
    run_tests(folder)


def test_plugins_are_as_short_as_their_headings_say() -> None:
    def lines(name: str) -> int:
        return sum(bool(line.strip()) for line in PAGE.modules[name].splitlines()[1:])

    assert lines("printer.py") <= 10
    assert lines("lines.py") <= 40


def test_first_plugin_runs(folder: Path) -> None:
    text = PAGE.of_language("toml")[0]
    assert text.startswith("# show.toml")
    here = text.replace("[bridge.stage]", '[bridge.stage]\nlisten = "udp://127.0.0.1:0"')
    with running_process(here, folder=folder, env={"PYTHONUNBUFFERED": "1"}) as process:
        process.send("stage", oscbridge.encode_message(Message.of("/hello", 1)))
        process.wait_for(r"^/hello 1$")


def test_first_plugin_works_as_a_package(folder: Path) -> None:
    (project,) = PROJECTS
    source, site = folder / "source", folder / "site"
    source.mkdir()
    (source / "printer.py").write_text(PAGE.modules["printer.py"])
    (source / "pyproject.toml").write_text(project)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(site)]
    subprocess.run([*pip, "."], cwd=source, check=True, timeout=120)
    table, text = '[run]\nplugins = "plugins/"\n', CONFIGURATIONS[0]
    assert table in text
    here = text.replace(table, "").replace(
        "[bridge.stage]", '[bridge.stage]\nlisten = "udp://127.0.0.1:0"'
    )
    env = {"PYTHONUNBUFFERED": "1", "PYTHONPATH": str(site)}
    with running_process(here, folder=folder, env=env) as process:
        process.send("stage", oscbridge.encode_message(Message.of("/hello", 1)))
        process.wait_for(r"^/hello 1$")


async def test_two_way_plugin_sends_and_receives(types: dict[str, EndpointClass]) -> None:
    lines = asyncio.Queue[bytes]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"/button 1\n")
        while line := await reader.readline():
            lines.put_nowait(line)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        device = f'device = "127.0.0.1:{server.sockets[0].getsockname()[1]}"'
        async with running_bridge(
            configuration("lines", device) + TO_IT + FROM_IT, types
        ) as bridge:
            (message,) = await bridge.recording("seen").arrived(1)
            assert (message.address, message.args) == ("/button", (1.0,))
            bridge.send("stage", Message.of("/level", 0.5))
            assert await asyncio.wait_for(lines.get(), 10) == b"/level 0.5\n"
            bridge.send("stage", Message.of("/level"))
            await bridge.until(lambda: bridge.endpoint_status("it").dropped == {"error": 1})
            assert any("IndexError" in line and "lines.py:" in line for line in bridge.log)


async def test_thread_of_the_ticker_ends_with_the_endpoint(
    types: dict[str, EndpointClass],
) -> None:
    before = threading.active_count()
    async with running_bridge(configuration("ticker") + FROM_IT, types) as bridge:
        messages = await bridge.recording("seen").arrived(3)
        assert [each.args for each in messages[:3]] == [(1,), (2,), (3,)]
    assert not [each for each in threading.enumerate() if "_run" in each.name]
    assert threading.active_count() <= before + 1  # that of asyncio.to_thread


async def test_errors_cause_what_the_table_says(types: dict[str, EndpointClass]) -> None:
    async with running_bridge(configuration("moody") + TO_IT, types) as bridge:
        bridge.send("stage", *map(Message, ("/busy", "/nonsense", "/bug", "/fine")))
        await bridge.until(lambda: bridge.endpoint_status("it").sent == 2)
        assert bridge.endpoint_status("it").dropped == {"bad": 1, "error": 1}
        assert any("the device has no such command" in line for line in bridge.log)
        assert any("KeyError: 'colour'" in line for line in bridge.log)
        assert bridge.endpoint_status("it").connected
        bridge.send("stage", Message("/unplugged"))
        await bridge.until(lambda: not bridge.endpoint_status("it").connected)
        assert any("not connected: the cable is not plugged in" in each for each in bridge.log)


async def test_batch_counts_each_message_once(
    types: dict[str, EndpointClass], capsys: pytest.CaptureFixture[str]
) -> None:
    async with running_bridge(configuration("table") + TO_IT, types) as bridge:
        bridge.offer("it", Message.of("/a", 1), Message("/b"), Message.of("/c", 2))
        await bridge.until(lambda: bridge.endpoint_status("it").sent == 2)
        assert bridge.endpoint_status("it").dropped == {"bad": 1}
    assert capsys.readouterr().out == "/a;1\n/c;2\n"


async def test_slow_endpoint_gets_the_latest_value(
    types: dict[str, EndpointClass], capsys: pytest.CaptureFixture[str]
) -> None:
    async with running_bridge(configuration("slow") + TO_IT, types) as bridge:
        bridge.offer("it", *(Message.of("/level", value) for value in range(100)))
        await bridge.until(lambda: bridge.endpoint_status("it").queued == 0)
        assert bridge.endpoint_status("it").sent < 100
    assert capsys.readouterr().out.endswith("/level 99\n")


def test_time_outs_are_those_of_the_bridge() -> None:
    seconds = [float(row[1]) for row in PAGE.table("Life cycle")]
    stall = HostOptions.model_fields["stall_timeout"].default
    blocked = RunOptions.model_fields["blocked_timeout"].default
    assert seconds == [
        *(connection.CONNECT_TIMEOUT, connection.CLOSE_TIMEOUT),
        *(connection.FIRST_WAIT, connection.LONGEST_WAIT, runner.START_TIMEOUT),
        *(stall, blocked, RunOptions.model_fields["drain_timeout"].default),
    ]


def test_errors_of_the_table_exist() -> None:
    for name in PAGE.names("Errors and what each causes") - {"OSError"}:
        assert issubclass(getattr(oscbridge, name), oscbridge.EndpointError)
