"""Ingest and workers at a cluster of three servers, of which some are killed."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import re
import signal
import socket
import struct
import threading
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from oscbridge import Message, encode_message
from oscbridge.testing import free_port, running_process, until
from oscbridge.testing.process import OscbridgeProcess

COUNT = 20_000
ADDRESSES = 40
RESUMED = 2.0
"""Seconds until core messages arrive again after a server is killed."""

PATIENCE = 60.0
"""Seconds for all messages to arrive, with an election in between, on a busy machine."""

INGEST = """
[run]
drain_timeout = 5
[bridge.stage]
listen = "tcp+1.0://127.0.0.1:{port}"
[endpoint.hub]
type     = "nats"
servers  = {servers}
stream   = "show"
replicas = 3
policy   = "spool"
spool    = {{ path = "ingest.spool" }}
[[route]]
from = "stage"
to   = "hub"
nats = {{ mode = "jetstream" }}
[http]
listen = "127.0.0.1:0"
"""

WORKER = """
[endpoint.hub]
type      = "nats"
servers   = {servers}
stream    = "show"
replicas  = 3
subscribe = [{{ subject = "osc.>", durable = "workers", ack_timeout = 2{more} }}]
[endpoint.out]
type = "osc"
to   = "udp://127.0.0.1:{port}"
[[route]]
from = "hub"
to   = "out"
[http]
listen = "127.0.0.1:0"
"""


class Output:
    """A UDP socket for what all workers send: the kernel keeps the order of arrival."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.packets: list[bytes] = []
        self.different: set[bytes] = set()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        while packet := self._socket.recv(65_536):
            self.packets.append(packet)
            self.different.add(packet)

    def close(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join()
        self._socket.close()

    def numbers(self) -> dict[bytes, list[int]]:
        """The numbers that arrived, by address, without repetitions."""
        found: dict[bytes, dict[int, None]] = defaultdict(dict)
        for packet in self.packets:
            found[packet[: packet.index(b"\0")]].setdefault(struct.unpack(">i", packet[-4:])[0])
        return {address: list(numbers) for address, numbers in found.items()}


@pytest.fixture
def output() -> Iterator[Output]:
    made = Output()
    yield made
    made.close()


PACKETS = [
    encode_message(Message.of(f"/mixer/{number % ADDRESSES}", number)) for number in range(COUNT)
]


COUNTS = [
    f"oscbridge_endpoint_{name}_messages"
    for name in ("offered", "sent", "queued", "in_flight", "dropped")
]


def metric(program: OscbridgeProcess, name: str) -> list[str]:
    """The lines of a metric of the endpoint ``hub``, as a sink or a source."""
    [address] = re.findall(r"http +(http://\S+)", program.output)
    with urllib.request.urlopen(f"{address}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    return re.findall(rf'^({name}(?:_total)?{{.*(?:endpoint|source)="hub".*)', text, re.MULTILINE)


async def send_all(port: int) -> None:
    """Send all messages over TCP, with OSC 1.0 framing."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    for start in range(0, COUNT, 500):
        part = PACKETS[start : start + 500]
        writer.write(b"".join(struct.pack(">I", len(packet)) + packet for packet in part))
        await writer.drain()
    writer.close()
    await writer.wait_closed()


@pytest.mark.load
@pytest.mark.timeout(240)
@pytest.mark.parametrize("partitions", [0, 2])
async def test_every_message_arrives_though_a_server_and_a_worker_are_killed(
    cluster: Any, watch: Any, output: Output, tmp_path: Path, partitions: int
) -> None:
    port, servers = free_port(), str(cluster.urls)
    more = f", partitions = {partitions}" if partitions else ""
    worker = WORKER.format(servers=servers, port=output.port, more=more)
    with contextlib.ExitStack() as stack:
        folders = [tmp_path / name for name in ("ingest", "one", "two")]
        for folder in folders:
            folder.mkdir()
        text = INGEST.format(servers=servers, port=port)
        ingest = stack.enter_context(running_process(text, folder=folders[0]))
        first, second = [
            stack.enter_context(running_process(worker, folder=folder)) for folder in folders[1:]
        ]
        js = (await watch(cluster)).client.jetstream(timeout=5)
        sending = asyncio.create_task(send_all(port))
        await until(lambda: len(output.different) > COUNT // 5, PATIENCE)
        leader = (await js.stream_info("show")).cluster.leader
        cluster.node(leader).end(signal.SIGKILL)
        await until(lambda: len(output.different) > COUNT // 2, PATIENCE)
        first.stop(signal.SIGKILL)
        await sending
        try:
            await until(lambda: len(output.different) == COUNT, PATIENCE)
        except AssertionError:
            state = (await js.stream_info("show")).state
            counts = [await asyncio.to_thread(metric, ingest, name) for name in COUNTS]
            text = f"{len(output.different)} arrived; {state}; ingest: {counts}"
            raise AssertionError(f"{text}\n{ingest.output[-3000:]}") from None
        info = await js.stream_info("show")
        assert info.state.messages == COUNT, "messages were stored twice"
        lost = await asyncio.to_thread(metric, second, "oscbridge_source_dropped_messages")
        assert not [line for line in lost if "poison" in line]
        assert ingest.stop(signal.SIGTERM, 10) == 0
        assert "messages lost" not in ingest.output
    assert output.different == set(PACKETS)
    if partitions:
        for numbers in output.numbers().values():
            assert numbers == sorted(numbers)


async def test_core_messages_flow_again_soon_after_a_node_dies(
    cluster: Any, start: Any, watch: Any
) -> None:
    publisher = await start(cluster)
    last = cluster.urls[::-1]
    subscriber = await start(last, 'subscribe = ["osc.>"]')
    arrived: list[float] = []
    loop = asyncio.get_running_loop()

    async def send() -> None:
        while True:
            publisher.offer(Message.of("/n", 1))
            await asyncio.sleep(0.01)

    async def receive() -> None:
        while True:
            await subscriber.received.get()
            arrived.append(loop.time())

    tasks = [asyncio.create_task(each) for each in (send(), receive())]
    await until(lambda: len(arrived) > 20)
    [victim] = [node for node in cluster.nodes if node.url == publisher.endpoint.describe()]
    victim.end(signal.SIGKILL)
    killed = loop.time()
    before = len(arrived)
    await until(lambda: len(arrived) > before + 20)
    for task in tasks:
        task.cancel()
    gap = max(b - a for a, b in itertools.pairwise([killed, *arrived[before:]]))
    assert gap < RESUMED, f"{gap:.2f} s"
    assert publisher.endpoint.describe() != victim.url
