"""The real program in a separate process, and the real peers."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

import pytest
from websockets.sync.client import ClientConnection, connect

CONFIGURATION = """
[bridge.osc]
listen = "udp://127.0.0.1:0"
mode   = "{mode}"

[endpoint.web]
type   = "websocket"
listen = "127.0.0.1:0"
{options}
"""

PROGRAM = Path(sys.executable).with_name("oscbridge")
SCRIPTS = Path(__file__).parent.parent / "js"
END_TIMEOUT = 2.0


class Program:
    """``oscbridge run FILE``, once it is ready."""

    def __init__(self, folder: Path, configuration: str) -> None:
        file = folder / "oscbridge.toml"
        file.write_text(configuration)
        self._log = folder / "stderr.txt"
        self._asked_to_end = False
        with self._log.open("wb") as stderr:
            self._process = subprocess.Popen(
                [PROGRAM, "run", file],
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                env={**os.environ, "PYTHONFAULTHANDLER": "1"},
            )
        self.banner = "".join(iter(self._line, ""))
        self.udp_port = self._port("udp")
        self.web_port = self._port("wss?")

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"the program ended: {self.log}"
        return "" if line.startswith("Ctrl-C stops it") else line

    def _port(self, scheme: str) -> int:
        found = re.search(rf"{scheme}://127\.0\.0\.1:(\d+)", self.banner)
        assert found, self.banner
        return int(found[1])

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.web_port}"

    @property
    def log(self) -> str:
        return self._log.read_text()

    def terminate(self) -> None:
        """Stop it as an operator does; a second signal would end it at once."""
        if not self._asked_to_end:
            self._asked_to_end = True
            self._process.send_signal(signal.SIGTERM)

    def stop(self) -> None:
        """Stop it, and check its exit."""
        self.terminate()
        try:
            self._process.communicate(timeout=END_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGABRT)  # then it logs where it hangs
            self._process.communicate()
            raise AssertionError(f"no end within {END_TIMEOUT} s: {self.log}") from None
        assert self._process.returncode == 0, self.log
        assert "Traceback" not in self.log, self.log


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[..., Program]]:
    """Starts the program; ``options`` are lines of TOML for the WebSocket endpoint."""
    programs: list[Program] = []

    def run(options: str = "", mode: str = "asyncio") -> Program:
        folder = tmp_path / f"program-{len(programs)}"
        folder.mkdir()
        programs.append(Program(folder, CONFIGURATION.format(options=options, mode=mode)))
        return programs[-1]

    yield run
    for program in programs:
        program.stop()


@pytest.fixture
def program(run: Callable[..., Program]) -> Program:
    return run()


class Peer:
    """A script of tests/js that is connected to the program."""

    def __init__(self, script: str, url: str) -> None:
        self._process = subprocess.Popen(
            ["node", SCRIPTS / script, url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        assert self.read() == {"event": "open"}

    def read(self) -> Any:
        """The next line that it prints."""
        output: IO[str] | None = self._process.stdout
        assert output is not None
        line = output.readline()
        assert line, "the peer ended"
        return json.loads(line)

    def send(self, packet: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(packet) + "\n")

    def stop(self) -> None:
        self._process.communicate(timeout=10)  # closes its standard input: it exits
        assert self._process.returncode == 0


@pytest.fixture
def peer() -> Iterator[Callable[[str, Program], Peer]]:
    """Starts the peer ``osc`` or ``osc-js``."""
    peers: list[Peer] = []
    scripts = {"osc": "osc_peer.js", "osc-js": "osc_js_peer.js"}

    def peer(name: str, program: Program) -> Peer:
        peers.append(Peer(scripts[name], program.url))
        return peers[-1]

    yield peer
    for each in peers:
        each.stop()


@pytest.fixture
def join() -> Iterator[Callable[..., ClientConnection]]:
    """Connects a client of the ``websockets`` library."""
    with ExitStack() as stack:

        def join(program: Program, *subprotocols: str) -> ClientConnection:
            return stack.enter_context(
                connect(
                    program.url,
                    subprotocols=list(subprotocols) or None,  # type: ignore[arg-type]
                    compression=None,
                    proxy=None,
                )
            )

        yield join
