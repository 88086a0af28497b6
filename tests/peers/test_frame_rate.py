"""Dashboards of npm get frames at a limited rate without losing anything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pythonosc.udp_client import SimpleUDPClient


@pytest.mark.parametrize("name", ["osc", "osc-js"])
def test_dashboard_reads_paced_bundles_of_every_message(
    run: Callable[..., Any], peer: Callable[..., Any], name: str
) -> None:
    program = run("frame_rate = 5")
    dashboard = peer(name, program)
    with SimpleUDPClient("127.0.0.1", program.udp_port) as client:
        client.send_message("/first", 0)
        assert dashboard.read()["address"] == "/first"
        for value in range(100):
            client.send_message("/fader", value)
        client.send_message("/end", 1)
    got = [dashboard.read() for _ in range(101)]
    assert [each["args"][0][1] for each in got[:-1]] == list(range(100))
    assert got[-1]["address"] == "/end"


@pytest.mark.parametrize("name", ["osc", "osc-js"])
def test_dashboard_gets_the_newest_values_of_a_frame(
    run: Callable[..., Any], peer: Callable[..., Any], name: str
) -> None:
    program = run("frame_rate = 1\nlatest = true")
    dashboard = peer(name, program)
    with SimpleUDPClient("127.0.0.1", program.udp_port) as client:
        client.send_message("/first", 0)
        assert dashboard.read()["address"] == "/first"
        for value in range(100):
            client.send_message("/fader", value)
        client.send_message("/end", 1)
    assert dashboard.read() == {"address": "/fader", "args": [["i", 99]]}
    assert dashboard.read()["address"] == "/end"
