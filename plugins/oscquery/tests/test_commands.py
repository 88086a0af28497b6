"""The text frames of a WebSocket, and the queries of URLs."""

from __future__ import annotations

import pytest

import oscbridge
from oscbridge_oscquery.attributes import MAX_ASKED, UnknownAttribute, read_query
from oscbridge_oscquery.commands import (
    IGNORE,
    LISTEN,
    MAX_COMMAND,
    PATH_ADDED,
    PATH_CHANGED,
    PATH_REMOVED,
    PATH_RENAMED,
    OSCQueryCommand,
    decode_command,
    encode_command,
)

COMMANDS = [
    OSCQueryCommand(LISTEN, "/a"),
    OSCQueryCommand(IGNORE, "/a"),
    OSCQueryCommand(PATH_CHANGED, "/"),
    OSCQueryCommand(PATH_ADDED, "/ä"),
    OSCQueryCommand(PATH_REMOVED, "/a/b"),
    OSCQueryCommand(PATH_RENAMED, "/a", "/b"),
]


@pytest.mark.parametrize("command", COMMANDS)
def test_command_survives_as_text(command: OSCQueryCommand) -> None:
    assert decode_command(encode_command(command)) == command


@pytest.mark.parametrize("name", ["START_OSC_STREAMING", "LOG", "WARNING", "listen"])
def test_unknown_command_is_no_error(name: str) -> None:
    text = f'{{"COMMAND": "{name}", "DATA": {{"x": [1]}}}}'
    assert decode_command(text) == OSCQueryCommand(name)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "LISTEN /a",
        "[]",
        "{}",
        '{"COMMAND": 5}',
        '{"COMMAND": "LISTEN"}',
        '{"COMMAND": "LISTEN", "DATA": 5}',
        '{"COMMAND": "LISTEN", "DATA": ["/a"]}',
        '{"COMMAND": "PATH_RENAMED", "DATA": "/a"}',
        '{"COMMAND": "PATH_RENAMED", "DATA": {"OLD": "/a"}}',
        "[" * 10_000,
        '"' + "x" * MAX_COMMAND + '"',
    ],
)
def test_nonsense_is_a_decode_error(text: str) -> None:
    with pytest.raises(oscbridge.DecodeError) as caught:
        decode_command(text)
    assert caught.value.reason == "command"


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ("", ()),
        ("VALUE", ("VALUE",)),
        ("VALUE&TYPE", ("VALUE", "TYPE")),  # libossia
        ("HOST_INFO=1", ("HOST_INFO",)),  # ossia score
        ("HOST_INFO=", ("HOST_INFO",)),
        ("&VALUE&&VALUE=x&", ("VALUE",)),
    ],
)
def test_query_names_attributes(query: str, asked: tuple[str, ...]) -> None:
    assert read_query(query) == asked


@pytest.mark.parametrize("query", ["COLOUR", "VALUE&ICON", "value", "%FF", "VALUE&" * 40 + "X"])
def test_query_for_anything_else_is_an_error(query: str) -> None:
    with pytest.raises(UnknownAttribute):
        read_query(query)


def test_query_is_bounded() -> None:
    assert read_query("&".join(["VALUE"] * MAX_ASKED)) == ("VALUE",)
    with pytest.raises(UnknownAttribute, match="at most"):
        read_query("&".join(["VALUE"] * (MAX_ASKED + 1)))
