"""The surroundings of the program under chaos: peers, broker, JACK server, link, disk, clock."""

from __future__ import annotations

import json
import mmap
import signal
import socket
import struct
import subprocess
import threading
import time
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion
from peers import Peer
from program import Program, free_port

from oscbridge.status.status import Status

__all__ = ["RATES", "STORED", "Stage"]

STORED = "stored"
"""The bridge whose messages wait on disk."""

REUSING = "reusing"
"""The forking bridge whose children handle several messages each."""

RATES = {
    **{"asyncio": 1500, "blocking": 1500, "threading": 1500},
    **{"forking": 150, REUSING: 600, STORED: 300},
}
"""Bridges, and messages per second to each; the first four are of the mode of their name."""

OPTIONS = {
    STORED: 'mode = "asyncio"',
    REUSING: 'mode = "forking"\nmax_messages_per_child = 200',
}
"""Options of the bridges that are not named after their mode."""

NUMBERS = 10_000_000
"""The first number of a round is a multiple of this."""

FAR = "10.77.0.2"
NEAR = "10.77.0.1"
"""Addresses of the two ends of the link."""

DISK_SIZE = 8 << 20
"""Bytes of the file system of the spool."""

START_TIMEOUT = 15.0
"""Seconds for a server to start."""

ARRIVAL_TIMEOUT = 30.0
"""Seconds for the last messages of the broker."""


class Stage:
    """Starts everything; ``stack`` ends it."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.quiet = threading.Lock()
        """Held during each failure, and by code that needs a moment without one."""
        self.ports = {name: free_port(socket.SOCK_DGRAM) for name in RATES}
        self._web, self._tcp, self._mqtt = (free_port(socket.SOCK_STREAM) for _ in range(3))
        self._udp = free_port(socket.SOCK_DGRAM)
        self._folder, self.version = folder, 0
        self.disk, self.clock = folder / "disk", folder / "clock"
        self._stored: dict[int, set[int]] = {}
        """Numbers that arrived from the broker, by round."""
        self._expected: dict[int, int] = {}
        self._run("ip", "link", "set", "lo", "up")
        self._make_link()
        self.disk.mkdir()
        self._run("mount", "-t", "tmpfs", "-o", f"size={DISK_SIZE}", "none", str(self.disk))
        self._run("mount", "-t", "tmpfs", "none", "/dev/shm")  # JACK's registry of servers
        stack.callback(self._run, "umount", str(self.disk))
        self.clock.write_bytes(bytes(8))
        with self.clock.open("r+b") as file:
            self._clock = stack.enter_context(mmap.mmap(file.fileno(), 8))
        self._jack = self._start_jack(stack)
        self.broker: subprocess.Popen[bytes] | None = None
        stack.callback(self.kill_broker)
        self.start_broker()
        self._subscriber = self._subscribe(stack)
        env = {
            "LD_PRELOAD": str(self._build_clock()),
            "CHAOS_CLOCK": str(self.clock),
            "JACK_NO_START_SERVER": "1",
        }
        self.program = Program(folder, env)
        stack.callback(self.program.close)
        self.peers: dict[str, Peer] = {}
        stack.callback(self._kill_peers)

    # --- rounds ------------------------------------------------------------------------------

    def first(self, number: int) -> int:
        """The number of the first message of a round."""
        return number * NUMBERS

    def begin_round(self) -> None:
        self._kill_peers()
        self.restore()
        far = ("ip", "netns", "exec", "far")
        self.peers = {
            "steady": Peer("ws", str(self._web)),
            "mortal": Peer("tcp", str(self._tcp)),
            "remote": Peer("udp", str(self._udp), FAR, command=far),
        }
        self.peers["mortal"].start()
        self.peers["remote"].start()
        self.program.configure(self.configuration())
        self.program.start()
        self.peers["steady"].start()

    def end_peers(self) -> dict[str, int]:
        """How many messages each peer has received in all its lives that were not killed."""
        for peer in self.peers.values():
            peer.end()
        return {name: peer.received.total() for name, peer in self.peers.items()}

    def restore(self) -> None:
        """Undo what a failure left behind."""
        self._run("ip", "link", "set", "near", "up")
        (self.disk / "filler").unlink(missing_ok=True)
        self.set_clock(0)

    def configuration(self) -> str:
        """The configuration; only its last route changes with the version."""
        parts = [
            f'[bridge.{name}]\nlisten = "udp://127.0.0.1:{port}"\n'
            f"{OPTIONS.get(name) or f'mode = {json.dumps(name)}'}\nworkers = 8\n"
            for name, port in self.ports.items()
        ]
        sources = json.dumps([name for name in RATES if name != STORED])
        parts.append(f"""
