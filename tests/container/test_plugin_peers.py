"""The plugins in the container, each with a real peer on this machine, both ways."""

from __future__ import annotations

import json
import os
import queue
import socket
import subprocess
import tty
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Final

import mido.sockets
import pytest
import sacn
import sacn.sending.sender_socket_udp
from engine import Container, wait_until
from ports import free_port
from programs import find_program
from pythonosc import slip
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import build_msg
from stupidArtnet import StupidArtnet

from oscbridge import Argument, Message, decode_packet

HERE: Final = ("--network=host", "--env=OSCBRIDGE__HTTP__LISTEN=127.0.0.1:0")
"""With the network of the machine, as multicast and broadcast need it."""

TIMEOUT: Final = 20.0
"""Seconds for a message."""

DIALOUT: Final = 20
"""The group of serial ports in Debian."""

CONFIGURATION = """
[bridge.stage]
listen = "udp://127.0.0.1:{stage}"

[endpoint.peer]
{lines}

[endpoint.desk]
type = "osc"
to   = "udp://127.0.0.1:{desk}"

[[route]]
from = "stage"
to   = "peer"

[[route]]
from = "peer"
to   = "desk"
"""


class Bridge:
    """A container with an endpoint ``peer``, and OSC on both sides of it."""

    def __init__(self, container: Container, stage: int, desk: socket.socket) -> None:
        self.container = container
        self._stage = stage
        self._desk = desk

    def send(self, send: Callable[..., None], address: str, *args: Argument) -> None:
        send(self._stage, address, *args)

    def received(self, address: str) -> tuple[Argument, ...]:
        """The arguments of the next message with this address from the endpoint."""
        while True:
            message = decode_packet(self._desk.recv(65_536))
            if isinstance(message, Message) and message.address == address:
                return message.args


Start = Callable[..., Bridge]


@pytest.fixture
def start(run: Callable[..., Container], mount: Callable[..., str]) -> Iterator[Start]:
    """Start a bridge whose endpoint has these lines."""
    with ExitStack() as stack:

        def start(lines: str, *options: str) -> Bridge:
            desk = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            desk.bind(("127.0.0.1", 0))
            desk.settimeout(TIMEOUT)
            stage = free_port()
            text = CONFIGURATION.format(lines=lines, stage=stage, desk=desk.getsockname()[1])
            container = run(*HERE, *options, mount(text))
            container.wait_for_log("Ctrl-C stops it")
            return Bridge(container, stage, desk)

        yield start


@pytest.fixture
def receiver() -> Iterator[tuple[int, queue.Queue[tuple[str, Any]]]]:
    """The port of a web server, and the paths and bodies of the requests that it gets."""
    found: queue.Queue[tuple[str, Any]] = queue.Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.put((self.path, json.loads(body)))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port, found
        server.shutdown()
        thread.join()


def test_webhook_sends_and_accepts_requests(
    start: Start,
    send: Callable[..., None],
    receiver: tuple[int, queue.Queue[tuple[str, Any]]],
) -> None:
    target, found = receiver
    port = free_port()
    bridge = start(
        f'type = "webhook"\nlisten = "127.0.0.1:{port}"\n'
        f'url = "http://127.0.0.1:{target}/in/{{address}}"\nbody = "[{{*}}]"'
    )
    bridge.send(send, "/lamp/1", 7)
    assert found.get(timeout=TIMEOUT) == ("/in/lamp/1", [7])
    curl = [find_program("curl"), "-fsS", "-F", "x=0.5", f"http://127.0.0.1:{port}/door"]
    subprocess.run(curl, check=True, timeout=TIMEOUT)
    assert bridge.received("/door") == (0.5,)
    values = [*curl[:2], f"http://127.0.0.1:{port}/api/v1/values"]
    done = subprocess.run(values, check=True, capture_output=True, timeout=TIMEOUT)
    assert [each["address"] for each in json.loads(done.stdout)] == ["/lamp/1"]


