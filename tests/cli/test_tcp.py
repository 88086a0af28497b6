"""``oscbridge send`` and ``dump`` over TCP, in both framings, with each other."""

from __future__ import annotations

import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from oscbridge.osc import Message, decode_message, encode_message
from oscbridge.osc.framing import stream_decoder, stream_encoder

Call = Callable[..., subprocess.CompletedProcess[str]]
Start = Callable[..., Any]

FRAMINGS = {"tcp": "1.1", "tcp+1.0": "1.0"}


@pytest.fixture
def taken() -> Iterator[socket.socket]:
    """A listening TCP socket."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(15)
        yield server


@pytest.mark.parametrize("scheme", FRAMINGS)
def test_send_uses_the_framing_of_its_url(scheme: str, call: Call, taken: socket.socket) -> None:
    received: list[bytes] = []

    def serve() -> None:
        connection, _ = taken.accept()
        with connection:
            while data := connection.recv(65_536):
                received.append(data)

    serving = threading.Thread(target=serve)
    serving.start()
    url = f"{scheme}://127.0.0.1:{taken.getsockname()[1]}"
    result = call("send", "/mixer/1", "0.5", "on", "--to", url)
    serving.join()
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == f'sent /mixer/1 ,fs 0.5 "on" to {url}\n'
    (packet,) = stream_decoder(FRAMINGS[scheme]).feed(b"".join(received))
    assert decode_message(packet) == Message.of("/mixer/1", 0.5, "on")


@pytest.mark.parametrize(
    ("listen", "to"),
    [("tcp", "tcp"), ("tcp+1.0", "tcp+1.0"), ("tcp+auto", "tcp"), ("tcp+auto", "tcp+1.0")],
)
def test_dump_prints_the_messages_of_send(listen: str, to: str, start: Start, call: Call) -> None:
    program = start("dump", "--listen", f"{listen}://127.0.0.1:0")
    found = program.wait_for(r"listening on (\S+)://127\.0\.0\.1:(\d+)")
    assert found[1] == listen
    for value in (1, 2):
        sent = call("send", "/n", str(value), "--to", f"{to}://127.0.0.1:{found[2]}")
        assert sent.returncode == 0
    assert program.wait_for("/n").string.rstrip().endswith("/n ,i 1")
    assert program.wait_for("/n").string.rstrip().endswith("/n ,i 2")


def test_dump_keeps_running_after_a_client_that_sends_junk(start: Start, call: Call) -> None:
    program = start("dump", "--listen", "tcp+1.0://127.0.0.1:0")
    port = int(program.wait_for(r"listening on .*:(\d+);")[1])
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(b"\xff" * 100)
        client.settimeout(15)
        assert client.recv(10) == b""
    assert call("send", "/good", "--to", f"tcp+1.0://127.0.0.1:{port}").returncode == 0
    program.wait_for("/good")
    assert "Traceback" not in program.output


def test_signal_ends_a_dump_with_clients(start: Start) -> None:
    program = start("dump", "--listen", "tcp://127.0.0.1:0")
    port = int(program.wait_for(r"listening on .*:(\d+);")[1])
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(stream_encoder("1.1")(encode_message(Message("/here"))))
        program.wait_for("/here")
        assert program.stop(signal.SIGINT) == 0
    assert "Traceback" not in program.output


def test_dump_on_a_port_in_use_is_an_error(call: Call, taken: socket.socket) -> None:
    url = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
    result = call("dump", "--listen", url)
    assert result.returncode == 1
    assert result.stderr == (
        f"error: {url}: address already in use; end the other program or choose another port\n"
    )


def test_send_to_a_detected_framing_is_an_error(call: Call) -> None:
    result = call("send", "/x", "--to", "tcp+auto://127.0.0.1:9000")
    assert result.returncode == 2
    assert result.stderr.splitlines()[-1] == (
        "Error: tcp+auto://127.0.0.1:9000: only a server can detect the framing; "
        "write tcp:// (OSC 1.1) or tcp+1.0://"
    )


def test_send_to_a_closed_port_is_an_error(call: Call) -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))  # and does not listen
        url = f"tcp://127.0.0.1:{unheard.getsockname()[1]}"
        result = call("send", "/x", "--to", url)
    assert result.returncode == 1
    assert result.stderr == f"error: {url}: connection refused; nothing listens there\n"


def test_printed_command_reaches_a_bridge_that_detects_the_framing(
    start: Start, write: Callable[..., str], call: Call
) -> None:
    program = start("run", write('[bridge.a]\nlisten = "tcp+auto://127.0.0.1:0"'))
    words = program.wait_for(r"try +\S*oscbridge (.*)")[1].split()
    program.wait_for("Ctrl-C stops it")
    result = call(*words)
    assert (result.returncode, result.stderr) == (0, "")
    assert "to tcp://127.0.0.1:" in result.stdout


def test_run_names_the_endpoint_that_is_not_connected(
    start: Start, write: Callable[..., str]
) -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))  # and does not listen
        url = f"tcp://127.0.0.1:{unheard.getsockname()[1]}"
        program = start("run", write(f'[endpoint.desk]\ntype = "osc"\nto = "{url}"'))
        program.wait_for(rf"endpoint +desk +{url} +osc, not connected: .*refused")
        program.wait_for("Ctrl-C stops it")
        assert program.stop() == 0
