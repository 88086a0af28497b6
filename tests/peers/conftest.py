"""The real program in a separate process, and the real peers."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

import pytest
from websockets.sync.client import ClientConnection, connect

from oscbridge.testing import OscbridgeProcess, running_process

CONFIGURATION = """
[bridge.osc]
listen = "udp://127.0.0.1:0"
mode   = "{mode}"

[endpoint.web]
type   = "websocket"
listen = "127.0.0.1:{port}"
{options}
"""

SCRIPTS = Path(__file__).parent.parent / "js"
END_TIMEOUT = 15.0
"""Seconds; a stop that takes more than two of them exits with another code than 0."""


class WebProgram:
    """The running program, and what can be observed of it."""

    def __init__(self, process: OscbridgeProcess, log: Path) -> None:
        self._process = process
        self._log = log
        self._asked_to_end = False
        self.banner = process.output
        self.udp_port = process.port("osc")
        self.web_port = process.port("web")

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
            self._process.process.send_signal(signal.SIGTERM)

    def stop(self) -> None:
        """Stop it, and check its exit."""
        self.terminate()
        try:
            code = self._process.ended(END_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.stop(signal.SIGABRT)  # the log then shows where it hangs
            raise AssertionError(f"no end within {END_TIMEOUT} s: {self.log}") from None
        assert code == 0, self.log
        assert "Traceback" not in self.log, self.log


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[..., WebProgram]]:
    """Starts the program; ``options`` are lines of TOML for the WebSocket endpoint."""
    programs: list[WebProgram] = []
    with ExitStack() as stack:

        def run(options: str = "", mode: str = "asyncio", port: int = 0) -> WebProgram:
            log = tmp_path / f"stderr-{len(programs)}.txt"
            text = CONFIGURATION.format(options=options, mode=mode, port=port)
            env = {"PYTHONFAULTHANDLER": "1"}
            file = stack.enter_context(log.open("wb"))
            process = stack.enter_context(running_process(text, env=env, stderr=file))
            programs.append(WebProgram(process, log))
            return programs[-1]

        yield run
        for program in programs:
            program.stop()


@pytest.fixture
def program(run: Callable[..., WebProgram]) -> WebProgram:
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
def peer() -> Iterator[Callable[[str, WebProgram], Peer]]:
    """Starts the peer ``osc`` or ``osc-js``."""
    peers: list[Peer] = []
    scripts = {"osc": "osc_peer.js", "osc-js": "osc_js_peer.js"}

    def peer(name: str, program: WebProgram) -> Peer:
        peers.append(Peer(scripts[name], program.url))
        return peers[-1]

    yield peer
    for each in peers:
        each.stop()


@pytest.fixture
def join() -> Iterator[Callable[..., ClientConnection]]:
    """Connects a client of the ``websockets`` library."""
    with ExitStack() as stack:

        def join(program: WebProgram, *subprotocols: str) -> ClientConnection:
            return stack.enter_context(
                connect(
                    program.url,
                    subprotocols=list(subprotocols) or None,  # type: ignore[arg-type]
                    compression=None,
                    proxy=None,
                )
            )

        yield join
