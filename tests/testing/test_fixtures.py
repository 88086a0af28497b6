"""The fixtures for tests of plugins, which pytest finds through the entry point ``pytest11``."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from oscbridge import Message
from oscbridge.testing import BridgeThread, FakeClock, RecordingEndpoint

CONFIGURATION = """
[bridge.stage]
listen = "udp://127.0.0.1:0"
[endpoint.seen]
type = "recording"
[[route]]
from = "stage"
to = "seen"
"""

INI = """
[pytest]
addopts = -p no:asyncio -p no:cacheprovider
"""

TESTS = """
import asyncio
import sys

from oscbridge import Message

CONFIGURATION = '''{configuration}'''


def test_bridge(oscbridge_bridge, recording_endpoint):
    bridge = oscbridge_bridge(CONFIGURATION)
    bridge.send("stage", Message.of("/lamp", 0.5))
    assert bridge.recorded("seen", 1)[0].address == "/lamp"
    assert recording_endpoint.wait(1)[0].args == (0.5,)


def test_port(free_port):
    assert 0 < free_port < 65_536


def test_clock(fake_clock):
    before = fake_clock()
    fake_clock.run(asyncio.sleep(3600))
    assert fake_clock() - before == 3600
"""

UNUSED = """
import sys


def test_nothing_of_oscbridge_is_imported():
    assert [name for name in sys.modules if name.partition(".")[0] == "oscbridge"] == []
"""


def pytest_run(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    (folder / "pytest.ini").write_text(INI)
    (folder / "test_it.py").write_text(text)
    command = [sys.executable, "-m", "pytest", "-q"]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)


def test_fixtures_need_no_other_plugin_of_pytest(tmp_path: Path) -> None:
    result = pytest_run(tmp_path, TESTS.format(configuration=CONFIGURATION))
    assert result.returncode == 0, result.stdout + result.stderr
    assert "3 passed" in result.stdout


def test_run_without_the_fixtures_imports_nothing_of_oscbridge(tmp_path: Path) -> None:
    result = pytest_run(tmp_path, UNUSED)
    assert result.returncode == 0, result.stdout + result.stderr


def test_fixtures_do_not_slow_the_start_of_pytest() -> None:
    command = [sys.executable, "-X", "importtime", "-c", "import pytest, pytest_oscbridge"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    (line,) = [each for each in result.stderr.splitlines() if each.endswith("| pytest_oscbridge")]
    microseconds = int(line.split("|")[1])
    assert microseconds < 20_000  # about 500, but on a busy machine


def test_fixtures_are_documented(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text(INI)
    command = [sys.executable, "-m", "pytest", "--fixtures", "-q"]
    text = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path).stdout
    for name in ("oscbridge_bridge", "recording_endpoint", "free_port", "fake_clock"):
        _, _, rest = text.partition(f"\n{name}")
        assert "pytest_oscbridge" in rest.splitlines()[0]
        assert rest.splitlines()[1].startswith("    ")
        assert "no docstring" not in rest.splitlines()[1]


def test_bridge_of_the_fixture_can_be_observed_and_reloaded(
    oscbridge_bridge: Callable[..., BridgeThread],
) -> None:
    bridge = oscbridge_bridge(CONFIGURATION, installed=False)
    bridge.offer("seen", Message("/a"), Message("/b"))
    assert [each.address for each in bridge.recorded("seen", 2)] == ["/a", "/b"]
    bridge.until(lambda: bridge.endpoint_status("seen").sent == 2)
    assert bridge.bridge_status("stage").received.messages == 0
    assert "oscbridge_" in bridge.metrics()
    assert str(bridge.reload(CONFIGURATION + '[endpoint.x]\ntype = "recording"\n')) == (
        "added endpoint.x"
    )
    assert {each.name for each in bridge.status().endpoints} == {"seen", "x"}


def test_recording_endpoint_records_for_all_bridges(
    oscbridge_bridge: Callable[..., BridgeThread], recording_endpoint: RecordingEndpoint
) -> None:
    for address in ("/a", "/b"):
        bridge = oscbridge_bridge(CONFIGURATION, installed=False)
        bridge.send("stage", Message(address))
        bridge.recorded("seen", 1)
    assert {each.address for each in recording_endpoint.wait(2)} == {"/a", "/b"}


def test_recording_endpoint_that_waits_in_vain_shows_what_is_there(
    recording_endpoint: RecordingEndpoint,
) -> None:
    with pytest.raises(AssertionError, match="0 of 1 messages arrived"):
        recording_endpoint.wait(1, 0.01)


def test_bridge_that_cannot_start_raises_the_problem(
    oscbridge_bridge: Callable[..., BridgeThread],
) -> None:
    with pytest.raises(Exception, match="unknown key"):
        oscbridge_bridge("[nonsense]")


def test_fake_clock_runs_what_is_due(fake_clock: FakeClock) -> None:
    seen: list[str] = []

    async def repeat() -> None:
        while True:
            seen.append("tick")
            await asyncio.sleep(10)

    async def start() -> asyncio.Task[None]:
        return asyncio.create_task(repeat())

    fake_clock.run(start())
    fake_clock.advance(35)
    assert seen == ["tick"] * 4
    assert fake_clock.elapsed == pytest.approx(35)


def test_fake_clock_names_the_line_that_waits_in_vain(fake_clock: FakeClock) -> None:
    async def wait() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(AssertionError, match=r"test_fixtures\.py:\d+, and nothing is left to run"):
        fake_clock.run(wait())
