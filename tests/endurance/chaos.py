"""Kill, stop, cut off and confuse the bridge and its peers at random: ``make chaos``.

The program runs in rounds. In each, six bridges (one a mode, a forking one whose children handle
several messages each, and one whose messages are kept on disk for MQTT) receive, and two threads
do damage: one to the program (kills of workers, children and the MIDI process, SIGSTOP, clock
jumps, reloads), one to its surroundings (peers, broker, link, disk). A round ends either with
SIGTERM, after every message is accounted for, or with SIGKILL of the main process. Messages on
disk must then arrive in the next round.

Everything runs in namespaces of its own (processes, network, mounts), so it needs root, and
nothing of it can outlive the run. ``make chaos ARGS="--seconds 120 --seed 7"`` for a shorter
run, and to repeat one.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "bench"))

from account import check_bridges, check_endpoints, check_resources
from failures import Failures, FailureThread
from peers import Sender, Sent
from program import kernel_drops
from stage import RATES, Stage

ROUND = 45.0
"""Seconds of sending in a round."""

KILL_AT = (0.4, 0.9)
"""Between which shares of a round its main process is killed, if it is."""

SETTLED = (0.2, 0.6)
"""Between which shares of a round the largest memory and number of descriptors are taken."""

COMMITTED = 1.0
"""Seconds after which a received message is certainly on disk (README: typically 1 to 2 ms)."""

DRAIN_TIMEOUT = 120.0
"""Seconds for the queues to become empty after the last message."""


class Chaos:
    """One run."""

    def __init__(self, stage: Stage, seconds: float, seed: int) -> None:
        self._stage = stage
        self._rounds = max(2, round(seconds / (ROUND + 10)))
        self._random = random.Random(seed)
        self.problems: list[str] = []

    def run(self) -> None:
        for number in range(self._rounds):
            is_killed = number % 2 == 1 and number != self._rounds - 1
            print(f"\nround {number + 1} of {self._rounds}", flush=True)
            self._round(number, is_killed)
        self.problems += self._stage.missing_stored(self._rounds)

    def _round(self, number: int, is_killed: bool) -> None:
        stage = self._stage
        stage.begin_round()
        drops = kernel_drops(stage.ports)
        senders = {
            name: Sender(name, stage.ports[name], rate, ROUND, stage.first(number))
            for name, rate in RATES.items()
        }
        failures = Failures(stage)
        # While the disk is full, messages are in memory only, and not safe from a kill.
        parts = failures.inside(), failures.outside(disk=not is_killed)
        threads = [FailureThread(part, random.Random(self._random.random())) for part in parts]
        before = self._wait(senders, number, is_killed)
        for thread in threads:
            thread.stop()
        print(", ".join(f"{count} {name}" for name, count in sorted(failures.done.items())))
        self.problems += failures.problems
        if is_killed:
            for sender in senders.values():
                sender.kill()
            self.problems += stage.program.left()
            return
        sent = {name: sender.sent() for name, sender in senders.items()}
        self._account(number, sent, drops, before)

    def _wait(self, senders: dict[str, Sender], number: int, is_killed: bool) -> dict[str, int]:
        """Until the senders are done, or the main process is killed. Its resources, early on."""
        stage, began = self._stage, time.monotonic()
        kill_at = ROUND * self._random.uniform(*KILL_AT) if is_killed else float("inf")
        before: dict[str, int] = {}
        while not all(sender.is_done for sender in senders.values()):
            now = time.monotonic() - began
            stage.program.check_alive()
            if now >= kill_at:
                with stage.quiet:
                    stage.note_stored(number)
                    time.sleep(COMMITTED)
                    stage.program.kill()
                break
            if SETTLED[0] < now / ROUND < SETTLED[1]:
                now_used = stage.program.resources()
                before = {key: max(value, before.get(key, 0)) for key, value in now_used.items()}
            print(f"\r{now:5.0f} s", end="", flush=True)
            time.sleep(0.2)
        print()
        return before

    def _account(
        self,
        number: int,
        sent: dict[str, Sent],
        drops: dict[str, int],
        before: dict[str, int],
    ) -> None:
        stage = self._stage
        stage.restore()
        status = stage.program.drained(DRAIN_TIMEOUT, stage.ports)
        if status is None:
            self.problems.append(f"the queues were not empty after {DRAIN_TIMEOUT:g} s")
            status = stage.program.status()
        after = stage.program.resources()
        drops = {name: now - drops[name] for name, now in kernel_drops(stage.ports).items()}
        stage.note_stored(number, status)
        found = check_bridges(status, sent, drops)
        found += check_endpoints(status, stage.end_peers(), lossy=frozenset({"mortal", "remote"}))
        found += check_resources(before, after)
        found += stage.program.stop()
        self.problems += [f"round {number + 1}: {problem}" for problem in found]


def enter_namespaces() -> None:
    """Run this program again in namespaces of its own, as their first process."""
    if os.geteuid() != 0:
        sys.exit("chaos makes links and mounts in namespaces of its own: run it as root")
    command = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
    os.environ["CHAOS_IN_NAMESPACES"] = "1"
    os.execvp(command[0], [*command, sys.executable, *sys.argv])


def main() -> None:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--seconds", type=float, default=480.0)
    parser.add_argument("--seed", type=int, default=None, help="repeat the failures of a run")
    chosen = parser.parse_args()
    if "CHAOS_IN_NAMESPACES" not in os.environ:
        enter_namespaces()
    seed = random.SystemRandom().randrange(1 << 32) if chosen.seed is None else chosen.seed
    print(f"seed {seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        stage = Stage(Path(folder), stack)
        chaos = Chaos(stage, chosen.seconds, seed)
        chaos.run()
        if chaos.problems:
            print(f"The log of the program:\n{stage.program.log}")
            print(f"The log of the broker:\n{stage.broker_log}")
    if chaos.problems:
        sys.exit("\n".join(chaos.problems))
    print("every message is accounted for, and nothing is left")


if __name__ == "__main__":
    main()
