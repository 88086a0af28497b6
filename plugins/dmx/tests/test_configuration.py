"""Errors in a configuration."""

from __future__ import annotations

import pytest

import oscbridge
from oscbridge.testing import check_configuration


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
    with pytest.raises(oscbridge.ConfigurationError) as caught:
        check_configuration(f'[endpoint.lights]\ntype = "{kind}"\n{lines}\n')
    found = str(caught.value)
    assert "test.toml: endpoint.lights" in found
    assert text in found
    assert "\n" not in found


@pytest.mark.parametrize(
    "to", ['"multicast"', '"192.168.1.50"', '["a.local", "b.local:5000"]', '"broadcast"']
)
def test_targets_may_be_written_in_several_ways(to: str) -> None:
    check_configuration(f'[bridge.osc]\n[endpoint.lights]\ntype = "sacn"\nto = {to}\n')
