"""A program with a forking server, and the lines that it and its children write."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import textwrap
import threading

from waiting import wait_until

from tests.support.processes import members_of_session, processes

__all__ = ["UDP", "WAIT", "ForkingProgram"]

WAIT = 20.0

HEAD = """
import os, signal, sys, time
from oscbridge.dispatcher import Dispatcher
from oscbridge.net.allowlist import AllowList
from oscbridge.osc_server import ForkingOSCUDPServer
from oscbridge.osc_tcp_server import ForkingOSCTCPServer
from oscbridge.server.connection_limits import StreamLimits

def say(*words):
    print(*words, flush=True)

dispatcher = Dispatcher()
dispatcher.map("/pid", lambda address: ("/pid", os.getpid()))
dispatcher.map("/print", lambda address, *words: print(*words))
dispatcher.map("/say", lambda address, *words: say(*words))
"""
TAIL = """
say(server.server_address[1], os.getpid())
try:
    with server:
        server.serve_forever(0.05)
except KeyboardInterrupt:
    pass
say("failed", server.children.failed, "alive", len(server.children))
statistics = dispatcher.statistics
say(statistics.messages, statistics.unmatched, dict(statistics.bad), dict(statistics.closed))
"""
UDP = 'server = ForkingOSCUDPServer(("127.0.0.1", 0), dispatcher)\n'


class ForkingProgram:
    """A program with a forking server, and the lines that it and its children write."""

    def __init__(self, body: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", HEAD + textwrap.dedent(body) + TAIL],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
            env={**os.environ, "PYTHONUNBUFFERED": ""},
        )  # fmt: skip
        assert self._process.stdout is not None
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        port, pid = self.line().split()
        self.address, self.pid = ("127.0.0.1", int(port)), int(pid)

    def _read(self) -> None:
        for line in self._process.stdout:  # type: ignore[union-attr]
            self._lines.put(line.rstrip("\n"))
        self._lines.put("end of output")

    def line(self) -> str:
        return self._lines.get(timeout=WAIT)

    def lines_so_far(self) -> list[str]:
        """The lines that have been printed and not yet been returned."""
        return [self.line() for _ in range(self._lines.qsize())]

    def children(self) -> list[int]:
        """Its children, with zombies."""
        return [each.pid for each in processes() if each.parent == self.pid]

    def until_no_children(self) -> None:
        wait_until(lambda: not self.children())

    def stop(self) -> list[str]:
        """Interrupt only the parent, and return the remaining lines."""
        self._process.send_signal(signal.SIGINT)
        return self.wait()

    def wait(self) -> list[str]:
        """Wait until all processes have ended, and return the remaining lines."""
        lines = []
        while (line := self.line()) != "end of output":
            lines.append(line)
        self._process.wait(WAIT)
        assert self.session() == []
        return lines

    def session(self) -> list[int]:
        """The running processes of the program's group."""
        return members_of_session(self._process.pid)

    def errors(self) -> str:
        return self._process.stderr.read()  # type: ignore[union-attr]

    def close(self) -> None:
        for pid in self.session():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self._reader.join(WAIT)
        with self._process:
            pass
