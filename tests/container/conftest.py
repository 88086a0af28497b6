"""A real engine for all tests of this folder, the image it builds, and its containers."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

sys.path.insert(0, str(Path(__file__).parent))  # its modules are not a package

from engine import Container, Engine
from stand_ins import make_base, make_brokers

from oscbridge.udp_client import SimpleUDPClient

ROOT = Path(__file__).parents[2]
HARDENED = ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges")
"""The restrictions of a hardened container."""


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """The engine. It leaves nothing behind."""
    engine = Engine()
    try:
        yield engine
    finally:
        engine.stop()


@pytest.fixture(scope="session")
def image(engine: Engine) -> str:
    """The image of docker/Dockerfile, built with the documented command."""
    began = time.monotonic()
    make_base(engine)
    made = time.monotonic()
    result = engine.call("container", program="make", cwd=ROOT)
    assert result.returncode == 0, result.stdout
    built = time.monotonic()
    print(f"\nbase image {made - began:.0f} s, build {built - made:.0f} s")
    return "oscbridge"


@pytest.fixture(scope="session")
def brokers(engine: Engine) -> None:
    """Images of the brokers under the names that the compose files use."""
    make_brokers(engine)


@pytest.fixture
def run(engine: Engine, image: str) -> Iterator[Callable[..., Container]]:
    """Starts containers of the image; they are removed afterwards.

    ``options`` are those of ``docker run``, the other arguments those of the program.
    """
    started: list[Container] = []

    def run(*options: str, args: tuple[str, ...] = (), of: str = image) -> Container:
        started.append(engine.run(*HARDENED, *options, of, *args))
        return started[-1]

    yield run
    for container in started:
        container.remove()


@pytest.fixture
def send() -> Callable[..., None]:
    """Sends one OSC message to a UDP port of this machine."""

    def send(port: int, address: str, *args: object) -> None:
        with SimpleUDPClient("127.0.0.1", port) as client:
            client.send_message(address, list(args))

    return send


class Dashboard:
    """A WebSocket client that reads JSON."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    def message(self, timeout: float = 10.0) -> tuple[Any, ...]:
        """The next message: the address, and the values. Raises ``TimeoutError``."""
        found = json.loads(self._connection.recv(timeout))
        return (found["address"], *(arg["value"] for arg in found["args"]))


@pytest.fixture
def dashboard() -> Iterator[Callable[..., Dashboard]]:
    """Connects to a port of this machine, as soon as a server answers there."""
    with ExitStack() as connections:

        def dashboard(port: int, timeout: float = 20.0, path: str = "") -> Dashboard:
            deadline = time.monotonic() + timeout
            url = f"ws://127.0.0.1:{port}/{path}"
            while True:
                try:
                    connection = connections.enter_context(connect(url, subprotocols=["osc.json"]))
                    return Dashboard(connection)
                except (OSError, WebSocketException):
                    assert time.monotonic() < deadline, "no server answers"
                    time.sleep(0.01)

        yield dashboard


@pytest.fixture
def mount(tmp_path: Path) -> Callable[..., str]:
    """An option of ``docker run`` that mounts a configuration."""

    def mount(text: str, mode: int = 0o644) -> str:
        file = tmp_path / "oscbridge.toml"
        file.write_text(text)
        file.chmod(mode)
        return f"--volume={file}:/etc/oscbridge/oscbridge.toml:ro"

    return mount
