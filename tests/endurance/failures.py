"""The failures of ``make chaos``, and the threads that cause them."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TypeAlias

from program import children, command_of
from stage import Stage

__all__ = ["FailureThread", "Failures"]

PAUSE = (0.5, 3.0)
"""Seconds between two failures of a thread."""

HOUR, DAY = 3600, 86_400

Failure: TypeAlias = Callable[[random.Random], None]


class Failures:
    """Each is a method that causes a failure and, after a moment, ends it."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.done: Counter[str] = Counter()
        self.problems: list[str] = []

    def inside(self) -> Mapping[str, Failure]:
        """Failures of the program itself."""
        named = {
            "kill a worker": self._kill_worker,
            "kill a child": self._kill_child,
            "kill the MIDI process": self._kill_midi,
            "stop the program": self._stop_program,
            "jump the clock": self._jump_clock,
            "reload": self._reload,
        }
        return {name: self._counted(name, failure) for name, failure in named.items()}

    def outside(self, *, disk: bool) -> Mapping[str, Failure]:
        """Failures of its surroundings; of the disk only if ``disk``."""
        named: dict[str, Failure] = {
            "kill a peer": self._kill_peer,
            "stop a peer": self._stop_peer,
            "kill the broker": self._kill_broker,
            "stop the broker": self._stop_broker,
            "cut the link": self._cut_link,
        }
        if disk:
            named["fill the disk"] = self._fill_disk
        return {name: self._counted(name, failure) for name, failure in named.items()}

    def _counted(self, name: str, failure: Failure) -> Failure:
        def cause(chance: random.Random) -> None:
            # What it was to hit may have ended by itself.
            with self._stage.quiet, suppress(ProcessLookupError):
                failure(chance)
                self.done[name] += 1

        return cause

    def _processes(self, part: str) -> list[int]:
        found = children(self._stage.program.pid)
        return [pid for pid in found if part in command_of(pid)]

    def _kill_worker(self, _chance: random.Random) -> None:
        for pid in self._processes("forked"):
            os.kill(pid, signal.SIGKILL)

    def _kill_child(self, chance: random.Random) -> None:
        """A process that a worker forked for a packet; they are short-lived."""
        deadline = time.monotonic() + 1
        while time.monotonic() < deadline:
            found = [child for pid in self._processes("forked") for child in children(pid)]
            if found:
                os.kill(chance.choice(found), signal.SIGKILL)
                return
        raise ProcessLookupError

    def _kill_midi(self, _chance: random.Random) -> None:
        for pid in self._processes("oscbridge_midi"):
            os.kill(pid, signal.SIGKILL)

    def _stop_program(self, chance: random.Random) -> None:
        self._stage.program.signal(signal.SIGSTOP)
        time.sleep(chance.uniform(0.1, 1.0))
        self._stage.program.signal(signal.SIGCONT)

    def _jump_clock(self, chance: random.Random) -> None:
        self._stage.set_clock(chance.choice((-DAY, -HOUR, 0, HOUR, DAY)))

    def _reload(self, chance: random.Random) -> None:
        stage = self._stage
        stage.version += 1
        stage.program.configure(stage.configuration())
        if chance.random() < 0.5:
            stage.program.signal(signal.SIGHUP)
        elif problem := stage.program.reload():
            self.problems.append(problem)

    def _kill_peer(self, chance: random.Random) -> None:
        peer = self._stage.peers[chance.choice(("mortal", "remote"))]
        peer.kill()
        time.sleep(chance.uniform(0.0, 1.0))
        peer.start()

    def _stop_peer(self, chance: random.Random) -> None:
        peer = self._stage.peers[chance.choice(("steady", "mortal"))]
        peer.signal(signal.SIGSTOP)
        time.sleep(chance.uniform(0.1, 1.5))
        peer.signal(signal.SIGCONT)

    def _kill_broker(self, chance: random.Random) -> None:
        self._stage.kill_broker()
        time.sleep(chance.uniform(0.0, 1.0))
        self._stage.start_broker()

    def _stop_broker(self, chance: random.Random) -> None:
        broker = self._stage.broker
        assert broker is not None
        broker.send_signal(signal.SIGSTOP)
        time.sleep(chance.uniform(0.1, 1.5))
        broker.send_signal(signal.SIGCONT)

    def _cut_link(self, chance: random.Random) -> None:
        self._stage.set_link("down")
        time.sleep(chance.uniform(0.1, 1.5))
        self._stage.set_link("up")

    def _fill_disk(self, chance: random.Random) -> None:
        filler = self._stage.disk / "filler"
        with suppress(OSError), filler.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(65_536))
        time.sleep(chance.uniform(0.1, 1.5))
        filler.unlink()


class FailureThread(threading.Thread):
    """Causes random failures until it is stopped."""

    def __init__(self, failures: Mapping[str, Failure], chance: random.Random) -> None:
        super().__init__(daemon=True)
        self._failures, self._chance = failures, chance
        self._over = threading.Event()
        self._error: BaseException | None = None
        self.start()

    def run(self) -> None:
        try:
            while not self._over.wait(self._chance.uniform(*PAUSE)):
                self._failures[self._chance.choice(sorted(self._failures))](self._chance)
        except BaseException as error:
            self._error = error

    def stop(self) -> None:
        """Wait until the last failure is over. Raises what ended the thread."""
        self._over.set()
        self.join()
        if self._error is not None:
            raise self._error
