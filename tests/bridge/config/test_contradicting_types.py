"""Routes that send a known device values of another kind than it understands."""

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
"""
FADER = "/ch/01/mix/fader"


def warnings(route: str, caplog: pytest.LogCaptureFixture) -> list[str]:
    text = f'{HEAD}[[route]]\nfrom = "stage"\nto = "desk"\n{route}'
    with caplog.at_level(logging.WARNING):
        parse(text, {"osc": OSCEndpoint}, "show.toml")
    return [record.getMessage() for record in caplog.records]


@pytest.mark.parametrize(
    ("route", "sent"),
    [
        (f'match = "{FADER}"\ntypes = "s"', "s"),
        (f'match = "/a"\nsend = "{FADER} loud"', "s"),
        (f'match = "/a"\nsend = "{FADER} 1 2"', "ii"),
        (f'match = "/a"\nsend = "{FADER} true"', "T"),
        ('match = "/ch/{01..03}/mix/fader"\ntypes = "s"', "s"),
    ],
)
def test_values_of_another_kind_are_reported(
    route: str, sent: str, caplog: pytest.LogCaptureFixture
) -> None:
    (warning,) = warnings(route, caplog)
    assert warning.endswith(
        f"route 1: sends {FADER} with {sent!r}, but endpoint 'desk' knows it with 'f'; "
        "check 'types' and 'send'"
    )


@pytest.mark.parametrize(
    "route",
    [
        "",
        f'match = "{FADER}"',
        f'match = "{FADER}"\ntypes = "i"',
        f'match = "/a"\nsend = "{FADER} {{0}}"',
        f'match = "/a"\nsend = "{FADER} {{= x}}"',
        f'match = "/a"\nsend = "{FADER}"',
        'match = "/other"\ntypes = "s"',
        'match = "/ch/*/mix/fader"\ntypes = "s"',
    ],
)
def test_other_routes_are_fine(route: str, caplog: pytest.LogCaptureFixture) -> None:
    assert not warnings(route, caplog)
