"""Errors in a configuration, and the README."""

from __future__ import annotations

from pathlib import Path

import pytest

from oscbridge.testing import PluginReadme, check_configuration, configuration_error
from oscbridge_serial.options import SerialOptions

README = PluginReadme(Path(__file__).parent.parent / "README.md")
DEVICE = 'device = "Arduino"\n'


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        ("", "device"),
        ('device = ""', 'set a port, e.g. "/dev/ttyACM0"'),
        ('device = "socket://host:1"', "must be a port of this machine"),
        ('device = "${PORT}"', "placeholder that nothing fills in"),
        (DEVICE + "baud_rate = 10", "must be at least 50"),
        (DEVICE + 'line = "{0}"', 'has no effect; add protocol = "text"'),
        (DEVICE + 'protocol = "slip"', "osc"),
        (DEVICE + 'protocol = "text"\nline = "{0"', "unclosed '{' at position 1"),
        (DEVICE + 'protocol = "text"\nline = "{= sqrt(}"', "line"),
        (DEVICE + 'protocol = "text"\nmessage = "serial"', "message"),
        (DEVICE + 'protocol = "text"\nmessage = "/a {address}"', "{address} is not available"),
        (DEVICE + 'protocol = "text"\nmessage = "/a {name}"', "unknown placeholder {name}"),
        (DEVICE + "start_delay = 9", "must be at most 8"),
        (DEVICE + "baud = 9600", "did you mean 'baud_rate'"),
    ],
)
def test_endpoint_error_is_one_line_with_the_fix(lines: str, text: str) -> None:
    found = configuration_error(f'[endpoint.arduino]\ntype = "serial"\n{lines}\n')
    assert "test.toml: endpoint.arduino" in found
    assert text in found
    assert "\n" not in found


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("{n}", "unknown placeholder {n}; captured by the match"),
        ("{= n + 1}", "unknown name 'n' at position 1"),
        (r"a\nb", "must be one line"),
    ],
)
def test_route_error_is_one_line_with_the_fix(line: str, text: str) -> None:
    found = configuration_error(
        f"""
[bridge.osc]
[endpoint.arduino]
type = "serial"
protocol = "text"
{DEVICE}
[[route]]
from = "osc"
to = "arduino"
serial = {{ line = "{line}" }}
"""
    )
    assert "test.toml: route 1: serial.line" in found
    assert text in found


@pytest.mark.parametrize("text", README.blocks("toml"))
def test_sample_configuration_is_valid(text: str) -> None:
    check_configuration(text)  # raises nothing


def test_table_lists_every_option_with_its_default() -> None:
    README.check_options("| key |", SerialOptions)
