"""Tries a bundled program as its users do: ``python bundle/check.py FOLDER/oscbridge``.

The program gets an empty home, ports of its own, and a PATH without Python.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.request import ProxyHandler, build_opener

from websockets.sync.client import connect

from oscbridge import Message, encode_message
from oscbridge.testing import OscbridgeProcess
from oscbridge.testing.process import READY

PLUGINS: Final = (
    "osc",
    "dmx",
    "midi",
    "mqtt",
    "nats",
    "oscquery",
    "serial",
    "ui",
    "webhook",
    "websocket",
)
TIMEOUT: Final = 60.0
STOP: Final = signal.SIGTERM if os.name == "nt" else signal.SIGINT
FUNCTION: Final = """
import sqlite3, statistics, zoneinfo
from oscbridge import Message

def middle(message):
    return Message.of("/middle", statistics.mean(message.args))
"""
CONFIGURATION: Final = """
[bridge.stage]
listen = "udp://127.0.0.1:0"
[endpoint.web]
type = "websocket"
listen = "127.0.0.1:0"
[[route]]
from = "stage"
to = "web"
function = "mine:middle"
[[test]]
name = "the middle"
from = "stage"
send = "/a 1.0 2.0"
expect = "web /middle 1.5"
"""


def check(condition: object, what: str) -> None:
    if not condition:
        raise AssertionError(what)


class Program:
    """The bundled program with a home and ports of its own."""

    def __init__(self, program: Path, home: Path) -> None:
        self._program = str(program)
        self._home = home
        self.osc, self.web, self.http = _ports()
        self.opened = home / "opened"
        browser = home / "browser"
        browser.write_text(f'#!/bin/sh\necho "$1" >>"{self.opened}"\n')
        browser.chmod(0o755)
        keep = {name: os.environ[name] for name in ("SYSTEMROOT", "TEMP") if name in os.environ}
        self.env = keep | {
            "HOME": str(home),
            "USERPROFILE": str(home),
            "PATH": "/usr/bin:/bin" if os.name == "posix" else os.environ["PATH"],
            "LANG": "C.UTF-8",
            "BROWSER": f"{browser} %s",
            "OSCBRIDGE_RUNTIME_DIR": str(home / "run"),
            "OSCBRIDGE__BRIDGE__OSC__LISTEN": f"udp://127.0.0.1:{self.osc}",
            "OSCBRIDGE__ENDPOINT__WEB__LISTEN": f"127.0.0.1:{self.web}",
            "OSCBRIDGE__HTTP__LISTEN": f"127.0.0.1:{self.http}",
        }
        (home / "run").mkdir(mode=0o700)

    def call(self, *args: str, env: dict[str, str] | None = None) -> str:
        """The output of a command that must succeed."""
        done = subprocess.run(
            [self._program, *args],
            env=self.env if env is None else env,
            cwd=self._home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT,
        )
        check(done.returncode == 0, f"{args} failed:\n{done.stdout}")
        return done.stdout

    @contextmanager
    def run(self, *args: str, **env: str) -> Iterator[float]:
        """Run it until it is ready. Yields the seconds that took."""
        began = time.monotonic()
        process = OscbridgeProcess(
            *args, env=self.env | env, program=self._program, folder=self._home
        )
        try:
            process.wait_for(READY, TIMEOUT)
            yield time.monotonic() - began
            code = process.stop(STOP, TIMEOUT)
            check("Traceback" not in process.output, process.output)
            check(os.name == "nt" or code == 0, f"exit code {code}")
        finally:
            process.close()


def _ports() -> list[int]:
    kinds = (socket.SOCK_DGRAM, socket.SOCK_STREAM, socket.SOCK_STREAM)
    sockets = [socket.socket(socket.AF_INET, kind) for kind in kinds]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _until(found: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + TIMEOUT
    while not found():
        check(time.monotonic() < deadline, f"{what}: not within {TIMEOUT:g} s")
        time.sleep(0.02)


def check_commands(program: Program, folder: Path) -> None:
    """All plugins are found; a configuration with a function of the user runs."""
    check(re.search(r"oscbridge \d", program.call("--version")), "--version")
    listed = program.call("plugins")
    found = dict(re.findall(r"^(\w+) (\d\S*)$", listed, re.MULTILINE))
    check(set(found) >= set(PLUGINS), f"plugins are missing: {listed}")
    check("broken" not in listed and "  version  " not in listed, listed)
    (folder / "mine.py").write_text(FUNCTION)
    (folder / "mine.toml").write_text(CONFIGURATION)
    plain = {name: v for name, v in program.env.items() if not name.startswith("OSCBRIDGE__")}
    check("valid" in program.call("check", "mine.toml", env=plain), "check")
    check("1 passed" in program.call("test", "mine.toml", env=plain), "test")
    check("shared-mixer" in program.call("examples"), "examples")
    check("oscbridge" in program.call("doctor"), "doctor")
    check("Size of the send queue" in program.call("plugins", "show", "osc"), "help of options")


def check_start(program: Program) -> float:
    """A start by double-click shows the control room, passes a message, and a second start too."""
    with program.run() as took:
        _until(program.opened.exists, "the browser is opened")
        url = f"http://127.0.0.1:{program.http}/"
        _until(lambda: program.opened.read_text() == f"{url}\n", "the browser gets the address")
        with build_opener(ProxyHandler({})).open(url, timeout=TIMEOUT) as answer:
            check(b"<script" in answer.read(), "the page of the control room is missing")
        _pass_message(program)
        check("is running already" in program.call(), "the second start")
        _until(lambda: program.opened.read_text() == f"{url}\n" * 2, "the browser is opened again")
    return took


def _pass_message(program: Program) -> None:
    url = f"ws://127.0.0.1:{program.web}/"
    with (
        connect(url, subprotocols=["osc.json"], proxy=None) as client,  # type: ignore[list-item]
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock,
    ):
        sock.sendto(encode_message(Message.of("/fader", 0.5)), ("127.0.0.1", program.osc))
        check('"/fader"' in str(client.recv(TIMEOUT)), "the message did not arrive")


def check_login(program: Program) -> None:
    check("does not start" in program.call("login"), "login status")
    check("starts when you log in" in program.call("login", "on"), "login on")
    check("starts when you log in" in program.call("login", "status"), "login status")
    check("does not start" in program.call("login", "off"), "login off")


def main(folder: Path) -> None:
    name = "oscbridge.exe" if sys.platform == "win32" else "oscbridge"
    with tempfile.TemporaryDirectory(prefix="oscbridge-bundle-") as home:
        program = Program(folder / name, Path(home))
        check_commands(program, Path(home))
        check_login(program)
        took = check_start(program)
        if os.name == "posix":  # its workers are this program, too
            with program.run("run", OSCBRIDGE__BRIDGE__OSC__MODE="forking"):
                _pass_message(program)
    print(f"The bundled program works; it is ready {took:.1f} s after its start")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python bundle/check.py FOLDER")
    main(Path(sys.argv[1]).absolute())
