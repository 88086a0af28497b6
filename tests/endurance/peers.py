"""The peers of the program under test: senders and receivers, each in a process of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import NamedTuple

__all__ = ["Peer", "Sender", "Sent"]

HERE = Path(__file__).parent

COUNT_TIMEOUT = 20.0
"""Seconds for a peer to read the rest and to print its counts."""


class Peer:
    """A receiver, ``peer.py ARGS``. ``command`` is put before it."""

    def __init__(self, *args: str, command: tuple[str, ...] = ()) -> None:
        self._command = [*command, sys.executable, str(HERE / "peer.py"), *args]
        self._process: subprocess.Popen[str] | None = None
        self.received: Counter[str] = Counter()
        """Messages by the first part of their address, of all its lives that ended by
        :meth:`end`."""

    def start(self) -> None:
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        ready = self._process.stdout.readline()
        assert ready == "ready\n", f"{self._command} did not start: {ready!r}"

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL; what it has received is lost."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def end(self) -> None:
        """Let it read the rest, and end it."""
        assert self._process is not None
        output, _ = self._process.communicate(timeout=COUNT_TIMEOUT)
        self.received.update(json.loads(output.splitlines()[-1]))
        self._process = None


class Sent(NamedTuple):
    """What a sender has done."""

    messages: int
    refused: int
    """Messages of these that the kernel refused, as nobody listened: a lower bound."""


class Sender:
    """Sends numbered messages ``/NAME/fader N`` at a steady rate."""

    def __init__(self, name: str, port: int, rate: float, seconds: float, first: int = 0) -> None:
        command = [sys.executable, str(HERE / "sender.py"), name, str(port)]
        self._process = subprocess.Popen(
            [*command, str(rate), str(seconds), str(first)], stdout=subprocess.PIPE, text=True
        )

    @property
    def is_done(self) -> bool:
        return self._process.poll() is not None

    def sent(self) -> Sent:
        """Wait for its end."""
        output, _ = self._process.communicate()
        return Sent(*map(int, output.split()))

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()
