"""Addresses of routes that a device with a profile does not have, but almost."""

from __future__ import annotations

import logging

import pytest

from oscbridge.bridge.config.config import parse
from oscbridge.endpoints.osc.endpoint import OSCEndpoint

HEAD = """
[bridge.stage]
listen = "udp://127.0.0.1:0"
[endpoint.desk]
type = "osc"
to = "udp://127.0.0.1:9"
profile = "x32"
[endpoint.other]
type = "osc"
to = "udp://127.0.0.1:10"
"""


def warnings(route: str, caplog: pytest.LogCaptureFixture) -> list[str]:
    with caplog.at_level(logging.WARNING):
        parse(f"{HEAD}[[route]]\n{route}", {"osc": OSCEndpoint}, "show.toml")
    return [record.getMessage() for record in caplog.records]


@pytest.mark.parametrize(
    ("route", "warning"),
    [
        (
            'from = "stage"\nto = "desk"\nsend = "/ch/1/mix/fader {0}"',
            "send: endpoint 'desk' knows no address '/ch/1/mix/fader'; "
            "did you mean '/ch/01/mix/fader'?",
        ),
        (
            'from = "stage"\nto = "desk"\nmatch = "/ch/01/mix/fadr"',
            "match: endpoint 'desk' knows no address '/ch/01/mix/fadr'; "
            "did you mean '/ch/01/mix/fader'?",
        ),
        (
            'from = "desk"\nto = "stage"\nmatch = "/ch/{1..4}/mix/on"',
            "match: endpoint 'desk' knows no address '/ch/1/mix/on'; did you mean '/ch/01/mix/on'?",
        ),
    ],
)
def test_misspelt_address_is_reported_with_the_nearest_one(
    route: str, warning: str, caplog: pytest.LogCaptureFixture
) -> None:
    (found,) = warnings(route, caplog)
    assert found.endswith(f"route 1: {warning}")


@pytest.mark.parametrize(
    "route",
    [
        'from = "stage"\nto = "desk"',
        'from = "stage"\nto = "desk"\nmatch = "/ch/{01..32}/mix/fader"',
        'from = "stage"\nto = "desk"\nmatch = "/fader/{n}"\nsend = "/ch/{n}/mix/fader {0}"',
        'from = "stage"\nto = "desk"\nmatch = "/lamp"\nsend = "/ch/01/mix/fader {0}"',
        'from = "stage"\nto = "desk"\nmatch = "/my/own/thing"',
        'from = "stage"\nto = "other"\nmatch = "/ch/1/mix/fader"',
    ],
)
def test_known_and_quite_other_addresses_are_fine(
    route: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert warnings(route, caplog) == []