def test_sacn_reaches_a_receiver_and_comes_from_a_sender(
    start: Start, send: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs, ours = free_port(), free_port()
    levels: queue.Queue[tuple[int, ...]] = queue.Queue()
    receiver = sacn.sACNreceiver(bind_address="127.0.0.1", bind_port=theirs)
    receiver.register_listener("universe", lambda found: levels.put(found.dmxData), universe=2)
    monkeypatch.setattr(sacn.sending.sender_socket_udp, "DEFAULT_PORT", ours)
    sender = sacn.sACNsender(bind_address="127.0.0.1", bind_port=0, universeDiscovery=False)
    sender.activate_output(3)
    sender[3].destination = "127.0.0.1"
    with ExitStack() as stack:
        receiver.start()
        stack.callback(receiver.stop)
        bridge = start(
            f'type = "sacn"\nto = "127.0.0.1:{theirs}"\nreceive = [3]\nport = {ours}\n'
            'interface = "127.0.0.1"\nvalues = "int"'
        )
        bridge.send(send, "/dmx/2/5", 1.0)
        assert levels.get(timeout=TIMEOUT)[4] == 255
        sender.start()
        stack.callback(sender.stop)
        sender[3].dmx_data = (0, 9)
        while bridge.received("/dmx/3/2") != (9,):
            pass


def test_artnet_reaches_a_node_and_comes_from_a_console(
    start: Start, send: Callable[..., None]
) -> None:
    ours = free_port()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as node:
        node.bind(("127.0.0.1", 0))
        node.settimeout(TIMEOUT)
        bridge = start(
            f'type = "artnet"\nto = "127.0.0.1:{node.getsockname()[1]}"\nreceive = [3]\n'
            f'port = {ours}\nvalues = "int"'
        )
        bridge.send(send, "/dmx/2/1", 1.0)
        while (packet := node.recv(2_048))[8:10] != b"\x00\x50":  # OpDmx
            pass
        assert (packet[14:16], packet[18]) == (b"\x02\x00", 255)
    with closing(StupidArtnet("127.0.0.1", 3, 24, port=ours)) as console:
        console.set_single_value(2, 9)
        console.show()
        assert bridge.received("/dmx/3/2") == (9,)


@pytest.fixture
def terminal() -> Iterator[tuple[int, str]]:
    """A device on a pseudo-terminal: its descriptor, and the path of the port."""
    device, port = os.openpty()
    path = os.ttyname(port)
    tty.setraw(port)
    os.chown(path, 0, DIALOUT)
    Path(path).chmod(0o660)
    yield device, path
    os.close(device)
    os.close(port)


def test_serial_device_speaks_osc_both_ways(
    start: Start, send: Callable[..., None], terminal: tuple[int, str]
) -> None:
    device, path = terminal
    bridge = start(
        'type = "serial"\ndevice = "/dev/ttyACM0"',
        f"--volume={path}:/dev/ttyACM0",
        "--device-cgroup-rule=c 136:* rmw",
    )
    bridge.send(send, "/led/1", 5)
    data = b""
    while data.count(slip.END) < 2 and len(data) < 1_000:
        data += os.read(device, 1_000)
    message = OscMessage(slip.decode(data))
    assert (message.address, message.params) == ("/led/1", [5])
    os.write(device, b"rubbish" + slip.encode(build_msg("/sensor/1", 0.5).dgram))
    assert bridge.received("/sensor/1") == (0.5,)


def test_midi_over_tcp_goes_both_ways(start: Start, send: Callable[..., None]) -> None:
    port = free_port()
    bridge = start(f'type = "midi"\nlisten = "127.0.0.1:{port}"')
    with mido.sockets.connect("127.0.0.1", port) as synth:
        synth.send(mido.Message("control_change", channel=0, control=7, value=64))
        assert bridge.received("/control") == (1, 7, 64)
        bridge.send(send, "/control", 2, 8, 65)
        found = wait_until(synth.poll, "a MIDI message")
        assert found == mido.Message("control_change", channel=1, control=8, value=65)
