"""The image: build, restricted run and stop."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from engine import Container, Engine, wait_until
from ports import free_port
from stand_ins import BASE

from oscbridge import Message, encode_message

ROOT = Path(__file__).parents[2]
BOUND = 90_000_000
"""Bytes that the image may add to its base."""

MAX_SIZE = 260_000_000
"""Bytes of the image, with the control room and all plugins."""

FIRST_MESSAGE = 5.0
"""Seconds from `docker run` to the first message on a busy machine; the goal is 1."""


def size(engine: Engine, image: str) -> int:
    return int(engine.docker("image", "inspect", "--format={{.Size}}", image))


@pytest.fixture
def published() -> tuple[int, int]:
    """Ports of this machine for OSC and for the page."""
    return free_port(), free_port()


@pytest.fixture
def bridge(run: Callable[..., Container], published: tuple[int, int]) -> Callable[..., Container]:
    """Starts the container with both ports published only on this machine."""
    osc, web = published

    def bridge(*options: str, args: tuple[str, ...] = ()) -> Container:
        ports = (f"--publish=127.0.0.1:{osc}:9000/udp", f"--publish=127.0.0.1:{web}:8080")
        return run(*ports, *options, args=args)

    return bridge


def test_image_adds_at_most_90_mb_to_its_base(
    engine: Engine, image: str, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, base = size(engine, image), size(engine, BASE)
    with capsys.disabled():
        print(f"\nimage {whole / 1e6:.0f} MB, {(whole - base) / 1e6:.0f} MB over its base")
    assert whole - base < BOUND
    assert whole < MAX_SIZE


def test_image_describes_itself(engine: Engine, image: str) -> None:
    (found,) = json.loads(engine.docker("image", "inspect", image))
    labels = found["Config"]["Labels"]
    prefix = "org.opencontainers.image."
    assert labels[f"{prefix}title"] == "oscbridge"
    assert labels[f"{prefix}licenses"] == "MIT"
    assert labels[f"{prefix}version"] == version("oscbridge")
    assert labels[f"{prefix}revision"]
    assert "OSC" in labels[f"{prefix}description"]
    assert found["Config"]["User"] == "10001"
    assert found["Config"]["Healthcheck"]["Test"][1].startswith("oscbridge health")


def test_image_contains_no_compiler_source_or_builder_settings(engine: Engine, image: str) -> None:
    script = "which gcc cc c++ make; ls /source /wheels /tests; find / -name '*.whl' -xdev"
    found = engine.call("run", "--rm", "--user=0", "--entrypoint=sh", image, "-c", script).stdout
    rest = [line for line in found.splitlines() if "No such file" not in line]
    # The standard library brings those of pip itself.
    assert [line for line in rest if "/share/python-wheels/" not in line] == []


def test_image_contains_all_working_plugins(run: Callable[..., Container]) -> None:
    container = run(args=("plugins",))
    assert container.wait_until_ended() == 0
    for name in ("websocket", "mqtt", "midi", "dmx", "serial", "oscquery", "webhook"):
        first = "artnet" if name == "dmx" else name
        assert re.search(rf"^{name} \d.*\n  offers  endpoint type {first}", container.logs(), re.M)
    assert re.search(r"^ui \d", container.logs(), re.M)


def test_osc_reaches_a_websocket_client_through_published_ports(
    bridge: Callable[..., Container],
    published: tuple[int, int],
    dashboard: Callable[..., Any],
    send: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    began = time.monotonic()
    bridge()
    client = dashboard(published[1])
    send(published[0], "/fader", 0.5)
    assert client.message() == ("/fader", 0.5)
    took = time.monotonic() - began
    with capsys.disabled():
        print(f"\nfrom docker run to the first message delivered {took:.2f} s")
    assert took < FIRST_MESSAGE


def test_container_is_healthy_within_5_s(bridge: Callable[..., Container]) -> None:
    container = bridge()
    container.wait_until_healthy(timeout=5.0)


def test_container_has_no_privileges(bridge: Callable[..., Container]) -> None:
    container = bridge()
    status = container.execute("cat", "/proc/1/status")
    assert re.search(r"^Uid:\s+10001", status, re.M)
    assert re.search(r"^CapEff:\s+0+$", status, re.M)
    assert re.search(r"^CapBnd:\s+0+$", status, re.M)
    assert re.search(r"^NoNewPrivs:\s+1$", status, re.M)
    result = container.execute("sh", "-c", "touch /x /opt/oscbridge/x /etc/oscbridge/x 2>&1; true")
    assert result.count("Read-only file system") == 3


def test_container_without_a_configuration_reports_that_it_listens_on_all_addresses(
    bridge: Callable[..., Container],
) -> None:
    log = bridge().wait_for_log("Ctrl-C stops it")
    assert "nothing is mounted at /etc/oscbridge/oscbridge.toml" in log
    assert "listens on all interfaces of the container" in log
    assert "udp://0.0.0.0:9000" in log


def test_sigterm_ends_the_container_with_0_within_2_s(bridge: Callable[..., Container]) -> None:
    container = bridge()
    container.wait_for_log("Ctrl-C stops it")
    began = time.monotonic()
    os.kill(int(container.inspect(".State.Pid")), signal.SIGTERM)
    assert container.wait_until_ended() == 0
    assert time.monotonic() - began < 2
    assert container.logs().endswith("stopping\n")


def test_killed_bridge_is_restarted_and_works(
    bridge: Callable[..., Container],
    published: tuple[int, int],
    dashboard: Callable[..., Any],
    send: Callable[..., None],
) -> None:
    container = bridge("--restart=on-failure:5")
    container.wait_for_log("Ctrl-C stops it")
    os.kill(int(container.inspect(".State.Pid")), signal.SIGKILL)
    wait_until(lambda: container.inspect(".RestartCount") == "1", "it is started again")
    client = dashboard(published[1])
    send(published[0], "/back", 1)
    assert client.message() == ("/back", 1)


@contextmanager
def load(port: int) -> Iterator[None]:
    """About 2,000 messages per second to a UDP port of this machine."""
    over = threading.Event()

    def send() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            while not over.wait(0.0005):
                sock.sendto(encode_message(Message.of("/load", 1)), ("127.0.0.1", port))

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_container_can_be_stopped_and_started_under_load(
    engine: Engine,
    bridge: Callable[..., Container],
    published: tuple[int, int],
    dashboard: Callable[..., Any],
) -> None:
    container = bridge()
    with load(published[0]):
        for _ in range(3):
            assert dashboard(published[1]).message() == ("/load", 1)
            engine.docker("stop", container.name)
            assert container.wait_until_ended() == 0
            engine.docker("start", container.name)
        assert dashboard(published[1]).message() == ("/load", 1)
        assert "ready" in container.execute("oscbridge", "health")
    assert "Traceback" not in container.logs()
    assert "still running" not in container.logs()


def test_top_and_reload_reach_the_bridge_through_docker_exec(
    bridge: Callable[..., Container], mount: Callable[..., str]
) -> None:
    container = bridge(mount('[bridge.stage]\nlisten = "udp://0.0.0.0:9000"\n'))
    container.wait_for_log("Ctrl-C stops it")
    assert "udp://0.0.0.0:9000" in container.execute("oscbridge", "top", "--once")
    assert "reloaded" in container.execute("oscbridge", "reload")


def test_forking_bridge_works_and_its_worker_is_replaced(
    bridge: Callable[..., Container],
    published: tuple[int, int],
    dashboard: Callable[..., Any],
    send: Callable[..., None],
) -> None:
    container = bridge("--env=OSCBRIDGE__BRIDGE__OSC__MODE=forking")
    client = dashboard(published[1])
    worker = wait_until(lambda: processes(container, "worker_main"), "the worker process")[0]
    send(published[0], "/one", 1)
    assert client.message() == ("/one", 1)
    container.execute("sh", "-c", f"kill -9 {worker}")
    wait_until(
        lambda: [each for each in processes(container, "worker_main") if each != worker],
        "another worker process",
    )

    def arrived() -> bool:
        send(published[0], "/two", 2)
        try:
            return bool(client.message(timeout=0.2) == ("/two", 2))
        except TimeoutError:
            return False

    wait_until(arrived, "a message through the new worker")


def test_children_of_a_process_do_not_become_zombies(bridge: Callable[..., Container]) -> None:
    container = bridge()
    container.wait_for_log("Ctrl-C stops it")
    container.execute("sh", "-c", "sleep 0.5 >/dev/null 2>&1 &")  # its parent is gone at once
    assert processes(container, "sleep")
    wait_until(lambda: not processes(container, "sleep"), "it ends", 5)


def processes(container: Container, word: str) -> list[int]:
    """Process ids in the container whose name or command contains a word; zombies too."""
    script = (
        "cd /proc; for p in [0-9]*; do [ $p = $$ ] || "
        "echo $p $(cat $p/comm) $(tr '\\0' ' ' <$p/cmdline); done 2>/dev/null"
    )
    lines = container.execute("sh", "-c", script).splitlines()
    return [int(line.split()[0]) for line in lines if word in line]
