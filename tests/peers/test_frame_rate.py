"""Dashboards of npm get frames at a limited rate without losing anything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pythonosc.udp_client import SimpleUDPClient


def dashboard_after_a_burst(
    run: Callable[..., Any], peer: Callable[..., Any], name: str, options: str
) -> Any:
    """A dashboard that has read ``/first``; 100 faders and ``/end`` follow in one burst."""
    program = run(options)
    dashboard = peer(name, program)
    with SimpleUDPClient("127.0.0.1", program.udp_port) as client:
        client.send_message("/first", 0)
        assert dashboard.read()["address"] == "/first"
        for value in range(100):
            client.send_message("/fader", value)
        client.send_message("/end", 1)
    return dashboard


@pytest.mark.parametrize("name", ["osc", "osc-js"])
def test_dashboard_reads_paced_bundles_of_every_message(
    run: Callable[..., Any], peer: Callable[..., Any], name: str
) -> None:
    dashboard = dashboard_after_a_burst(run, peer, name, "frame_rate = 5")
    got = [dashboard.read() for _ in range(101)]
    assert [each["args"][0][1] for each in got[:-1]] == list(range(100))
    assert got[-1]["address"] == "/end"


@pytest.mark.parametrize("name", ["osc", "osc-js"])
def test_dashboard_gets_the_newest_values_of_a_frame(
    run: Callable[..., Any], peer: Callable[..., Any], name: str
) -> None:
    dashboard = dashboard_after_a_burst(run, peer, name, "frame_rate = 1\nlatest = true")
    assert dashboard.read() == {"address": "/fader", "args": [["i", 99]]}
    assert dashboard.read()["address"] == "/end"
