"""The program under test, ``oscbridge run`` in a session of its own, and what it holds."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from oscbridge.errors import OSCBridgeError
from oscbridge.monitoring import control_client
from oscbridge.monitoring.snapshots import decode_status
from oscbridge.status.status import Status

__all__ = ["Program", "children", "free_port", "kernel_drops", "session"]

PROGRAM = str(Path(sys.executable).with_name("oscbridge"))

STOP_TIMEOUT = 10.0
"""Seconds after which a program that does not stop is killed, and reported."""

ANSWER_TIMEOUT = 15.0
"""Seconds for the program to answer at all: it shares the machine with all its peers."""

MAX_STOP = 2.5
"""Seconds that a stop may take."""


def free_port(kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


class Program:
    """``oscbridge run FILE``; its configuration and its log are in ``folder``."""

    def __init__(self, folder: Path, env: Mapping[str, str] | None = None) -> None:
        self._file = folder / "bridge.toml"
        self._log = folder / "bridge.log"
        self._env = {**os.environ, "OSCBRIDGE_RUNTIME_DIR": str(folder), **(env or {})}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> str:
        """The end of the log."""
        return self._log.read_text(errors="replace")[-8_000:] if self._log.exists() else ""

    def configure(self, text: str) -> None:
        """Write the configuration; a running program reads it at the next reload."""
        self._file.write_text(text)

    def start(self) -> None:
        """Start it and wait until it is ready."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [PROGRAM, "run", str(self._file)],
                stdout=subprocess.PIPE,
                stderr=log,
                env=self._env,
                start_new_session=True,
            )
        assert self._process.stdout is not None
        while line := self._process.stdout.readline():
            if line.startswith(b"Ctrl-C"):
                return
        sys.exit(f"the program did not start:\n{self.log}")

    def check_alive(self) -> None:
        """Exit with its log if it has ended."""
        assert self._process is not None
        if self._process.poll() is not None:
            sys.exit(f"the program has ended with code {self._process.returncode}:\n{self.log}")

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def reload(self) -> str:
        """``oscbridge reload``. The problem, or an empty string.

        Raises `ProcessLookupError` if the program was killed before.
        """
        assert self._process is not None
        if self._process.returncode is not None:
            raise ProcessLookupError(self.pid)
        command = [PROGRAM, "reload", "--pid", str(self.pid)]
        deadline = time.monotonic() + ANSWER_TIMEOUT
        while True:
            done = subprocess.run(
                command, capture_output=True, text=True, env=self._env, check=False
            )
            if not done.returncode:
                return ""
            if "does not answer" not in done.stderr or time.monotonic() > deadline:
                return f"oscbridge reload: {done.stderr}"

    def status(self) -> Status:
        """Its status, as ``oscbridge top`` reads it."""
        deadline = time.monotonic() + ANSWER_TIMEOUT
        while True:
            try:
                return asyncio.run(self._read_status())
            except OSCBridgeError as error:
                if time.monotonic() > deadline:
                    raise
                print(error)

    async def _read_status(self) -> Status:
        os.environ["OSCBRIDGE_RUNTIME_DIR"] = self._env["OSCBRIDGE_RUNTIME_DIR"]
        process = await control_client.choose(self.pid)
        async with control_client.ask(process.socket, {"command": "status"}) as batches:
            async for answer, *_ in batches:
                return decode_status(answer["status"])
        raise AssertionError("the program does not send its status")

    def drained(self, timeout: float, ports: Mapping[str, int]) -> Status | None:
        """The status once no message is queued, held, in flight or unread at these UDP ports.

        None after ``timeout`` s.
        """
        deadline = time.monotonic() + timeout
        before = None
        while time.monotonic() < deadline:
            unread = sum(fields.unread for fields in udp_sockets(ports).values())
            status = self.status()
            received = [each.received.messages for each in status.bridges]
            waiting = sum(each.queued + each.in_flight for each in status.endpoints)
            waiting += sum(each.received.held for each in status.bridges)
            if not (unread or waiting) and received == before:
                return status
            before = received
            time.sleep(1)
        return None

    def stop(self) -> list[str]:
        """SIGTERM. The problems of the stop."""
        assert self._process is not None
        began = time.monotonic()
        self.signal(signal.SIGTERM)
        try:
            code = self._process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        took = time.monotonic() - began
        self._close()
        print(f"stopped with exit code {code} after {took:.1f} s")
        slow = code or took > MAX_STOP
        problems = [f"the stop took {took:.1f} s, with exit code {code}"] if slow else []
        return problems + self.left()

    def kill(self) -> None:
        """SIGKILL to the main process only."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._close()

    def left(self, timeout: float = 3.0) -> list[str]:
        """A problem if processes of an ended program remain after ``timeout`` seconds."""
        deadline = time.monotonic() + timeout
        while processes := session(self.pid):
            if time.monotonic() > deadline:
                return [f"processes are left: {[command_of(each) for each in processes]}"]
            time.sleep(0.05)
        return []

    def resources(self) -> dict[str, int]:
        """Memory of the main process in kB, its threads and descriptors, and the processes,
        without the children of forking bridges, which come and go."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        fields = dict(line.split(":", 1) for line in lines)
        return {
            "memory kB": int(fields["VmRSS"].split()[0]),
            "threads": int(fields["Threads"]),
            "descriptors": sum(1 for _ in Path(f"/proc/{self.pid}/fd").iterdir()),
            "processes": 1 + len(children(self.pid)),
        }

    def close(self) -> None:
        """Kill all that remains."""
        if self._process is not None:
            for pid in session(self.pid):
                with suppress(ProcessLookupError):  # it has just ended
                    os.kill(pid, signal.SIGKILL)
            self._process.wait()
            self._close()

    def _close(self) -> None:
        assert self._process is not None and self._process.stdout is not None
        self._process.stdout.close()


class PortCounters(NamedTuple):
    """The counters of a UDP port in ``/proc/net/udp`` (proc(5))."""

    unread: int = 0
    """Bytes in the receive buffer."""
    dropped: int = 0
    """Datagrams that the kernel dropped, as the buffer was full."""


def udp_sockets(ports: Mapping[str, int]) -> dict[str, PortCounters]:
    """The sockets of these UDP ports, by the names of the ports; of several, the sum."""
    found = dict.fromkeys(ports.values(), PortCounters())
    for line in Path("/proc/net/udp").read_text().splitlines()[1:]:
        fields = line.split()
        port = int(fields[1].rpartition(":")[2], 16)
        if port in found:
            unread, dropped = found[port]
            more = int(fields[4].rpartition(":")[2], 16)
            found[port] = PortCounters(unread + more, dropped + int(fields[-1]))
    return {name: found[port] for name, port in ports.items()}


def kernel_drops(ports: Mapping[str, int]) -> dict[str, int]:
    """Datagrams that the kernel dropped at these UDP ports, by the names of the ports."""
    return {name: each.dropped for name, each in udp_sockets(ports).items()}


def session(leader: int) -> list[int]:
    """The processes of a session."""
    return [pid for pid, fields in _processes() if int(fields[3]) == leader]


def children(parent: int) -> list[int]:
    return [pid for pid, fields in _processes() if int(fields[1]) == parent]


def command_of(pid: int) -> str:
    """The command line of a process; empty if it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
    except OSError:
        return ""


def _processes() -> list[tuple[int, list[str]]]:
    """Every running process, and the fields of its ``stat`` after the command (proc(5))."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            fields = (path / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has just ended
        if fields[0] != "Z":
            found.append((int(path.name), fields))
    return found
