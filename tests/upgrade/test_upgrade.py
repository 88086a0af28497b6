"""Configurations and state of earlier revisions work with today's program, and nothing is lost.

``data/REVISION`` was made by ``make_state.py`` with that revision: its configuration, and a state
with 100 messages that wait for a device. ``ac1b4a38`` has persistent variables, too; ``5af68224``
has keys with former names and the first format of the spool.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest
from waiting import wait_until

from oscbridge.dispatcher import Dispatcher
from oscbridge.osc_tcp_server import ThreadingOSCTCPServer
from oscbridge.testing import OscbridgeProcess, free_port
from oscbridge.testing.process import PROGRAM, READY

DATA = Path(__file__).parent / "data"
REVISIONS = sorted(each.name for each in DATA.iterdir())
COUNT = 100
MESSAGES = [("/n", number, f"ü{number}") for number in range(COUNT)]
OLD, RECENT = "5af68224", "ac1b4a38"


class Installation:
    """What an earlier revision has left, and today's program with it."""

    def __init__(self, revision: str, folder: Path, runtime: Path) -> None:
        self.file = folder / "oscbridge.toml"
        shutil.copytree(DATA / revision, folder, dirs_exist_ok=True)
        self.spool = folder / "state" / "oscbridge" / "house.spool"
        self.device = free_port()
        drop = ("OSCBRIDGE", "XDG_")
        kept = {name: v for name, v in os.environ.items() if not name.startswith(drop)}
        self.env = kept | {
            "XDG_STATE_HOME": str(folder / "state"),
            "OSCBRIDGE_RUNTIME_DIR": str(runtime),
            "OSCBRIDGE__BRIDGE__STAGE__LISTEN": "udp://127.0.0.1:0",
            "OSCBRIDGE__ENDPOINT__HOUSE__TO": f"tcp://127.0.0.1:{self.device}",
            "NO_COLOR": "1",
        }

    def call(self, *args: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [PROGRAM, *args], env=self.env, capture_output=True, text=True, timeout=30
        )

    @contextmanager
    def running(self) -> Iterator[OscbridgeProcess]:
        process = OscbridgeProcess("run", str(self.file), env=self.env)
        try:
            process.wait_for(READY)
            yield process
            assert process.stop() == 0
        finally:
            process.close()


Install = Callable[[str], Installation]


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Install]:
    with tempfile.TemporaryDirectory() as runtime:  # short: a socket's path has a limit
        yield lambda revision: Installation(revision, tmp_path / "it", Path(runtime))


@contextmanager
def device(port: int) -> Iterator[list[tuple[object, ...]]]:
    """The device that was away. Yields what it receives."""
    received: list[tuple[object, ...]] = []
    dispatcher = Dispatcher()
    dispatcher.set_default_handler(lambda *message: received.append(message))
    with ThreadingOSCTCPServer(("127.0.0.1", port), dispatcher) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield received
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("revision", REVISIONS)
def test_messages_in_the_spool_arrive_once_and_in_order(
    installation: Install, revision: str
) -> None:
    found = installation(revision)
    if revision == OLD:
        assert found.call("check", "--fix", str(found.file)).returncode == 0
    with device(found.device) as received:
        with found.running() as process:
            wait_until(lambda: len(received) >= COUNT)
            process.send("stage", b"/new\0\0\0\0,\0\0\0")
            wait_until(lambda: len(received) > COUNT)
        assert received == [*MESSAGES, ("/new",)]
    assert "damaged" not in process.output
    assert "lost" not in process.output
    with device(found.device) as again, found.running() as process:
        process.send("stage", b"/new\0\0\0\0,\0\0\0")
        wait_until(lambda: again)
    assert again == [("/new",)]


def test_former_keys_are_named_and_fixed_with_comments_kept(installation: Install) -> None:
    found = installation(OLD)
    before = found.file.read_text()
    result = found.call("check", str(found.file))
    assert result.returncode == 2
    assert "oscbridge check --fix" in result.stdout + result.stderr
    assert found.call("check", "--fix", str(found.file)).returncode == 0
    assert found.call("check", str(found.file)).returncode == 0
    after = found.file.read_text()
    assert re.findall("#.*", before) == re.findall("#.*", after)


def test_configuration_of_a_recent_revision_is_valid_as_it_is(installation: Install) -> None:
    found = installation(RECENT)
    result = found.call("check", str(found.file))
    assert (result.returncode, result.stderr) == (0, "")


def test_persistent_variables_keep_their_values(installation: Install) -> None:
    found = installation(RECENT)
    with found.running():
        listed = found.call("set")
    assert re.search(r"^count\s+99\b", listed.stdout, re.MULTILINE), listed.stdout + listed.stderr


@pytest.mark.parametrize("revision", REVISIONS)
def test_state_has_the_files_that_the_program_reads(revision: str) -> None:
    names = {path.name for path in (DATA / revision / "state" / "oscbridge").iterdir()}
    assert "house.spool" in names
