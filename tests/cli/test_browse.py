"""``oscbridge browse`` with announced bridges, started from the command line."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from waiting import wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="mDNS on loopback")

Call = Callable[..., subprocess.CompletedProcess[str]]
Start = Callable[..., Any]
Write = Callable[..., str]


@pytest.fixture
def bridge(start: Start, write: Write) -> Any:
    """An announced bridge, with its name on it."""
    name = f"test {secrets.token_hex(6)}"
    text = f'[bridge.stage]\nlisten = "udp://127.0.0.1:0"\nannounce = "{name}"\n'
    program = start("run", write(text))
    program.wait_for("Ctrl-C stops it")
    assert f"asyncio, announced as '{name}'" in program.output
    program.wait_for("announced as .* at 127.0.0.1")
    program.name = name
    return program


def test_announced_bridge_is_listed_until_it_ends(bridge: Any, call: Call) -> None:
    def found() -> list[dict[str, Any]]:
        result = call("browse", "--json", "--timeout", "2")
        assert (result.returncode, result.stderr) == (0, "")
        listed = [json.loads(line) for line in result.stdout.splitlines()]
        return [each for each in listed if each["name"] == bridge.name]

    wait_until(found, 30)
    (service,) = found()
    assert (service["type"], service["host"]) == ("_osc._udp", "127.0.0.1")
    assert service["port"] == bridge.port("stage")
    assert bridge.stop() == 0
    wait_until(lambda: not found(), 30)


def test_list_is_a_table(bridge: Any, call: Call) -> None:
    def row() -> str:
        lines = call("browse", "--timeout", "2").stdout.splitlines()
        assert not lines[1:] or lines[0].split() == ["NAME", "SERVICE", "ADDRESS", "HOST", "TEXT"]
        return next((line for line in lines if line.startswith(bridge.name)), "")

    wait_until(row, 30)
    assert "  OSC, UDP  " in row()
    assert f"127.0.0.1:{bridge.port('stage')}" in row()


def test_nothing_is_said_in_words(call: Call) -> None:
    result = call("browse", "--timeout", "0.5", "--type", "_osctest18._tcp")
    assert result.stdout == "nothing announces itself in this network\n"


@pytest.mark.parametrize("text", ["osc", "_osc", "_osc._sctp", "osc._udp", "_._udp", "_a b._udp"])
def test_wrong_type_is_refused(call: Call, text: str) -> None:
    result = call("browse", "--type", text)
    assert result.returncode == 2
    assert "write it as _osc._udp" in result.stderr
