"""Two bridges with one configuration and a cluster of NATS servers, and what may happen to them."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from oscbridge.monitoring import control_client
from oscbridge.monitoring.leader_calls import leader
from oscbridge.status.leader_status import LeaderStatus
from oscbridge.testing.process import READY, OscbridgeProcess
from tests.support.arrivals import Arrival, Observer, Ticker
from tests.support.cut_link import CutLink, LinkLoop
from tests.support.ports import free_port

__all__ = ["EVENTS", "Machine", "MainAndBackup"]

NAMES: Final = ("main", "backup")

CONFIGURATION: Final = """
[run]
leader = {{ endpoint = "hub", key = "main" }}

[bridge.stage]
listen = "udp://127.0.0.1:{port}"

[endpoint.hub]
type           = "nats"
servers        = [{servers}]
replicas       = 3
on_start       = "retry"
default_routes = false

[endpoint.out]
type = "osc"
to   = "udp://127.0.0.1:{observer}"

[[route]]
from = "stage"
to   = "out"
"""

SETTLE_TIMEOUT: Final = 30.0
"""Seconds for both bridges to know who leads."""

STEADY: Final = 0.4
"""Seconds that the leader sends before anything happens to it."""


class Machine:
    """One of the bridges, with links of its own to the servers."""

    def __init__(
        self, name: str, folder: Path, servers: Sequence[int], loop: LinkLoop, observer: int
    ) -> None:
        self.name = name
        self.links: list[CutLink] = [loop.link(port) for port in servers]
        self.port = free_port()
        self._file = folder / f"{name}.toml"
        quoted = ", ".join(f'"nats://127.0.0.1:{link.port}"' for link in self.links)
        text = CONFIGURATION.format(port=self.port, servers=quoted, observer=observer)
        self._file.write_text(text)
        self._env = {**os.environ, "OSCBRIDGE_RUNTIME_DIR": str(folder), "NO_COLOR": "1"}
        self.process = self._start()

    def _start(self) -> OscbridgeProcess:
        return OscbridgeProcess("run", str(self._file), env=self._env)

    def wait_until_ready(self) -> None:
        self.process.wait_for(READY, 30)

    def wait_for_role(self) -> None:
        """Wait until it knows who leads."""
        deadline = time.monotonic() + SETTLE_TIMEOUT
        while not (known := asyncio.run(self._role())) or not known.holder:
            assert time.monotonic() < deadline, f"{self.name} does not know who leads: {known}"
            time.sleep(0.05)

    async def _role(self) -> LeaderStatus | None:
        os.environ["OSCBRIDGE_RUNTIME_DIR"] = self._env["OSCBRIDGE_RUNTIME_DIR"]
        return await leader(await control_client.choose(self.process.process.pid))

    def restart(self) -> None:
        self.process.close()
        self.process = self._start()
        self.wait_until_ready()

    def freeze(self) -> None:
        self.process.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.process.send_signal(signal.SIGCONT)

    def cut(self) -> None:
        for link in self.links:
            link.cut()

    def heal(self) -> None:
        for link in self.links:
            link.heal()

    def close(self) -> None:
        self.thaw()
        self.process.close()


class MainAndBackup:
    """Both bridges, with messages that arrive at both, and an observer of what they send."""

    def __init__(self, folder: Path, servers: Sequence[int], seed: int) -> None:
        self.random = random.Random(seed)
        self.takeovers: list[float] = []
        """Seconds from each event that concerned the leader to the first message of the other."""
        with ExitStack() as stack:
            loop = LinkLoop()
            stack.callback(loop.close)
            self.observer = Observer(NAMES)
            stack.callback(self.observer.close)
            self.machines: dict[str, Machine] = {}
            for name in NAMES:
                port = self.observer.ports[name]
                self.machines[name] = Machine(name, folder, servers, loop, port)
                stack.callback(self.machines[name].close)
            for machine in self.machines.values():
                machine.wait_until_ready()
                machine.wait_for_role()
            ticker = Ticker([each.port for each in self.machines.values()])
            stack.callback(ticker.close)
            self._stack = stack.pop_all()

    def close(self) -> None:
        self._stack.close()

    # --- observations ------------------------------------------------------------------------

    def wait_for(self, condition: Callable[[Arrival], bool]) -> Arrival:
        """Wait for a last message."""
        deadline = time.monotonic() + SETTLE_TIMEOUT
        while time.monotonic() < deadline:
            last = self.observer.last()
            if last is not None and condition(last):
                return last
            time.sleep(0.002)
        raise AssertionError(f"nothing of the kind in {SETTLE_TIMEOUT:g} s")

    def leader(self) -> tuple[Machine, Machine]:
        """The bridge that sends, and the other one."""
        since = time.time() + STEADY
        name = self.wait_for(lambda last: last.at > since).by
        return self.machines[name], self.machines[NAMES[name == NAMES[0]]]

    def _wait_for_takeover(self, other: Machine, began: float) -> None:
        first = self.wait_for(lambda last: last.by == other.name and last.at > began)
        self.takeovers.append(first.at - began)

    def _pause(self, least: float, most: float) -> None:
        time.sleep(self.random.uniform(least, most))

    # --- what happens ------------------------------------------------------------------------

    def kill(self) -> None:
        """The leader is killed, and started again."""
        leader, other = self.leader()
        began = time.time()
        leader.process.process.kill()
        self._wait_for_takeover(other, began)
        leader.restart()
        leader.wait_for_role()

    def kill_standby(self) -> None:
        """The other one is."""
        _, other = self.leader()
        other.restart()
        other.wait_for_role()

    def partition(self) -> None:
        """The leader does not reach the servers for some time."""
        leader, other = self.leader()
        began = time.time()
        leader.cut()
        self._wait_for_takeover(other, began)
        self._pause(0, 2)
        leader.heal()
        leader.wait_for_role()

    def partition_standby(self) -> None:
        """The other one does not, for less or more time than a lease lasts."""
        _, other = self.leader()
        other.cut()
        self._pause(0.1, 3)
        other.heal()

    def short_partition(self) -> None:
        """The leader does not reach the servers for about the time of a lease."""
        leader, _ = self.leader()
        leader.cut()
        self._pause(0.5, 2)
        leader.heal()

    def freeze(self) -> None:
        """The process of the leader is stopped for some time; its socket keeps receiving."""
        leader, _ = self.leader()
        leader.freeze()
        self._pause(0.5, 3)
        leader.thaw()


EVENTS: Final[tuple[tuple[Callable[[MainAndBackup], None], int], ...]] = (
    (MainAndBackup.kill, 40),
    (MainAndBackup.partition, 20),
    (MainAndBackup.short_partition, 12),
    (MainAndBackup.freeze, 16),
    (MainAndBackup.kill_standby, 6),
    (MainAndBackup.partition_standby, 6),
)
"""What happens, and how often of 100 times."""
