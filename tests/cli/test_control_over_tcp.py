"""The commands that attach to a running bridge, on a system without Unix sockets."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Call = Callable[..., subprocess.CompletedProcess[str]]

WITHOUT_UNIX_SOCKETS = """
import functools, socket
socket.socketpair = functools.partial(socket.socketpair, socket.AF_UNIX)  # for event loops
del socket.AF_UNIX
"""
STAGE = """
[bridge.stage]
listen = "udp://127.0.0.1:0"
"""


@pytest.fixture
def bridge(
    environment: dict[str, str],
    tmp_path: Path,
    start: Callable[..., Any],
    write: Callable[..., str],
) -> Any:
    """A running bridge. Neither it nor the commands of the test have Unix sockets."""
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(WITHOUT_UNIX_SOCKETS)
    environment["PYTHONPATH"] = str(folder)
    program = start("run", write(STAGE))
    program.wait_for("Ctrl-C")
    (file,) = Path(environment["OSCBRIDGE_RUNTIME_DIR"]).iterdir()
    assert file.name == f"{program.process.pid}.tcp"
    return program


def test_health_reports_ready(bridge: Any, call: Call) -> None:
    result = call("health")
    assert (result.returncode, result.stdout, result.stderr) == (0, "ready\n", "")


def test_reload_is_applied(bridge: Any, call: Call, write: Callable[..., str]) -> None:
    write(STAGE.replace("stage", "studio"))
    result = call("reload")
    assert (result.returncode, result.stderr) == (0, "")
    assert "studio" in result.stdout


def test_top_shows_the_bridge(bridge: Any, call: Call) -> None:
    result = call("top", "--once", "--every", "0.2")
    assert (result.returncode, result.stderr) == (0, "")
    assert "stage" in result.stdout


@pytest.mark.parametrize("command", ["tap", "record"])
def test_passing_messages_are_received(
    bridge: Any, start: Callable[..., Any], tmp_path: Path, command: str
) -> None:
    arguments = {
        "tap": ("tap", "--count", "1"),
        "record": ("record", str(tmp_path / "show.oscrec"), "--pid", str(bridge.process.pid)),
    }
    port = int(bridge.output.split("udp://127.0.0.1:")[1].split()[0].rstrip(","))
    client = start(*arguments[command])
    client.wait_for("attached|recording|Ctrl-C")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"/fader\0\0,i\0\0\0\0\0\7", ("127.0.0.1", port))
    if command == "tap":
        client.wait_for("/fader.*7")
        assert client.ended() == 0
    else:
        file = tmp_path / "show.oscrec"
        deadline = time.monotonic() + 10
        while b"/fader" not in file.read_bytes() and time.monotonic() < deadline:
            time.sleep(0.02)
        assert client.stop() == 0
        assert b"/fader" in file.read_bytes()
