"""Two bridges in network namespaces that lose packets: no note hangs.

Needs root, as the namespaces of ``ip netns`` do.
"""

from __future__ import annotations

import json
import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from programs import find_program
from waiting import wait_until

pytestmark = pytest.mark.load

PEER = str(Path(__file__).with_name("loss_peer.py"))
HOST = "10.79.1.2"
MESSAGES = 100_000
LOSS = 0.05


class LossyNetworks:
    """Two namespaces with a link that loses packets both ways."""

    def __init__(self) -> None:
        name = f"osc{secrets.token_hex(3)}"
        self.near, self.far = f"{name}a", f"{name}b"
        self._ip = find_program("ip")
        self._processes: list[subprocess.Popen[str]] = []

    def set_up(self) -> None:
        for name in (self.near, self.far):
            self._run(self._ip, "netns", "add", name)
            self._run(self._ip, "-n", name, "link", "set", "lo", "up")
        ends = ("c1", "netns", self.near, "type", "veth", "peer", "name", "c1")
        self._run(self._ip, "link", "add", *ends, "netns", self.far)
        for place, name in ((1, self.near), (2, self.far)):
            self._run(self._ip, "-n", name, "addr", "add", f"10.79.1.{place}/24", "dev", "c1")
            self._run(self._ip, "-n", name, "link", "set", "c1", "up")

    def lose(self, share: float) -> None:
        """Lose a share of the packets of RTP-MIDI, in both directions."""
        iptables = find_program("iptables")
        random_loss = ("-m", "statistic", "--mode", "random", "--probability", f"{share}")
        for name in (self.near, self.far):
            rule = ("-A", "INPUT", "-i", "c1", "-p", "udp", *random_loss, "-j", "DROP")
            self._run(*self.inside(name), iptables, *rule)

    def local_address(self, network: str) -> str:
        """The address of IPv6 that is valid on the link, when it is ready."""
        found: list[str] = []

        def look() -> bool:
            command = (self._ip, "-n", network, "-6", "-o", "addr", "show", "dev", "c1")
            text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            if "tentative" not in text:
                found.extend(re.findall(r"inet6 (fe80\S+)/", text))
            return bool(found)

        wait_until(look)
        return found[0]

    def inside(self, network: str) -> tuple[str, ...]:
        return (self._ip, "netns", "exec", network)

    def start(self, network: str, *arguments: str) -> subprocess.Popen[str]:
        """Start one side."""
        process = subprocess.Popen(
            [*self.inside(network), sys.executable, PEER, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._processes.append(process)
        return process

    def tear_down(self) -> None:
        for process in self._processes:
            process.kill()
            process.communicate()
        for name in (self.near, self.far):
            subprocess.run([self._ip, "netns", "del", name], capture_output=True, check=False)

    @staticmethod
    def _run(*command: str) -> None:
        subprocess.run(command, check=True, capture_output=True)


@pytest.fixture
def networks() -> Iterator[LossyNetworks]:
    found = LossyNetworks()
    try:
        found.set_up()
        yield found
    finally:
        found.tear_down()


def wait_for(process: subprocess.Popen[str], word: str) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if line.strip() == word:
            return
    raise AssertionError(f"ended without {word!r}")


def ask(process: subprocess.Popen[str]) -> dict[str, Any]:
    """What the receiver knows."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("\n")
    process.stdin.flush()
    found: dict[str, Any] = json.loads(process.stdout.readline())
    return found


@pytest.mark.timeout(300)
def test_no_note_hangs_after_random_loss(networks: LossyNetworks) -> None:
    receiver = networks.start(networks.far, "receive", HOST)
    wait_for(receiver, "listening")
    networks.lose(LOSS)
    sender = networks.start(networks.near, "send", f"rtp://{HOST}:5004", str(MESSAGES))
    wait_for(receiver, "ready")
    wait_for(sender, "sent")
    wait_until(lambda: ask(receiver)["sounding"] == 0)
    found = ask(receiver)
    print(found)
    assert found["dropped"]["lost"] > MESSAGES / 5 * LOSS / 2  # the network has lost packets
    assert "unrepaired" not in found["dropped"]


def test_announced_session_is_found_by_its_name(networks: LossyNetworks) -> None:
    receiver = networks.start(networks.far, "receive", HOST)
    wait_for(receiver, "listening")
    sender = networks.start(networks.near, "send", "rtp://near", "100")
    wait_for(receiver, "ready")
    wait_for(sender, "sent")
    wait_until(lambda: ask(receiver)["count"] >= 100)
    assert ask(receiver)["sounding"] == 0


def test_peers_with_local_addresses_of_ipv6_have_a_session(networks: LossyNetworks) -> None:
    receiver = networks.start(networks.far, "receive", "[::]")
    wait_for(receiver, "listening")
    local = networks.local_address(networks.far)
    sender = networks.start(networks.near, "send", f"rtp://[{local}%c1]:5004", "100")
    wait_for(receiver, "ready")
    wait_for(sender, "sent")
    wait_until(lambda: ask(receiver)["count"] >= 100)
