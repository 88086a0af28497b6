"""The content of docs/reference/expressions.md is run: its routes and tables."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from oscbridge.bridge.config.config import parse
from oscbridge.bridge.routes.config import RouteConfig
from oscbridge.bridge.routes.pure_steps import PureSteps
from oscbridge.cli.send import read_message
from oscbridge.endpoints.osc.endpoint import OSCEndpoint
from oscbridge.expressions.functions import FUNCTIONS
from oscbridge.expressions.syntax import NAMES
from oscbridge.osc import Message
from oscbridge.osc.text import format_message
from oscbridge.testing import read_routes

PAGE = (Path(__file__).parents[1] / "docs" / "reference" / "expressions.md").read_text()
RESULTS = re.findall(r"^\| `(/.*?)` \| `(/.*?)` \| `(/.*?)` \|$", PAGE, re.MULTILINE)


def section(title: str) -> str:
    return PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]


def test_routes_of_the_page_are_valid() -> None:
    own, options = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    text = '[bridge.stage]\n[endpoint.mixer]\ntype = "osc"\nto = "udp://127.0.0.1:9001"\n'
    assert len(parse(text + own, {"osc": OSCEndpoint}, "page.toml").routes) == 2
    text = """
    [bridge.stage]
    [endpoint]
    synth = { type = "midi", output = "Synth" }
    home = { type = "mqtt", broker = "mqtt://127.0.0.1:1" }
    """
    assert len(read_routes(text + options)) == 2


def test_page_lists_all_functions_and_names() -> None:
    assert set(re.findall(r"`(\w+)\(", section("Functions"))) == FUNCTIONS.keys()
    listed = re.findall(r"^\| (`.*?) \|", section("Names"), re.MULTILINE)
    assert {*NAMES} - {"var"} | {"var.NAME"} == {
        name.strip("`") for line in listed for name in line.split()
    }


@pytest.mark.parametrize(("send", "message", "expected"), RESULTS)
def test_result_is_as_the_page_shows(send: str, message: str, expected: str) -> None:
    made: list[Message] = []
    source = read_message(shlex.split(message))
    run = PureSteps(RouteConfig(send=send)).bind(source.address, source.types, {}, made.append)
    assert run is not None
    run(source)
    assert [format_message(each) for each in made] == [expected]


def test_page_has_results() -> None:
    assert len(RESULTS) == 7