[endpoint.steady]
type = "websocket"
listen = "127.0.0.1:{self._web}"

[endpoint.mortal]
type = "osc"
to = "tcp://127.0.0.1:{self._tcp}"
on_start = "retry"

[endpoint.remote]
type = "osc"
to = "udp://{FAR}:{self._udp}"
on_start = "retry"

[endpoint.synth]
type = "midi"
backend = "jack"
output = "virtual:chaos"
on_start = "retry"

[endpoint.broker]
type = "mqtt"
broker = "mqtt://127.0.0.1:{self._mqtt}"
qos = 1
payload = "json"
policy = "spool"
on_start = "retry"

[endpoint.broker.spool]
path = "{self.disk}/broker.spool"
max_size = {DISK_SIZE * 3 // 4}

[[route]]
from = {sources}
to = ["steady", "mortal", "remote"]

[[route]]
from = "forking"
to = "synth"
midi = {{ type = "control_change", control = 7, value = 64 }}

[[route]]
from = "{STORED}"
to = "broker"

[[route]]
from = {sources}
match = "/none/{self.version}"
to = "steady"
""")
        return "\n".join(parts)

    # --- stored messages ----------------------------------------------------------------------

    def note_stored(self, number: int, status: Status | None = None) -> None:
        """Note how many messages of this round the program is to deliver whatever happens."""
        status = status or self.program.status()
        received = next(each.received for each in status.bridges if each.name == STORED)
        broker = next(each for each in status.endpoints if each.name == "broker")
        lost = sum(received.dropped.values()) + sum(broker.dropped.values())
        self._expected[number] = received.messages - received.unmatched - lost

    def missing_stored(self, rounds: int) -> list[str]:
        """A problem for each round whose stored messages did not arrive at the subscriber."""
        deadline = time.monotonic() + ARRIVAL_TIMEOUT
        while time.monotonic() < deadline and self._missing(rounds):
            time.sleep(0.2)
        for number in range(rounds):
            expected, arrived = self._expected[number], len(self._stored.get(number, ()))
            print(f"round {number + 1}: {expected:,} stored for the broker, {arrived:,} arrived")
        return self._missing(rounds)

    def _missing(self, rounds: int) -> list[str]:
        problems = []
        for number in range(rounds):
            arrived, expected = self._stored.get(number, set()), self._expected[number]
            if len(arrived) < expected:
                ordered = sorted({*arrived, self.first(number) - 1, self.first(number) + expected})
                gaps = [(a + 1, b - 1) for a, b in pairwise(ordered) if b - a > 1]
                problems.append(
                    f"round {number + 1}: {len(arrived)} of {expected} stored messages arrived; "
                    f"missing: {', '.join(f'{a} to {b}' for a, b in gaps[:20])}"
                )
        return problems

    # --- servers -----------------------------------------------------------------------------

    def start_broker(self) -> None:
        """Start Mosquitto, with what it saved before."""
        file = self._folder / "mosquitto.conf"
        lines = ["user root", "allow_anonymous true", f"listener {self._mqtt} 127.0.0.1"]
        lines += ["persistence true", f"persistence_location {self._folder}/"]
        lines += ["log_timestamp_format %H:%M:%S"]
        lines += ["queue_qos0_messages true", "max_queued_messages 0"]  # unlimited
        file.write_text("\n".join(lines) + "\n")
        log = (self._folder / "mosquitto.log").open("ab")
        with log:
            self.broker = subprocess.Popen(["mosquitto", "-c", file], stdout=log, stderr=log)
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            try:
                socket.create_connection(("127.0.0.1", self._mqtt), 1).close()
                return
            except OSError:
                assert self.broker.poll() is None and time.monotonic() < deadline
                time.sleep(0.05)

    @property
    def broker_log(self) -> str:
        """The end of its log."""
        return (self._folder / "mosquitto.log").read_text(errors="replace")[-8_000:]

    def kill_broker(self) -> None:
        if self.broker is not None:
            self.broker.kill()
            self.broker.wait()

    def _subscribe(self, stack: ExitStack) -> Client:
        """A subscriber whose session, with its subscription, survives kills of the broker.

        With QoS 0, so that it acknowledges nothing: paho drops what it has not read yet when an
        acknowledgement cannot be written.
        """
        client = Client(CallbackAPIVersion.VERSION2, "chaos", clean_session=False)
        client.reconnect_delay_set(0.1, 0.5)
        subscribed = threading.Event()
        client.on_connect = lambda *_: client.subscribe("#", qos=0) and None
        client.on_subscribe = lambda *_: subscribed.set()
        client.on_message = self._arrived
        client.connect("127.0.0.1", self._mqtt)
        client.loop_start()
        stack.callback(client.loop_stop)
        assert subscribed.wait(START_TIMEOUT)
        assert self.broker is not None
        self.broker.send_signal(signal.SIGUSR1)  # save the session
        deadline = time.monotonic() + START_TIMEOUT
        while not (self._folder / "mosquitto.db").exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        return client

    def _arrived(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        if not message.topic.endswith("/fader"):  # the program's own status
            return
        value = json.loads(message.payload)
        number = value[0] if isinstance(value, list) else value
        self._stored.setdefault(number // NUMBERS, set()).add(number)

    def _start_jack(self, stack: ExitStack) -> subprocess.Popen[bytes]:
        log = stack.enter_context((self._folder / "jack.log").open("wb"))
        command = ["jackd", "--no-mlock", "-r", "-t", "2000", "-d", "dummy", "-p", "1024"]
        server = subprocess.Popen(command, stdout=log, stderr=log)
        stack.callback(server.wait)
        stack.callback(server.kill)
        return server

    def _kill_peers(self) -> None:
        for peer in self.peers.values():
            peer.kill()

    # --- link and clock ----------------------------------------------------------------------

    def _make_link(self) -> None:
        """A pair of interfaces; one end is in the network namespace ``far``."""
        self._run("mount", "-t", "tmpfs", "none", "/run")
        self._run("ip", "netns", "add", "far")
        self._run("ip", "link", "add", "near", "type", "veth", "peer", "far", "netns", "far")
        self._run("ip", "addr", "add", f"{NEAR}/24", "dev", "near")
        self._run("ip", "-n", "far", "addr", "add", f"{FAR}/24", "dev", "far")
        self._run("ip", "-n", "far", "link", "set", "far", "up")
        self._run("ip", "link", "set", "near", "up")

    def _build_clock(self) -> Path:
        """A library that shifts the wall clock of the program that loads it."""
        library = self._folder / "clock.so"
        source = Path(__file__).with_name("clock.c")
        self._run("gcc", "-O2", "-shared", "-fPIC", "-o", str(library), str(source))
        return library

    def set_link(self, state: str) -> None:
        """``up`` or ``down``."""
        self._run("ip", "link", "set", "near", state)

    def set_clock(self, offset: int) -> None:
        """Seconds by which the program's wall clock is ahead."""
        self._clock[:] = struct.pack("=q", offset)

    def _run(self, *command: str) -> None:
        subprocess.run(command, check=True)
