"""Run the bridge under load, failures and reloads, and account for every message: ``make soak``.

Four bridges, one a mode, each with 5,000 messages a second (forking 300). Three endpoints
that get all of it: a WebSocket client that reads, a TCP peer that stalls again and again,
and one that is killed and started again. A reload every ten seconds.

``make soak ARGS="--seconds 30"`` for another length.
"""

from __future__ import annotations

import argparse
import json
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "bench"))

from account import check_bridges, check_endpoints, check_resources
from peers import Peer, Sender
from program import Program, free_port, kernel_drops

RATES = {"asyncio": 5000, "blocking": 5000, "threading": 5000, "forking": 300}
RELOAD_EVERY = 10.0
KILL_EVERY = 15.0
AWAY = 2.0
"""Seconds between reloads, between kills of the peer, and for which it is away then."""

SETTLED = 0.4
"""The share of the time after which memory and descriptors are first read."""

DRAIN_TIMEOUT = 60.0
"""Seconds for the queues to become empty after the last message."""


class Soak:
    """One run."""

    def __init__(self, seconds: float, folder: Path, stack: ExitStack) -> None:
        self._seconds = seconds
        self.problems: list[str] = []
        self.program = Program(folder)
        self._ports = {name: free_port(socket.SOCK_DGRAM) for name in RATES}
        self._web, self._stalls, self._mortal = (free_port(socket.SOCK_STREAM) for _ in range(3))
        self._peers = {
            "steady": Peer("ws", str(self._web)),
            "stalls": Peer("tcp", str(self._stalls), "stall"),
            "mortal": Peer("tcp", str(self._mortal)),
        }
        self._reloads = 0
        stack.callback(self.program.close)
        for peer in self._peers.values():
            stack.callback(peer.kill)

    def _configuration(self) -> str:
        """The configuration; only its last route changes with the number of reloads."""
        parts = [
            f'[bridge.{name}]\nlisten = "udp://127.0.0.1:{port}"\nmode = "{name}"\nworkers = 8\n'
            for name, port in self._ports.items()
        ]
        parts.append(f'[endpoint.steady]\ntype = "websocket"\nlisten = "127.0.0.1:{self._web}"\n')
        parts += [
            f'[endpoint.{name}]\ntype = "osc"\nto = "tcp://127.0.0.1:{port}"\non_start = "retry"\n'
            for name, port in (("stalls", self._stalls), ("mortal", self._mortal))
        ]
        every = json.dumps(list(RATES))
        parts.append(f"[[route]]\nfrom = {every}\nto = {json.dumps(list(self._peers))}\n")
        parts.append(f'[[route]]\nfrom = {every}\nmatch = "/none/{self._reloads}"\nto = "steady"\n')
        return "\n".join(parts)

    def run(self) -> None:
        self._peers["stalls"].start()
        self._peers["mortal"].start()
        self.program.configure(self._configuration())
        self.program.start()
        self._peers["steady"].start()
        drops = kernel_drops(self._ports)
        senders = {
            name: Sender(name, self._ports[name], rate, self._seconds)
            for name, rate in RATES.items()
        }
        before = self._disturb(senders)
        sent = {name: sender.sent() for name, sender in senders.items()}
        print("the senders are done; waiting until the queues are empty", flush=True)
        status = self.program.drained(DRAIN_TIMEOUT, self._ports)
        if status is None:
            self.problems.append(f"the queues were not empty after {DRAIN_TIMEOUT:g} s")
            status = self.program.status()
        after = self.program.resources()
        drops = {name: now - drops[name] for name, now in kernel_drops(self._ports).items()}
        for peer in self._peers.values():
            peer.end()
        arrived = {name: peer.received.total() for name, peer in self._peers.items()}
        self.problems += check_bridges(status, sent, drops)
        # A peer that is killed takes with it what the kernel had for it.
        self.problems += check_endpoints(status, arrived, lossy=frozenset({"mortal"}))
        self.problems += check_resources(before, after)
        self.problems += self.program.stop()

    def _disturb(self, senders: Mapping[str, Sender]) -> dict[str, int]:
        """Reload and kill until the senders are done. The resources when all has settled."""
        began = time.monotonic()
        mortal = self._peers["mortal"]
        reload_at, kill_at, back_at = RELOAD_EVERY, KILL_EVERY, float("inf")
        before: dict[str, int] = {}
        while not all(sender.is_done for sender in senders.values()):
            now = time.monotonic() - began
            self.program.check_alive()
            if now >= reload_at:
                reload_at += RELOAD_EVERY
                self._reload()
            if now >= kill_at:
                kill_at, back_at = now + KILL_EVERY, now + AWAY
                mortal.kill()
            if now >= back_at:
                back_at = float("inf")
                mortal.start()
            if not before and now >= self._seconds * SETTLED:
                before = self.program.resources()
            line = f"{now:5.0f} s of {self._seconds:g}, {self._reloads} reloads"
            print(f"\r{line}", end="", flush=True)
            time.sleep(0.25)
        print()
        if back_at < float("inf"):
            mortal.start()
        return before

    def _reload(self) -> None:
        self._reloads += 1
        self.program.configure(self._configuration())
        if self._reloads % 2:
            self.program.signal(signal.SIGHUP)
        elif problem := self.program.reload():
            self.problems.append(problem)


def main() -> None:
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=90.0)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        soak = Soak(chosen.seconds, Path(folder), stack)
        soak.run()
        if soak.problems:
            print(f"The log of the program:\n{soak.program.log}")
    if soak.problems:
        sys.exit("\n".join(soak.problems))
    print("every message is accounted for")


if __name__ == "__main__":
    main()
