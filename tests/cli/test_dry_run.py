"""``oscbridge run --dry``: everything opens, the log says what would be sent, nothing is."""

from __future__ import annotations

import hashlib
import re
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from oscbridge import Message, decode_packet, encode_message
from oscbridge.testing import free_port

Start = Callable[..., Any]
Call = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def desk() -> Iterator[socket.socket]:
    """A device that receives."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.setblocking(False)
        yield receiver


def configuration(desk: socket.socket, more: str = "", http: int = 0) -> str:
    return f"""
[bridge.stage]
listen = "udp://127.0.0.1:0"

[endpoint.desk]
type      = "osc"
to        = "udp://127.0.0.1:{desk.getsockname()[1]}"
keepalive = {{ send = "/xremote", every = 0.1, expect = true }}
{more}
[[route]]
from  = "stage"
match = "/1/fader{{n}}"
send  = "/ch/{{n}} {{0}}"
to    = "desk"

[http]
listen = "127.0.0.1:{http or free_port()}"
"""


def nothing_arrived(desk: socket.socket) -> bool:
    try:
        return not decode_packet(desk.recv(65_536))
    except BlockingIOError:
        return True


def faders(count: int) -> list[bytes]:
    return [encode_message(Message.of("/1/fader3", float(number))) for number in range(count)]


def test_dry_run_logs_what_would_be_sent_and_sends_nothing(
    start: Start, write: Callable[..., str], call: Call, desk: socket.socket
) -> None:
    port = free_port()
    program = start("run", "--dry", write(configuration(desk, http=port)))
    first = program.wait_for("").string
    assert "WARNING dry run: nothing is sent" in first
    program.wait_for("dry run +nothing is sent")  # the banner
    program.wait_for("Ctrl-C stops it")
    program.send("stage", *faders(100))
    program.wait_for(r"INFO +endpoint\.desk: dry run: would send /ch/3 ,f 0\.0")
    more = program.wait_for(r"endpoint\.desk: dry run: would send (\d+) more messages, not shown")
    shown = len(re.findall(r"would send /ch/3 ", program.output))
    assert (shown + int(more[1]), shown < 30) == (100, True)
    assert nothing_arrived(desk)
    top = call("top", "--once").stdout
    assert "dry run: nothing is sent" in top
    pages = subprocess.run(
        ["curl", "-s", f"http://127.0.0.1:{port}/metrics"], capture_output=True, text=True
    ).stdout
    assert "oscbridge_dry_run 1.0" in pages
    assert 'oscbridge_endpoint_sent_messages_total{endpoint="desk"} 100.0' in pages
    assert program.stop() == 0


def test_reload_stays_dry(
    start: Start, write: Callable[..., str], call: Call, desk: socket.socket
) -> None:
    text = configuration(desk)
    program = start("run", "--dry", write(text))
    program.wait_for("Ctrl-C stops it")
    write(text + '[endpoint.more]\ntype = "osc"\nto = "udp://127.0.0.1:9"\n')
    assert "added endpoint.more" in call("reload").stdout
    program.send("stage", *faders(1))
    program.wait_for("would send /ch/3 ,f")
    assert nothing_arrived(desk)


def test_spool_is_neither_written_nor_drained(
    start: Start, write: Callable[..., str], desk: socket.socket, tmp_path: Path
) -> None:
    spool = f'policy = "spool"\n[endpoint.desk.spool]\npath = "{tmp_path / "desk.spool"}"\n'
    text = configuration(desk, spool).replace("udp://127.0.0.1:" + str(desk.getsockname()[1]), "@")
    file = write(text.replace('"@"', '"tcp://127.0.0.1:9"').replace("every = 0.1", "every = 60"))
    filling = start("run", file)
    filling.wait_for("Ctrl-C stops it")
    filling.send("stage", *faders(3))
    filling.wait_for("connection refused")
    assert filling.stop() == 0
    assert "3 messages kept on disk" in filling.output
    before = {path: digest(path) for path in tmp_path.glob("desk.spool*")}
    assert before
    dry = start("run", "--dry", write(configuration(desk, spool)))
    dry.wait_for("Ctrl-C stops it")
    dry.send("stage", *faders(1))
    dry.wait_for("would send /ch/3 ,f 0")
    assert dry.stop() == 0
    assert {path: digest(path) for path in tmp_path.glob("desk.spool*")} == before
    assert nothing_arrived(desk)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
