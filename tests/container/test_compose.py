"""The unmodified compose files, with real brokers."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from engine import Container, Engine, wait_until
from ports import free_port
from stand_ins import BROKER

FOLDER = Path(__file__).parents[2] / "docker"


class Project:
    """One compose file with its own ports."""

    def __init__(self, engine: Engine, file: Path, ports: dict[str, int]) -> None:
        self.name = f"test{time.monotonic_ns()}"
        self.ports = ports
        self._engine = engine
        self._file = file
        self._variables = {f"OSCBRIDGE_{name}_PORT": str(port) for name, port in ports.items()}
        new = engine.call("compose", "version").returncode == 0
        self._program = "docker compose" if new else "docker-compose"

    def __call__(self, *args: str) -> str:
        result = self._engine.call(
            *("--file", self._file.name, "--project-name", self.name, *args),
            program=self._program,
            cwd=self._file.parent,
            **self._variables,
        )
        assert result.returncode == 0, result.stdout
        return result.stdout

    def container(self, service: str) -> Container:
        return Container(self._engine, self("ps", "--quiet", service).strip())

    def subscribe(self, *topics: str) -> Container:
        """A container with a subscriber, once it has subscribed."""
        options = [word for topic in ("oscbridge/status", *topics) for word in ("-t", topic)]
        subscriber = self._engine.run(
            *(f"--network={self.name}_default", BROKER),
            *("mosquitto_sub", "-h", "mosquitto", "-v", *options),
        )
        subscriber.wait_for_log("oscbridge/status online")  # the broker has kept the message
        return subscriber


@pytest.fixture
def project(engine: Engine, image: str, brokers: None) -> Iterator[Callable[..., Project]]:
    """Makes projects of compose files; they are taken down again."""
    made: list[Project] = []

    def project(name: str, folder: Path = FOLDER) -> Project:
        ports = ("OSC", "OSC_TCP", "OSC2", "OSC2_TCP", "WEB", "HTTP", "MQTT", "WEB1", "WEB2")
        made.append(Project(engine, folder / name, {port: free_port() for port in ports}))
        return made[-1]

    yield project
    for each in made:
        each("down", "--volumes", "--timeout", "2")


def test_osc_reaches_a_subscriber_and_the_page_and_resumes_after_a_broker_restart(
    project: Callable[..., Project], send: Callable[..., None], dashboard: Callable[..., Any]
) -> None:
    compose = project("compose.yaml")
    compose("up", "--detach")
    compose.container("bridge").wait_until_healthy()
    osc = compose.ports["OSC"]

    subscriber = compose.subscribe("osc/#")
    send(osc, "/mixer/1", 0.25)
    subscriber.wait_for_log("osc/mixer/1 0.25")

    page = dashboard(compose.ports["WEB"])  # the endpoint has a snapshot
    assert page.message() == ("/mixer/1", 0.25)
    send(osc, "/mixer/1", 0.75)
    assert page.message() == ("/mixer/1", 0.75)

    broker = compose.container("mosquitto")
    os.kill(int(broker.inspect(".State.Pid")), signal.SIGKILL)
    client = dashboard(compose.ports["WEB"], path="?snapshot=0")
    send(osc, "/during", 1)  # clients keep working meanwhile
    while client.message()[0] != "/during":
        pass
    wait_until(lambda: broker.inspect(".RestartCount") == "1", "the broker is started again")
    broker.wait_until_healthy()
    compose.container("bridge").wait_until_healthy()
    again = compose.subscribe("osc/#")

    def arrived() -> bool:
        send(osc, "/mixer/2", 0.5)
        return "osc/mixer/2 0.5" in again.logs()

    wait_until(arrived, "traffic continues with the broker back")
    again.remove()
    subscriber.remove()


@pytest.mark.parametrize("problem", ["bad", "unreadable"])
def test_configuration_problem_stops_the_bridge_with_one_line_after_a_few_restarts(
    project: Callable[..., Project], tmp_path: Path, problem: str
) -> None:
    folder = tmp_path / "docker"
    shutil.copytree(FOLDER, folder)
    file = folder / "oscbridge.toml"
    text = file.read_text()
    if problem == "bad":
        file.write_text(text.replace("listen", "lisen", 1))
    else:
        file.chmod(0o600)
    compose = project("compose.yaml", folder)
    compose("up", "--detach")
    bridge = compose.container("bridge")
    wait_until(lambda: bridge.inspect(".RestartCount") == "5", "it is tried five times more")
    assert bridge.wait_until_ended() != 0
    line = {
        "bad": "bridge.osc.lisen: unknown key; did you mean 'listen'?",
        "unreadable": "oscbridge.toml cannot be read by user 10001",
    }[problem]
    assert bridge.logs().count(line) == 6


@pytest.mark.parametrize(
    ("file", "names", "lost"),
    [
        ("compose.mqtt-cluster.yaml", ("in", "web1", "web2"), ("nats1",)),
        (
            "compose.cluster.yaml",
            ("ingest1", "ingest2", "worker1", "worker2", "web1", "web2"),
            ("nats1", "worker1"),
        ),
    ],
)
def test_cluster_serves_all_clients_and_survives_the_loss_of_a_node(
    project: Callable[..., Project],
    send: Callable[..., None],
    dashboard: Callable[..., Any],
    file: str,
    names: tuple[str, ...],
    lost: tuple[str, ...],
) -> None:
    compose = project(file)
    compose("up", "--detach")
    bridges = [compose.container(name) for name in names]
    for bridge in bridges:
        bridge.wait_until_healthy()
    clients = [dashboard(compose.ports[name]) for name in ("WEB1", "WEB2")]

    def reaches_all(address: str) -> None:
        for client in clients:
            deadline = time.monotonic() + 60
            while True:
                send(compose.ports["OSC"], address, 0.5)
                try:
                    if client.message(timeout=0.5) == (address, 0.5):
                        break
                except TimeoutError:
                    assert time.monotonic() < deadline, f"{address} does not arrive"

    reaches_all("/before")
    compose("stop", "--timeout", "2", *lost)
    reaches_all("/after")
    log = "".join(bridge.logs() for bridge in bridges)
    assert "Traceback" not in log
