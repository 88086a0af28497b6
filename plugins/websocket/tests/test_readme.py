"""What the README says is so."""

from __future__ import annotations

import json
import re
from pathlib import Path

import orjson
import pytest

import oscbridge
from oscbridge.bridge.app import App
from oscbridge.bridge.configuration.config import parse
from oscbridge.plugin.manager import Plugins
from oscbridge_websocket import WebSocketEndpoint, json_format

README = (Path(__file__).parent.parent / "README.md").read_text()
OPTIONS = WebSocketEndpoint.Options


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_sample_configuration_is_good() -> None:
    [sample] = blocks("toml")
    plugins = Plugins()
    configuration = parse(sample, plugins.endpoint_types, "README.md")
    App(configuration, plugins)
    options = configuration.endpoints["web"].options
    assert isinstance(options, OPTIONS)
    assert options.client_queue == 2000


@pytest.mark.parametrize("name", OPTIONS.model_fields)
def test_the_table_lists_every_option_with_its_default(name: str) -> None:
    default = OPTIONS.model_fields[name].default
    written = json.dumps(str(default) if isinstance(default, oscbridge.HostPort) else default)
    assert f"| `{name}` | `{written}` |" in README


def test_the_table_lists_nothing_else() -> None:
    table = README.partition("| key |")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| `(\w+)`", table, re.MULTILINE)) == set(OPTIONS.model_fields)


@pytest.mark.parametrize("text", blocks("json"))
def test_the_json_samples_are_read(text: str) -> None:
    packet = json_format.decode(text)
    assert isinstance(packet, oscbridge.Bundle) == ("packets" in orjson.loads(text))


def test_the_bounds_in_the_text_are_those_of_the_code() -> None:
    from oscbridge_websocket.client import STALL_TIMEOUT

    assert f"reads nothing for {STALL_TIMEOUT:g} s" in README
    assert "Beyond 10,000 messages" in README
