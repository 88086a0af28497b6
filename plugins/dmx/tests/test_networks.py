"""Packets between two machines: unicast, broadcast and multicast, in network namespaces."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest
from network_namespaces import ip, linked_namespaces

PROGRAM = str(Path(sys.executable).with_name("oscbridge"))

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="network namespaces require root on Linux"
)

CONFIGURATION = """
[bridge.osc]
listen = "udp://127.0.0.1:9000"

[endpoint.lights]
type = "{kind}"
{lines}

[endpoint.out]
type = "osc"
to   = "udp://127.0.0.1:9001"

[[route]]
from = "lights"
to   = "out"
"""

SENDER = """
import socket, sys, time
from oscbridge import Message, encode_message
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
    sock.bind(("127.0.0.1", 9001))
    print("ready", flush=True)
    if sys.argv[1] == "send":
        sock.sendto(encode_message(Message.of("/dmx/7/1", 0.2)), ("127.0.0.1", 9000))
    else:
        print(sock.recv(1024), flush=True)
"""


@pytest.fixture
def networks() -> Iterator[tuple[str, str]]:
    """Two network namespaces, 10.84.0.1 and 10.84.0.2, with a cable between them."""
    with linked_namespaces(
        "dmx",
        "addr add 10.84.0.{number}/24 brd 10.84.0.255 dev veth0",
        "link set lo up",
        "link set veth0 up",
        "route add default dev veth0",
    ) as names:
        yield names


@pytest.mark.parametrize(
    ("kind", "to"),
    [
        ("sacn", "10.84.0.2"),
        ("sacn", "multicast"),
        ("sacn", "broadcast"),
        ("artnet", "10.84.0.2"),
        ("artnet", "10.84.0.255"),
        ("artnet", "broadcast"),
    ],
)
def test_level_reaches_the_other_machine(
    kind: str, to: str, networks: tuple[str, str], tmp_path: Path
) -> None:
    near, far = (f'interface = "10.84.0.{number}"\n' for number in (1, 2))
    sending = CONFIGURATION.format(kind=kind, lines=f'{near}to = "{to}"')
    receiving = CONFIGURATION.format(kind=kind, lines=f"{far}receive = [7]")
    assert "/dmx/7/1" in exchange(networks, sending, receiving, tmp_path)


def test_first_configuration_of_the_readme_reaches_the_other_machine(
    networks: tuple[str, str], tmp_path: Path
) -> None:
    readme = (Path(__file__).parent.parent / "README.md").read_text()
    sending = readme.partition("```toml\n")[2].partition("```")[0]
    receiving = CONFIGURATION.format(kind="sacn", lines="receive = [7]")
    assert "/dmx/7/1" in exchange(networks, sending, receiving, tmp_path)


RECEIVER = """
import socket, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
    sock.bind((sys.argv[1], 5568))
    print("ready", flush=True)
    while sock.recv(2048):
        print("frame", flush=True)
"""


def test_name_of_a_target_may_get_another_address(
    networks: tuple[str, str], tmp_path: Path
) -> None:
    near, far = networks
    ip(f"-n {far} addr add 10.84.0.3/24 dev veth0")
    files = Path("/etc/netns") / near
    files.mkdir(parents=True)
    processes: list[subprocess.Popen[str]] = []

    def start(network: str, *command: str) -> IO[str]:
        process = subprocess.Popen(
            ["ip", "netns", "exec", network, *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "OSCBRIDGE_RUNTIME_DIR": str(tmp_path)},
        )
        processes.append(process)
        assert process.stdout is not None
        return process.stdout

    def wait_for(output: IO[str], text: str) -> None:
        assert any(text in line for line in output), f"the program ended without {text!r}"

    try:
        (files / "hosts").write_text("10.84.0.2 node.lan\n")
        receivers = [start(far, sys.executable, "-c", RECEIVER, f"10.84.0.{n}") for n in (2, 3)]
        for each in receivers:
            wait_for(each, "ready")
        file = tmp_path / "lights.toml"
        file.write_text(CONFIGURATION.format(kind="sacn", lines='to = "node.lan"'))
        program = start(near, PROGRAM, "run", str(file))
        wait_for(program, "Ctrl-C")
        start(near, sys.executable, "-c", SENDER, "send")
        wait_for(receivers[0], "frame")
        (files / "hosts").write_text("10.84.0.3 node.lan\n")
        processes[2].send_signal(signal.SIGHUP)
        wait_for(program, "endpoint.lights: node.lan is now 10.84.0.3 (was 10.84.0.2)")
        wait_for(receivers[1], "frame")
    finally:
        for process in processes:
            process.kill()
            process.communicate()
        shutil.rmtree(files)


def exchange(networks: tuple[str, str], sending: str, receiving: str, folder: Path) -> str:
    """Send ``/dmx/7/1`` to the first bridge. Returns what the second one sends."""
    processes: list[subprocess.Popen[str]] = []

    def start(network: str, *command: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            ["ip", "netns", "exec", network, *command],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OSCBRIDGE_RUNTIME_DIR": str(folder / str(len(processes)))},
        )
        processes.append(process)
        return process

    def wait_for(process: subprocess.Popen[str], text: str) -> str:
        assert process.stdout is not None
        return next(line for line in process.stdout if text in line)

    try:
        for network, text in zip(networks, (sending, receiving), strict=True):
            file = folder / f"{network}.toml"
            file.write_text(text)
            wait_for(start(network, PROGRAM, "run", str(file)), "Ctrl-C")
        listener = start(networks[1], sys.executable, "-c", SENDER, "receive")
        wait_for(listener, "ready")
        start(networks[0], sys.executable, "-c", SENDER, "send")
        return wait_for(listener, "/dmx")
    finally:
        for process in processes:
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()
