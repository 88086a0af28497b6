"""Start: how long commands take, and from the start of the program to the first message delivered.

Byte code is compiled before, as an installation does it.
"""

from __future__ import annotations

import importlib.util
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path

from dashboards import join
from figures import Figure
from harness import PROGRAM, cpu_seconds, free_port, programs
from measured import Goal, show_goals
from table import show

ROUNDS = 7
STARTS = 3
"""Starts per figure."""

FIRST = "start to the first message at a WebSocket client"

EVERY = 0.002
"""Seconds between messages that are sent until the first one arrives."""

LIMIT = 20.0

MESSAGE = b"/start\0\0,i\0\0\0\0\0\1"

BRIDGE = """
[bridge.in]
listen = "udp://127.0.0.1:{port}"
mode   = "{mode}"
"""
OUT = """
[endpoint.out]
type = "osc"
to   = "udp://127.0.0.1:{to}"
"""
ROUTE = '[[route]]\nfrom = "in"\nto = "out"\n'
WEB = '[endpoint.web]\ntype = "websocket"\nlisten = "127.0.0.1:{web}"\n'

PYTHON_OSC = """
import sys
from pythonosc.dispatcher import Dispatcher
from pythonosc.osc_server import BlockingOSCUDPServer
from pythonosc.udp_client import SimpleUDPClient
client = SimpleUDPClient("127.0.0.1", int(sys.argv[2]))
dispatcher = Dispatcher()
dispatcher.set_default_handler(client.send_message)
BlockingOSCUDPServer(("127.0.0.1", int(sys.argv[1])), dispatcher).serve_forever()
"""


PACKAGES = ("oscbridge", "oscbridge_websocket", "oscbridge_mqtt", "oscbridge_midi")


@cache
def compile_packages(python: str = sys.executable) -> None:
    """Write the byte code of all our packages."""
    for name in PACKAGES:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.submodule_search_locations:
            folders = list(spec.submodule_search_locations)
            subprocess.run([python, "-m", "compileall", "-q", *folders], check=True)


def first_message(command: list[str], port: int, out: socket.socket) -> tuple[float, float]:
    """Seconds from the start of a command until a message that is sent to ``port`` comes out,
    and CPU seconds of its first process."""
    out.settimeout(EVERY)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        began = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            while time.perf_counter() - began < LIMIT:
                sender.sendto(MESSAGE, ("127.0.0.1", port))
                try:
                    out.recv(100)
                except TimeoutError:
                    continue
                return time.perf_counter() - began, cpu_seconds(process.pid)
        finally:
            process.terminate()
            process.wait(10)
    raise TimeoutError(f"nothing came out within {LIMIT:g} s: {command}")


def first_web_message(folder: Path, program: str) -> float:
    """Seconds from the start of a bridge with a WebSocket endpoint until a client has a message."""
    udp, web = free_port(socket.SOCK_DGRAM), free_port(socket.SOCK_STREAM)
    file = folder / "bench.toml"
    file.write_text(BRIDGE.format(port=udp, mode="asyncio") + WEB.format(web=web))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        began = time.perf_counter()
        process = subprocess.Popen([program, "run", str(file)], stdout=subprocess.DEVNULL)
        try:
            while True:
                try:
                    client = join(web)
                    break
                except ConnectionRefusedError:
                    if time.perf_counter() - began > LIMIT:
                        raise
                    time.sleep(EVERY)
            with client:
                client.settimeout(EVERY)
                while time.perf_counter() - began < LIMIT:
                    sender.sendto(MESSAGE, ("127.0.0.1", udp))
                    try:
                        client.recv(100)
                    except TimeoutError:
                        continue
                    return time.perf_counter() - began
        finally:
            process.terminate()
            process.wait(10)
    raise TimeoutError(f"no client got a message within {LIMIT:g} s")


def command_seconds(*command: str) -> float:
    """Seconds that a command takes."""
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def command(kind: str, folder: Path, port: int, to: int) -> list[str]:
    if kind == "python-osc":
        return [sys.executable, "-c", PYTHON_OSC, str(port), str(to)]
    mode = "asyncio" if kind == "all plugins" else kind
    text = BRIDGE.format(port=port, mode=mode) + OUT.format(to=to) + ROUTE
    if kind == "all plugins":
        text += WEB.format(web=free_port(socket.SOCK_STREAM))
        text += f'[http]\nlisten = "127.0.0.1:{free_port(socket.SOCK_STREAM)}"\n'
    file = folder / "bench.toml"
    file.write_text(text)
    return [PROGRAM, "run", str(file)]


def measure(kind: str, rounds: int = ROUNDS) -> tuple[float, float]:
    """Milliseconds and CPU milliseconds, the medians over some starts."""
    compile_packages()
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(rounds):
            port = free_port(socket.SOCK_DGRAM)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
                out.bind(("127.0.0.1", 0))
                to = out.getsockname()[1]
                found.append(first_message(command(kind, Path(folder), port, to), port, out))
    seconds, cpu = zip(*found, strict=True)
    return statistics.median(seconds) * 1000, statistics.median(cpu) * 1000


def figures() -> Iterator[Figure]:
    for kind in ("asyncio", "forking", "all plugins"):
        took, cpu = measure(kind, STARTS)
        yield Figure(f"{kind}, first message", took, "ms", "lower")
        yield Figure(f"{kind}, CPU time", cpu, "ms", "lower")


def goals() -> Iterator[Goal]:
    """With each Python; all starts alternate."""
    cases: dict[str, tuple[float, Callable[[], float]]] = {}
    with (
        tempfile.TemporaryDirectory() as folder,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink,
    ):
        sink.bind(("127.0.0.1", 0))
        send = "send", "/hello", "1", "--to", f"udp://127.0.0.1:{sink.getsockname()[1]}"
        for suffix, program in programs().items():
            compile_packages(str(Path(program).with_name("python")))
            cases |= {
                f"{FIRST}{suffix}": (350.0, partial(first_web_message, Path(folder), program)),
                f"`oscbridge --help`{suffix}": (120.0, partial(command_seconds, program, "--help")),
                f"`oscbridge send`{suffix}": (70.0, partial(command_seconds, program, *send)),
            }
        found: dict[str, list[float]] = {name: [] for name in cases}
        for _ in range(ROUNDS):
            for name, (_, measured) in cases.items():
                found[name].append(measured() * 1000)
    for name, (limit, _) in cases.items():
        yield Goal(name, statistics.median(found[name]), "ms", limit)


def report() -> None:
    titles = {
        "asyncio": "oscbridge, one bridge, one OSC endpoint",
        "forking": "the same, forking",
        "all plugins": "oscbridge with a WebSocket endpoint and metrics as well",
        "python-osc": "a relay on python-osc",
    }
    rows = [(title, f"{measure(kind)[0]:.0f} ms") for kind, title in titles.items()]
    show("From the start to the first message delivered", ("", "median"), rows)
    show_goals(f"Start, median of {ROUNDS}", goals())
