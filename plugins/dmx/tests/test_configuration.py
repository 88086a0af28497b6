"""Errors in a configuration."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from oscbridge.testing import check_configuration, configuration_error, running_bridge
from oscbridge_dmx.frame import DmxFrame
from oscbridge_dmx.sacn_packets import encode_data


@pytest.mark.parametrize(
    ("kind", "lines", "text"),
    [
        ("sacn", "", 'set to = "multicast" to send, receive = [1] to receive, or both'),
        ("artnet", "", 'set to = "192.168.1.50" to send, receive = [1] to receive, or both'),
        ("artnet", 'to = "multicast"', "multicast is for sACN only"),
        ("artnet", 'to = "192.168.1.x"', "'x' is not a number"),
        ("artnet", 'to = "192.168.1.5:port"', "write it as host:port"),
        ("sacn", "receive = [0]", "universe 0 must be 1 to 63999"),
        ("artnet", "receive = [32768]", "universe 32768 must be 0 to 32767"),
        ("sacn", "receive = [1]\npriority = 201", "must be at most 200"),
        ("sacn", "receive = [1]\nmax_frame_rate = 60", "must be at most 44"),
        ("sacn", "receive = [1]\nfine = { 1 = [512] }", "must be at most 511"),
        ("sacn", "receive = [1]\nfine = { 1 = [3, 4] }", "name the first channel of each pair"),
        ("sacn", "receive = [1]\nfine = { 0 = [3] }", "universe 0 must be 1 to 63999"),
        ("sacn", 'receive = [1]\ninterface = "eth0"', "IPv4"),
        ("sacn", "receive = [1]\nunivers = 1", "unknown key"),
        ("artnet", "receive = [1]\npriority = 1", "unknown key"),
        ("sacn", 'receive = [1]\nvalues = "bytes"', "blob"),
    ],
)
def test_error_is_one_line_with_the_fix(kind: str, lines: str, text: str) -> None:
    found = configuration_error(f'[endpoint.lights]\ntype = "{kind}"\n{lines}\n')
    assert "test.toml: endpoint.lights" in found
    assert text in found
    assert "\n" not in found


@pytest.mark.parametrize(
    "to", ['"multicast"', '"192.168.1.50"', '["a.local", "b.local:5000"]', '"broadcast"']
)
def test_targets_may_be_written_in_several_ways(to: str) -> None:
    check_configuration(f'[bridge.osc]\n[endpoint.lights]\ntype = "sacn"\nto = {to}\n')


TWO = """
[bridge.osc]
listen = "udp://127.0.0.1:0"
[endpoint.console]
type = "sacn"
receive = [1]
port = {port}
interface = "127.0.0.1"
[endpoint.lights]
type = "sacn"
to = "127.0.0.1:9"
"""


async def test_no_default_route_leads_from_the_network_back_to_it(port: int, node: Any) -> None:
    async with running_bridge(TWO.format(port=port)) as bridge:
        node.send(encode_data(DmxFrame(1, b"\1", 1, 100), bytes(16), "Desk"), port)
        await bridge.until(lambda: bridge.endpoint_status("console").received.unmatched == 1)
        assert bridge.endpoint_status("lights").offered == 0


def test_route_from_the_network_back_to_it_is_a_warning(tmp_path: Path) -> None:
    file = tmp_path / "show.toml"
    file.write_text(TWO.format(port=5568) + '[[route]]\nfrom = "console"\nto = "lights"\n')
    done = subprocess.run(
        [Path(sys.executable).with_name("oscbridge"), "check", file],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "possible endless loop: console → lights → console" in done.stderr
