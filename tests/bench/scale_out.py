"""How far bridges around a NATS cluster go: ``python -m tests.bench.scale_out``.

Three servers, an ingest bridge, 1, 2 and 4 workers, and 1 to 50 web bridges run on this machine and
share its cores. The web bridges are simulated: each is a connection that subscribes as a web bridge
does and counts. Run it from the root of the repository.
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from oscbridge import Message, encode_message
from oscbridge.osc.framing import stream_encoder
from oscbridge.testing.process import READY, OscbridgeProcess
from tests.support.nats_cluster import NATSCluster
from tests.support.ports import free_port

ADDRESSES: Final = 1_000
WORKERS: Final = (1, 2, 4)
WEB_BRIDGES: Final = (1, 5, 10, 20, 50)
TIMEOUT: Final = 120.0
TICKS: Final = os.sysconf("SC_CLK_TCK")

INGEST: Final = """
[run]
drain_timeout = 60

[bridge.stage]
listen = "tcp+1.0://127.0.0.1:{port}"

[endpoint.hub]
type     = "nats"
servers  = [{servers}]
prefix   = "{prefix}"
stream   = "{prefix}"
replicas = 3
policy   = "block"
queue    = 10000

[[route]]
from = "stage"
to   = "hub"
nats = {{ mode = "{mode}" }}
"""

WORKER: Final = """
[endpoint.hub]
type      = "nats"
servers   = [{servers}]
prefix    = "{prefix}"
stream    = "{prefix}"
replicas  = 3
subscribe = [{{ subject = "{prefix}.>", durable = "workers"{partitions} }}]

[endpoint.fan]
type    = "nats"
servers = [{servers}]
prefix  = "web-{prefix}"
queue   = 100000

[[route]]
from = "hub"
to   = "fan"
"""


class Stage:
    """The cluster, and programs around it."""

    def __init__(self, folder: Path, cluster: NATSCluster) -> None:
        self.cluster = cluster
        self._folder = folder
        self._env = {**os.environ, "OSCBRIDGE_RUNTIME_DIR": str(folder), "NO_COLOR": "1"}
        self._number = 0

    @contextmanager
    def bridges(self, texts: Sequence[str], **values: object) -> Iterator[list[OscbridgeProcess]]:
        """Running bridges, each with one of the configurations."""
        servers = ", ".join(f'"nats://127.0.0.1:{port}"' for port in self.cluster.ports)
        with ExitStack() as stack:
            found = []
            for text in texts:
                self._number += 1
                file = self._folder / f"bridge{self._number}.toml"
                file.write_text(text.format(servers=servers, **values))
                found.append(OscbridgeProcess("run", str(file), env=self._env))
                stack.callback(found[-1].close)
            for process in found:
                process.wait_for(READY, 60)
            yield found


class Subscribers:
    """Connections that subscribe to all subjects of a prefix, and count their messages."""

    def __init__(self, ports: Sequence[int], subject: str, count: int) -> None:
        self.counts = [0] * count
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        for index in range(count):
            sock = socket.create_connection(("127.0.0.1", ports[index % len(ports)]))
            sock.sendall(b'CONNECT {"verbose":false}\r\nSUB %s 1\r\nPING\r\n' % subject.encode())
            seen = b""
            while b"PONG" not in seen:
                seen += sock.recv(65_536)
            self._sockets.append(sock)
            self._threads.append(threading.Thread(target=self._read, args=(index, sock)))
            self._threads[-1].start()

    def _read(self, index: int, sock: socket.socket) -> None:
        rest = b"\n"
        while data := sock.recv(1 << 18):
            data = rest + data
            self.counts[index] += data.count(b"\nMSG ") + data.count(b"\nHMSG ")
            rest = data[-5:] if data[-5:].find(b"\n") >= 0 else b""
            if rest.endswith((b"\nMSG ", b"\nHMSG ")):
                rest = b""

    def close(self) -> None:
        for sock in self._sockets:
            sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for sock in self._sockets:
            sock.close()


@contextmanager
def counting(stage: Stage, subject: str, count: int) -> Iterator[Subscribers]:
    """Subscribers, until they are closed."""
    subscribers = Subscribers(stage.cluster.ports, subject, count)
    try:
        yield subscribers
    finally:
        subscribers.close()


def cpu(pids: Sequence[int]) -> float:
    """Seconds of processor time."""
    total = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def wait_for(condition: Callable[[], bool]) -> float:
    """Seconds until something is so."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > TIMEOUT:
            sys.exit("not everything arrived; is the machine busy?")
        time.sleep(0.005)
    return time.monotonic() - began


def send(port: int, count: int) -> None:
    """Send messages to an ingest bridge."""
    encode = stream_encoder("1.0")
    data = b"".join(
        encode(encode_message(Message(f"/desk/{n % ADDRESSES}/fader", "f", (n / count,))))
        for n in range(count)
    )
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.sendall(data)


def measure_workers(stage: Stage, count: int, messages: int, partitions: int) -> None:
    """Store messages in the stream, then let workers take them."""
    prefix, port = f"w{count}", free_port()
    divided = f", partitions = {partitions}" if partitions else ""
    values = {"prefix": prefix, "port": port, "partitions": divided, "mode": "jetstream"}
    with (
        counting(stage, f"web-{prefix}.>", 1) as fan,
        counting(stage, f"{prefix}.>", 1) as stored,
    ):
        with stage.bridges([INGEST], **values) as ingest:
            threading.Thread(target=send, args=(port, messages)).start()
            stored_in = wait_for(lambda: stored.counts[0] >= messages)
            ingest[0].stop(timeout=TIMEOUT)  # messages that were published twice have counted twice
        with stage.bridges([WORKER] * count, **values) as running:
            wait_for(lambda: fan.counts[0] > 0)
            taken = max(messages - fan.counts[0], 1)
            pids = [each.process.pid for each in running]
            before = cpu(pids)
            took = wait_for(lambda: fan.counts[0] >= messages)
            used = cpu(pids) - before
    print(
        f"{count} workers: stored {messages / stored_in:,.0f}/s, taken {taken / took:,.0f}/s, "
        f"{used / taken * 1e6:.0f} µs of workers per message"
    )


def measure_web_bridges(stage: Stage, count: int, messages: int) -> None:
    """Send messages to all web bridges at once."""
    prefix, port = f"f{count}", free_port()
    with (
        counting(stage, f"{prefix}.>", count) as fan,
        stage.bridges([INGEST], prefix=prefix, port=port, mode="core") as running,
    ):
        pids, servers = [running[0].process.pid], stage.cluster.pids
        ingest, before = cpu(pids), cpu(servers)
        threading.Thread(target=send, args=(port, messages)).start()
        took = wait_for(lambda: min(fan.counts) >= messages)
        used, own = cpu(servers) - before, cpu(pids) - ingest
    print(
        f"{count} web bridges: {messages / took:,.0f}/s to each, "
        f"{messages * count / took:,.0f}/s in all; per message {own / messages * 1e6:.0f} µs of "
        f"ingest and {used / messages * 1e6:.0f} µs of the servers "
        f"({used / messages / count * 1e6:.1f} per web bridge)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--messages", type=int, default=40_000)
    parser.add_argument("--partitions", type=int, default=0, help="of the durable consumer")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, NATSCluster(Path(name)) as cluster:
        stage = Stage(Path(name), cluster)
        for count in WORKERS:
            measure_workers(stage, count, options.messages, options.partitions)
        for count in WEB_BRIDGES:
            measure_web_bridges(stage, count, options.messages // 4)


if __name__ == "__main__":
    main()
