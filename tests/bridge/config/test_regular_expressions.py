"""Regular expressions in place of address patterns are recognized, address patterns are not."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from oscbridge import ConfigurationError, Endpoint, Message
from oscbridge.bridge.config.config import parse
from oscbridge.bridge.config.regular_expressions import regular_expression_hint
from oscbridge.profiles.library import device_profiles, find_profile
from oscbridge.profiles.profile import read_profile


class Lamp(Endpoint):
    """A sink."""

    async def send(self, message: Message) -> None:
        pass


FILE = """
[bridge.stage]
listen = "udp://127.0.0.1:0"
[endpoint.web]
type = "lamp"
[[route]]
from = "stage"
match = '{match}'
to = "web"
"""


def warnings(match: str, caplog: pytest.LogCaptureFixture) -> list[str]:
    with caplog.at_level(logging.WARNING):
        parse(FILE.replace("{match}", match), {"lamp": Lamp}, "show.toml")
    return caplog.messages


@pytest.mark.parametrize(
    ("match", "sign", "fix"),
    [
        ("/fader/(.*)", "(.*)", "write {name} for one part"),
        ("/fader/(.+)/on", "(.+)", "write {name} for one part"),
        (r"/fader/(\d+)", r"(\\d+)", "write {name} for one part"),
        ("/fader/(?P<n>[^/]+)", "(?P<n>[^/]+)", "write {name} for one part"),
        ("/(fader|knob)/1", "(fader|knob)", "write {fader,knob}"),
        ("/(?:on|off)", "(?:on|off)", "write {on,off}"),
        (r"/fader/\d+", r"\\d+", "or a range such as {1..16}"),
        (r"/fader/\d/on", r"\\d", "or a range such as {1..16}"),
        ("/fader/[0-9]+", "[0-9]+", "or a range such as {1..16}"),
        (r"/fader/\w+", r"\\w+", "write {name}"),
        ("/fader/[a-z]+/on", "[a-z]+", "write {name}"),
        ("/fader/[^/]+", "[^/]+", "write {name}"),
        ("/fader/[^12]", "[^12]", "write [!12]"),
        ("/fader/.+", ".+", "write {name}"),
        ("/.*fader", ".*", "write *"),
        (r"/a\.b", r"\\.", "write ."),
    ],
)
def test_regular_expression_is_a_warning(
    match: str, sign: str, fix: str, caplog: pytest.LogCaptureFixture
) -> None:
    (found,) = warnings(match, caplog)
    assert found.startswith(f"show.toml: route 1: match = {match!r}: '{sign}' looks like a regular")
    assert fix in found


@pytest.mark.parametrize(
    ("match", "fix"),
    [
        ("^/fader/1$", "remove it"),
        (r"/fader/\d{2}", "or a range such as {1..16}"),
        (r"/fader/(\d{1..2)", "unclosed"),
    ],
)
def test_invalid_pattern_that_is_a_regular_expression_is_explained(match: str, fix: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse(FILE.replace("{match}", match), {"lamp": Lamp}, "show.toml")
    assert fix in str(caught.value)


@pytest.mark.parametrize(
    "match",
    [
        *("*", "/*", "/fader/*", "//fader", "/fader/?", "/fader/[0-9]", "/fader/[0-9]*"),
        *("/fader/[!0-9]", "/{a,b}[12]{1,2}", "/ch/{01..32}/{name}", "/{rest*}", "/a+b", "/a|b"),
        *("/file.*", "/v1.0/*", "/a.b.c/d", "/volume(dB)", "/(x)/y", "/gain(*)", "/f(x,y)"),
        *("/price$", "/50%", "/a^b", "/[a^]", "/x.+", "/~tilde", "/C++/[12]", r"/a\b"),
    ],
)
def test_address_pattern_is_no_warning(match: str, caplog: pytest.LogCaptureFixture) -> None:
    assert warnings(match, caplog) == []


def test_addresses_of_devices_are_no_regular_expressions() -> None:
    for name in device_profiles():
        for address in read_profile(find_profile(name, Path())).addresses:
            assert regular_expression_hint(address) == ""
