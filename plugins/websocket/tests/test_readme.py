"""The README agrees with the code."""

from __future__ import annotations

import subprocess
from pathlib import Path

import orjson
import pytest
from websockets import http11

import oscbridge
from oscbridge.testing import PluginReadme, check_configuration
from oscbridge_websocket import (
    client,
    connection,
    first_message,
    incoming,
    options,
    site,
)
from oscbridge_websocket.endpoint import WebSocketEndpoint

README = PluginReadme(Path(__file__).parent.parent / "README.md")
OPTIONS = WebSocketEndpoint.options_type


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the tokens and certificates that the README's commands make, and a page."""
    monkeypatch.chdir(tmp_path)
    for command in "".join(README.blocks("sh")).splitlines():
        if not command.startswith(("pip ", "oscbridge ")):
            subprocess.run(command, shell=True, check=True, capture_output=True)
    (tmp_path / "web").mkdir()
    for name in ("wall", "mixer"):
        (tmp_path / f"{name}.token").write_text(f"{name}-and-secret")
    return tmp_path


@pytest.mark.parametrize("sample", README.blocks("toml"))
def test_sample_configurations_are_valid(sample: str, folder: Path) -> None:
    assert isinstance(check_configuration(sample, folder)["web"], OPTIONS)


def test_table_lists_every_option_with_its_default() -> None:
    README.check_options("| key |", OPTIONS)


@pytest.mark.parametrize("text", README.blocks("json"))
def test_json_samples_are_decodable(text: str) -> None:
    packet = oscbridge.decode_json(text)
    assert isinstance(packet, oscbridge.Bundle) == ("packets" in orjson.loads(text))


BOUNDS = [
    f"reads nothing for {client.STALL_TIMEOUT:g} s",
    f"a client that reads nothing | {client.STALL_TIMEOUT:g} s",
    "Above 10,000 messages",
    f"the handshake of WebSocket | {connection.OPEN_TIMEOUT:g} s each",
    f"a token as the first message | {first_message.AUTH_TIMEOUT:g} s",
    f"It has {first_message.AUTH_TIMEOUT:g} s for that",
    f"the answer to a ping | {connection.PING_TIMEOUT:g} s",
    f"a client that reads nothing of a file | {site.SEND_TIMEOUT:g} s",
    f"from {options.MIN_FRAME_RATE:g} to {options.MAX_FRAME_RATE:g}",
    f"after {incoming.MAX_FORBIDDEN} such messages",
    f"one line, headers | {connection.MAX_REQUEST_HEAD // 1024} KiB, 8 KiB, 128",
]


@pytest.mark.parametrize("text", BOUNDS)
def test_limits_in_the_text_are_those_of_the_code(text: str) -> None:
    assert text in README.text


def test_limits_of_the_library_are_those_in_the_text() -> None:
    assert (http11.MAX_LINE_LENGTH, http11.MAX_NUM_HEADERS) == (8 * 1024, 128)
