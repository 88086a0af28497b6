"""``oscbridge addresses``, the real program."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from terminal import in_terminal

from oscbridge.testing.ports import free_port
from oscbridge.udp_client import SimpleUDPClient
from tests.support.waiting import wait_until

Call = Callable[..., subprocess.CompletedProcess[str]]

CONFIGURATION = """
[run]
learn_addresses = 1
[bridge.stage]
listen = "udp://127.0.0.1:{port}"
[endpoint.desk]
type = "osc"
to = "udp://127.0.0.1:{desk}"
profile = "x32"
[endpoint.panel]
type = "osc"
to = "udp://127.0.0.1:{panel}"
[[route]]
from = "panel"
match = "/vol/{{n}}"
send = "/ch/{{n}}/mix/fader {{0}}"
to = "desk"
[[route]]
from = "stage"
match = "/lamp/{{1..4}}"
scale = [0, 127, 0.0, 1.0]
to = ["desk", "panel"]
"""


@pytest.fixture
def port(start: Callable[..., Any], write: Callable[..., str]) -> int:
    port = free_port()
    text = CONFIGURATION.format(port=port, desk=free_port(), panel=free_port())
    start("run", write(text, "show.toml")).wait_for("Ctrl-C stops it")
    return port


def test_addresses_lists_what_is_known(port: int, call: Call) -> None:
    done = call("addresses")
    lines = done.stdout.splitlines()
    assert lines[0].split() == [
        "ADDRESS", "TYPES", "RANGE", "UNIT", "ACCESS", "KNOWN", "FROM", "DESCRIPTION",
    ]  # fmt: skip
    fader = next(line for line in lines if line.startswith("/ch/{01..32}/mix/fader"))
    assert fader.split() == [
        "/ch/{01..32}/mix/fader", "f", "0", "to", "1", "fader,", "-oo", "to", "10", "dB", "rw",
        "profile", "x32", "Fader", "of", "channel", "…",
    ]  # fmt: skip
    lamps = next(line for line in lines if line.startswith("/lamp/"))
    assert lamps.split() == ["/lamp/{1..4}", "f", "0", "to", "127", "rw", "configuration"]
    assert done.stderr.startswith("3,130 addresses in ")


def test_addresses_in_a_narrow_terminal_have_the_columns_that_matter(
    port: int, environment: dict[str, str]
) -> None:
    output = in_terminal(environment | {"TERM": "dumb"}, "addresses", "--of", "desk", "/info")
    heading, *lines = output.splitlines()
    assert heading.split() == ["ADDRESS", "TYPES", "ACCESS", "DESCRIPTION"]
    assert all(len(line) <= 80 for line in lines)


def test_addresses_as_one_endpoint_sees_them(port: int, call: Call) -> None:
    done = call("addresses", "--seen-by", "panel", "--all", "/vol/0[12]")
    assert [line.split()[0] for line in done.stdout.splitlines()[1:]] == ["/vol/01", "/vol/02"]
    assert " w " in done.stdout
    assert done.stderr == "2 addresses\n"


def test_addresses_of_one_part_as_json(port: int, call: Call) -> None:
    done = call("addresses", "--of", "stage", "--json", "--limit", "1")
    assert json.loads(done.stdout) == {
        "address": "/lamp/1",
        "types": "f",
        "ranges": [{"min": 0, "max": 127}],
        "access": "read",
        "origin": "configuration",
    }
    assert done.stderr == ""


def test_addresses_of_messages_are_listed(port: int, call: Call) -> None:
    def is_listed() -> bool:
        with SimpleUDPClient("127.0.0.1", port) as client:
            for address in ("/a", "/b"):
                client.send_message(address, 1)
        return "traffic" in call("addresses", "--of", "stage").stdout

    wait_until(is_listed)
    wait_until(lambda: "more than learn_addresses" in call("addresses").stderr)


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["--of", "dest"], 2, "error: 'dest': no such bridge or endpoint; did you mean 'desk'?"),
        (["/{a"], 2, "error: '/{a': unclosed '{'"),
        (["/none"], 0, "none of 3,130 addresses matches"),
        (["--of", "desk", "--seen-by", "panel"], 2, "--of cannot be combined with --seen-by"),
    ],
)
def test_addresses_says_what_is_wrong(
    port: int, call: Call, arguments: list[str], code: int, text: str
) -> None:
    done = call("addresses", *arguments)
    assert text in done.stderr
    assert (done.returncode, done.stdout) == (code, "")
