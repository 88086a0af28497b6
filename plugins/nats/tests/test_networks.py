"""A network that is cut between the bridge and its server; as root, on Linux."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from programs import find_program
from two_networks import ARE_POSSIBLE, Networks, two_networks
from waiting import wait_until

from oscbridge_nats.conformance import server_program

pytestmark = [
    pytest.mark.skipif(not ARE_POSSIBLE, reason="needs root and Linux"),
    pytest.mark.load,
    pytest.mark.timeout(180),
]

COUNT = 600
WAIT = 60.0

BRIDGE = """
[bridge.stage]
listen = "tcp+1.0://10.78.1.2:9001"
[endpoint.hub]
type          = "nats"
servers       = "nats://10.78.1.1:4222"
stream        = "show"
policy        = "spool"
ping_interval = 1
spool         = {{ path = "{folder}/cut.spool" }}
[[route]]
from = "stage"
to   = "hub"
nats = {{ mode = "jetstream" }}
"""

SENDER = """
import socket, struct, sys
from oscbridge import Message, encode_message
with socket.create_connection(("10.78.1.2", 9001)) as out:
    for number in range(int(sys.argv[1]), int(sys.argv[2])):
        packet = encode_message(Message.of(f"/mixer/{number % 3}", number))
        out.sendall(struct.pack(">I", len(packet)) + packet)
"""

READER = """
import asyncio, json, struct, nats
async def main():
    client = await nats.connect("nats://10.78.1.1:4222")
    js = client.jetstream()
    last = (await js.stream_info("show")).state.last_seq
    found = [await js.get_msg("show", n) for n in range(1, last + 1)]
    print(json.dumps([[each.subject, struct.unpack(">i", each.data[-4:])[0]] for each in found]))
    await client.close()
asyncio.run(main())
"""


class Machines:
    """The server on the near machine, the bridge on the far one, and a cable to be cut."""

    def __init__(self, networks: Networks, folder: Path) -> None:
        self._networks = networks
        self._folder = folder
        command = [server_program(), "-a", "10.78.1.1", "-p", "4222", "-js", "-sd", str(folder)]
        self._server = subprocess.Popen(
            [*networks.inside(networks.near), *command], stderr=subprocess.DEVNULL
        )
        self.bridge = networks.bridge(networks.far, BRIDGE.format(folder=folder))

    def _python(self, text: str, *arguments: str) -> str:
        inside = self._networks.inside(self._networks.near)
        done = subprocess.run(
            [*inside, sys.executable, "-c", text, *arguments],
            capture_output=True,
            text=True,
            timeout=WAIT,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def send(self, start: int, end: int) -> None:
        self._python(SENDER, str(start), str(end))

    def stored(self) -> list[tuple[str, int]]:
        return [(subject, number) for subject, number in json.loads(self._python(READER))]

    def cut(self, how: str) -> None:
        """``-A`` cuts the cable, ``-D`` repairs it: packets vanish, in both directions."""
        far = self._networks.inside(self._networks.far)
        for chain, port in (("INPUT", "--sport"), ("OUTPUT", "--dport")):
            rule = [how, chain, "-p", "tcp", port, "4222", "-j", "DROP"]
            subprocess.run([*far, find_program("iptables"), *rule], check=True, timeout=WAIT)

    def close(self) -> None:
        self._server.kill()
        self._server.wait()


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[Machines]:
    with two_networks() as networks:
        made = Machines(networks, tmp_path)
        yield made
        made.close()


def test_spool_drains_in_order_after_the_network_was_cut(machines: Machines) -> None:
    third = COUNT // 3
    machines.send(0, third)
    wait_until(lambda: len(machines.stored()) == third, WAIT)
    machines.cut("-A")
    machines.send(third, 2 * third)
    assert machines.bridge.stdout is not None
    for line in machines.bridge.stdout:
        if "not connected: the server does not respond" in line:
            break
    assert len(machines.stored()) == third
    machines.cut("-D")
    machines.send(2 * third, COUNT)
    wait_until(lambda: len(machines.stored()) >= COUNT, WAIT)
    stored = machines.stored()
    assert sorted(number for _, number in stored) == list(range(COUNT)), "lost or stored twice"
    for part in range(3):
        numbers = [number for subject, number in stored if subject == f"osc.mixer.{part}"]
        assert numbers == sorted(numbers)
