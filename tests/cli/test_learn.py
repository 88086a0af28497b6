"""``oscbridge learn`` and ``oscbridge devices``, the real program."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from oscbridge.testing.ports import free_port
from oscbridge.udp_client import SimpleUDPClient

CONFIGURATION = """
[bridge.stage]
listen = "udp://127.0.0.1:{port}"
[endpoint.desk]
type = "osc"
to = "udp://127.0.0.1:{desk}"
profile = "x32"
"""


@pytest.fixture
def port(start: Callable[..., Any], write: Callable[..., str]) -> int:
    port = free_port()
    text = CONFIGURATION.format(port=port, desk=free_port())
    start("run", write(text, "show.toml")).wait_for("Ctrl-C stops it")
    return port


def test_learn_prints_the_route_that_was_shown(port: int, start: Callable[..., Any]) -> None:
    learning = start("learn", "--to", "desk", "--address", "/ch/01/mix/fader", "--name", "vocals")
    learning.wait_for("move the control")
    with SimpleUDPClient("127.0.0.1", port) as client:
        for step in range(12):
            client.send_message("/1/fader1", step / 20)
        for part in (
            "source: stage /1/fader1",
            "0 to 1, from profile x32",
            'name  = "vocals"',
            r'send  = "/ch/01/mix/fader \{0\}"',
        ):
            learning.wait_for(part)
    assert learning.ended() == 0


def test_learn_refuses_a_target_that_is_none(
    port: int, call: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    done = call("learn", "--to", "nowhere", "--address", "/a")
    assert done.returncode == 2
    assert "'nowhere': nothing can be sent to it" in done.stderr


def test_devices_are_printed_as_endpoints(
    call: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    done = call("devices", "--timeout", "0.2", "--json")
    assert done.returncode == 0
    for line in done.stdout.splitlines():
        assert json.loads(line)["endpoint"]["type"]
