"""Run the bridge under load, faults and reloads, and account for every message: ``make soak``.

Four bridges, one a mode, each with 5,000 messages a second (forking 300). Three endpoints
that get all of it: a WebSocket client that reads, a TCP peer that stalls again and again,
and one that is killed and started again. A reload every ten seconds.

``make soak ARGS="--seconds 30"`` for another length.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "bench"))

from table import show

from oscbridge.monitoring import control_client

HERE = Path(__file__).parent
PROGRAM = str(Path(sys.executable).with_name("oscbridge"))
RATES = {"asyncio": 5000, "blocking": 5000, "threading": 5000, "forking": 300}
RELOAD_EVERY = 10.0
KILL_EVERY = 15.0
AWAY = 2.0
"""Seconds between reloads, between kills of the peer, and for which it is away then."""

SETTLED = 0.4
"""The share of the time after which memory and descriptors are looked at first."""

GROWTH = 1.15
"""By how much memory may have grown at the end, against then."""


def free_port(kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


class Peer:
    """One of ``peer.py``."""

    def __init__(self, *args: str) -> None:
        self._args = args
        self.process = self._start()

    def _start(self) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, str(HERE / "peer.py"), *self._args],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n", f"peer {self._args} did not start"
        return process

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()

    def restart(self) -> None:
        self.process = self._start()

    def counts(self) -> dict[str, int]:
        """What it has received; it ends."""
        output, _ = self.process.communicate(timeout=20)
        counts: dict[str, int] = json.loads(output.splitlines()[-1])
        return counts


async def _status(pid: int) -> dict[str, Any]:
    process = await control_client.choose(pid)
    async with control_client.ask(process.socket, {"command": "status"}) as batches:
        async for answer, *_ in batches:
            status: dict[str, Any] = answer["status"]
            return status
    raise AssertionError("the bridge says nothing of itself")


class Soak:
    """One run."""

    def __init__(self, seconds: float, folder: Path, stack: ExitStack) -> None:
        self.seconds = seconds
        self.faults: list[str] = []
        self._file = folder / "soak.toml"
        self._log = folder / "soak.log"
        self._stack = stack
        self._ports = {name: free_port(socket.SOCK_DGRAM) for name in RATES}
        self._web, self._stalls, self._mortal = (free_port(socket.SOCK_STREAM) for _ in range(3))
        self.reloads = 0

    def log(self) -> str:
        """The end of what the bridge has logged."""
        return self._log.read_text()[-6000:]

    # --- the parts ---------------------------------------------------------------------------

    def write(self, version: int) -> None:
        """The configuration; only its last route changes with the version."""
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
        parts.append(f'[[route]]\nfrom = {every}\nto = ["steady", "stalls", "mortal"]\n')
        parts.append(f'[[route]]\nfrom = {every}\nmatch = "/none/{version}"\nto = "steady"\n')
        self._file.write_text("\n".join(parts))

    def start(self) -> subprocess.Popen[bytes]:
        self.write(0)
        log = self._stack.enter_context(self._log.open("wb"))
        process = subprocess.Popen(
            [PROGRAM, "run", str(self._file)],
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        )
        self._stack.callback(process.kill)
        assert process.stdout is not None
        while line := process.stdout.readline():
            if line.startswith(b"Ctrl-C"):
                return process
        sys.exit(f"the bridge did not start:\n{self.log()}")

    # --- the run -----------------------------------------------------------------------------

    def run(self) -> None:
        stalls, mortal = Peer("tcp", str(self._stalls), "stall"), Peer("tcp", str(self._mortal))
        bridge = self.start()
        self._pid = bridge.pid
        steady = Peer("ws", str(self._web))
        for peer in (stalls, mortal, steady):
            self._stack.callback(peer.process.kill)
        drops = dict(kernel_drops(self._ports))
        senders = {
            name: subprocess.Popen(
                [sys.executable, str(HERE / "sender.py"), name, str(self._ports[name]),
                 str(rate), str(self.seconds)],
                stdout=subprocess.PIPE, text=True,
            )
            for name, rate in RATES.items()
        }  # fmt: skip
        before = self.disturb(bridge, senders, mortal)
        sent = {name: int(sender.communicate()[0]) for name, sender in senders.items()}
        print("senders are done; waiting for what is on its way", flush=True)
        status = self.drained()
        after = resources(bridge.pid)
        drops = {name: now - drops[name] for name, now in kernel_drops(self._ports)}
        received = {"steady": steady.counts(), "stalls": stalls.counts(), "mortal": mortal.counts()}
        self.check_bridges(status, sent, drops)
        self.check_endpoints(status, received)
        self.check_resources(before, after)
        self.stop(bridge)

    def disturb(
        self, bridge: subprocess.Popen[bytes], senders: Mapping[str, Any], mortal: Peer
    ) -> dict[str, int]:
        """Reload and kill until the senders are done. The resources when all has settled."""
        began = time.monotonic()
        reload_at, kill_at, back_at = RELOAD_EVERY, KILL_EVERY, float("inf")
        before: dict[str, int] = {}
        version = 0
        while any(sender.poll() is None for sender in senders.values()):
            now = time.monotonic() - began
            if bridge.poll() is not None:
                sys.exit(f"the bridge has ended:\n{self.log()}")
            if now >= reload_at:
                reload_at += RELOAD_EVERY
                version += 1
                self.write(version)
                self.reload(bridge, by_signal=bool(version % 2))
            if now >= kill_at:
                kill_at, back_at = now + KILL_EVERY, now + AWAY
                mortal.kill()
            if now >= back_at:
                back_at = float("inf")
                mortal.restart()
            if not before and now >= self.seconds * SETTLED:
                before = resources(bridge.pid)
            print(f"\r{now:5.0f} s of {self.seconds:g}, {self.reloads} reloads", end="", flush=True)
            time.sleep(0.25)
        print()
        if back_at < float("inf"):
            mortal.restart()
        return before

    def reload(self, bridge: subprocess.Popen[bytes], *, by_signal: bool) -> None:
        if by_signal:
            bridge.send_signal(signal.SIGHUP)
        else:
            done = subprocess.run(
                [PROGRAM, "reload", "--pid", str(bridge.pid)], capture_output=True, text=True
            )
            if done.returncode:
                self.faults.append(f"oscbridge reload: {done.stderr}")
        self.reloads += 1

    def drained(self) -> dict[str, Any]:
        """The status once nothing is on its way any more."""
        deadline = time.monotonic() + 60
        before = None
        while True:
            status = self.status()
            counts = [each["received"]["messages"] for each in status["bridges"]]
            if not any(each["queued"] for each in status["endpoints"]) and counts == before:
                return status
            if time.monotonic() > deadline:
                self.faults.append("the outboxes were not empty a minute after the last message")
                return status
            before = counts
            time.sleep(1)

    def status(self) -> dict[str, Any]:
        """What the bridge says of itself."""
        return asyncio.run(_status(self._pid))

    def stop(self, bridge: subprocess.Popen[bytes]) -> None:
        group = bridge.pid
        began = time.monotonic()
        bridge.send_signal(signal.SIGTERM)
        code = bridge.wait(10)
        took = time.monotonic() - began
        print(f"stopped with exit code {code} after {took:.1f} s")
        if code or took > 2.5:
            self.faults.append(f"the stop took {took:.1f} s, with exit code {code}")
        left = [pid for pid in session(group) if pid != group]
        if left:
            self.faults.append(f"processes are left: {left}")

    # --- the account -------------------------------------------------------------------------

    def check_bridges(
        self, status: dict[str, Any], sent: Mapping[str, int], drops: Mapping[str, int]
    ) -> None:
        rows = []
        for bridge in status["bridges"]:
            name, received = bridge["name"], bridge["received"]
            lost = sum(received["dropped"].values()) + sum(received["bad"].values())
            messages = received["messages"]
            rows.append((name, f"{sent[name]:,}", f"{messages:,}", f"{drops[name]:,}", f"{lost:,}"))
            if sent[name] != messages + drops[name] + sum(received["bad"].values()):
                self.faults.append(f"bridge.{name}: sent and received do not add up: {rows[-1]}")
        show("In", ("bridge", "sent", "received", "dropped by the system", "dropped"), rows)

    def check_endpoints(self, status: dict[str, Any], peers: Mapping[str, dict[str, int]]) -> None:
        routed = sum(
            each["received"]["messages"] - sum(each["received"]["dropped"].values())
            for each in status["bridges"]
        )
        rows = []
        for endpoint in status["endpoints"]:
            name, dropped = endpoint["name"], Counter(endpoint["dropped"])
            arrived = sum(peers[name].values())
            slow = dropped.pop("slow_client", 0)  # counted as sent as well: it is one client's
            lost = sum(dropped.values())
            offered, sent = endpoint["offered"], endpoint["sent"]
            rows.append((name, *(f"{n:,}" for n in (routed, offered, sent, lost + slow, arrived))))
            if offered != routed:
                self.faults.append(f"endpoint.{name}: routed and offered do not add up")
            if offered != sent + lost + endpoint["queued"]:
                self.faults.append(f"endpoint.{name}: offered is not sent + dropped: {dropped}")
            # A peer that is killed takes with it what the system had for it.
            if name != "mortal" and arrived != sent - slow:
                self.faults.append(f"endpoint.{name}: sent and arrived do not add up")
            if dropped:
                print(f"endpoint.{name} dropped: {dict(dropped)}")
        columns = ("endpoint", "routed", "offered", "sent", "dropped", "arrived")
        show("Out", columns, rows)

    def check_resources(self, before: Mapping[str, int], after: Mapping[str, int]) -> None:
        show(
            "The bridge",
            ("", *before),
            [
                ("settled", *(f"{value:,}" for value in before.values())),
                ("at the end", *(f"{value:,}" for value in after.values())),
            ],
        )
        if after["memory kB"] > before["memory kB"] * GROWTH:
            self.faults.append("memory has grown")
        for key in ("descriptors", "threads", "processes"):
            if after[key] > before[key] + 2:  # a client of the status, a connection coming back
                self.faults.append(f"there are more {key} than there were")


def kernel_drops(ports: Mapping[str, int]) -> Iterator[tuple[str, int]]:
    """Datagrams that the system dropped at each of these UDP ports."""
    drops = {}
    for line in Path("/proc/net/udp").read_text().splitlines()[1:]:
        fields = line.split()
        drops[int(fields[1].rpartition(":")[2], 16)] = int(fields[-1])
    for name, port in ports.items():
        yield name, drops[port]


def session(leader: int) -> list[int]:
    """The processes of a session."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has just ended
        if int(fields[3]) == leader and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


def resources(pid: int) -> dict[str, int]:
    """What the bridge process holds, and how many processes there are besides children of
    forking bridges, which come and go."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    own = [process for process in session(pid) if process == pid or parent_of(process) == pid]
    return {
        "memory kB": int(fields["VmRSS"].split()[0]),
        "threads": int(fields["Threads"]),
        "descriptors": sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir()),
        "processes": len(own),
    }


def parent_of(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def main() -> None:
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=90.0)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        soak = Soak(chosen.seconds, Path(folder), stack)
        soak.run()
        if soak.faults:
            print(f"The log of the bridge:\n{soak.log()}")
    if soak.faults:
        sys.exit("\n".join(soak.faults))
    print("every message is accounted for")


if __name__ == "__main__":
    main()
