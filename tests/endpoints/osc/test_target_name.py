"""The name of a UDP target that gets another address, between two network namespaces."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest

namespaces = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="requires network namespaces"
)

DEVICE = """
import socket, sys
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind((sys.argv[1], 21801))
print("bound", flush=True)
while True:
    print(sock.recv(100).split(b"\\0")[0].decode(), flush=True)
"""

TCP_DEVICE = """
import socket, sys
server = socket.create_server((sys.argv[1], 21801))
print("bound", flush=True)
connection, _ = server.accept()
print("connected", flush=True)
while connection.recv(1000):
    pass
"""

SENDER = """
import socket, sys, time
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
while True:
    sock.sendto(sys.argv[1].encode() + b"\\0" * (4 - len(sys.argv[1]) % 4) + b",\\0\\0\\0",
                ("127.0.0.1", 21800))
    time.sleep(0.05)
"""

CONFIGURATION = """
[bridge.stage]
listen = "udp://127.0.0.1:21800"
[endpoint.desk]
type = "osc"
to = "udp://desk.lan:21801"
[[route]]
from = "stage"
to = "desk"
"""


def run(command: str) -> None:
    done = subprocess.run(command.split(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr}"


class Stage:
    """A network with the bridge, 10.77.0.1, and one with the devices, 10.77.0.2 and .3."""

    def __init__(self, name: str, folder: Path) -> None:
        self.near, self.far = f"{name}a", f"{name}b"
        self.files = Path("/etc/netns") / self.near
        self.folder = folder
        self.processes: list[subprocess.Popen[str]] = []

    def set_up(self) -> None:
        for name in (self.near, self.far):
            run(f"ip netns add {name}")
        run(f"ip link add veth0 netns {self.near} type veth peer name veth0 netns {self.far}")
        run(f"ip -n {self.near} addr add 10.77.0.1/24 dev veth0")
        for number in (2, 3):
            run(f"ip -n {self.far} addr add 10.77.0.{number}/24 dev veth0")
        for name in (self.near, self.far):
            run(f"ip -n {name} link set lo up")
            run(f"ip -n {name} link set veth0 up")
        self.files.mkdir(parents=True)
        (self.folder / "show.toml").write_text(CONFIGURATION)

    def tear_down(self) -> None:
        for process in self.processes:
            process.kill()
            process.communicate()
        for name in (self.near, self.far):
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)
        shutil.rmtree(self.files, ignore_errors=True)

    def set_hosts(self, *addresses: str) -> None:
        """Set the addresses of desk.lan. In place: the file is mounted into the namespace."""
        lines = ["127.0.0.1 localhost", *(f"{each} desk.lan" for each in addresses)]
        (self.files / "hosts").write_text("\n".join(lines) + "\n")

    def start(self, network: str, *command: str, err: int | None = None) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            ["ip", "netns", "exec", network, sys.executable, *command],
            stdout=subprocess.PIPE,
            stderr=err,
            text=True,
            env=os.environ | {"OSCBRIDGE_RUNTIME_DIR": str(self.folder)},
        )
        self.processes.append(process)
        return process

    def device(self, address: str) -> subprocess.Popen[str]:
        process = self.start(self.far, "-c", DEVICE, address)
        assert self.line(process) == "bound"
        return process

    def tcp_device(self, address: str) -> subprocess.Popen[str]:
        process = self.start(self.far, "-c", TCP_DEVICE, address)
        assert self.line(process) == "bound"
        return process

    def use_tcp(self) -> None:
        text = CONFIGURATION.replace("udp://desk.lan", "tcp://desk.lan")
        (self.folder / "show.toml").write_text(text)

    def bridge(self) -> subprocess.Popen[str]:
        oscbridge = str(Path(sys.executable).with_name("oscbridge"))
        file = str(self.folder / "show.toml")
        program = self.start(self.near, oscbridge, "run", file, err=subprocess.STDOUT)
        self.until(program, "Ctrl-C stops it")
        self.start(self.near, "-c", SENDER, "/cue")
        return program

    def moved(
        self,
    ) -> tuple[subprocess.Popen[str], subprocess.Popen[str], subprocess.Popen[str]]:
        """Two devices and a bridge that sends to the first; its name now means the second."""
        self.set_hosts("10.77.0.2")
        first, second = self.device("10.77.0.2"), self.device("10.77.0.3")
        program = self.bridge()
        assert self.line(first) == "/cue"
        self.set_hosts("10.77.0.3")
        return first, second, program

    def line(self, process: subprocess.Popen[str]) -> str:
        output: IO[str] | Any = process.stdout
        line: str = output.readline()
        assert line, "the program ended"
        return line.strip()

    def until(self, process: subprocess.Popen[str], text: str) -> str:
        while text not in (line := self.line(process)):
            pass
        return line


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(f"nam{os.getpid()}", tmp_path)
    try:
        made.set_up()
        yield made
    finally:
        made.tear_down()


@namespaces
def test_reload_finds_the_new_address_of_a_target(stage: Stage) -> None:
    _first, second, program = stage.moved()
    program.send_signal(signal.SIGHUP)
    stage.until(program, "endpoint.desk: desk.lan is now 10.77.0.3 (was 10.77.0.2)")
    assert stage.line(second) == "/cue"


@namespaces
def test_reload_finds_the_new_address_of_a_tcp_target(stage: Stage) -> None:
    stage.use_tcp()
    stage.set_hosts("10.77.0.2")
    first, second = stage.tcp_device("10.77.0.2"), stage.tcp_device("10.77.0.3")
    program = stage.bridge()
    assert stage.line(first) == "connected"
    stage.set_hosts("10.77.0.3")
    program.send_signal(signal.SIGHUP)
    stage.until(program, "endpoint.desk: not connected: desk.lan is now 10.77.0.3")
    assert stage.line(second) == "connected"


@namespaces
@pytest.mark.parametrize("other", ["10.77.0.2", "10.77.0.9"], ids=["refuses", "is unreachable"])
def test_tcp_target_is_connected_at_another_address_if_one(stage: Stage, other: str) -> None:
    stage.use_tcp()
    stage.set_hosts(other, "10.77.0.3")
    device = stage.tcp_device("10.77.0.3")
    stage.bridge()
    assert stage.line(device) == "connected"


@namespaces
def test_tcp_target_without_a_working_address_says_why(stage: Stage) -> None:
    stage.use_tcp()
    stage.set_hosts("10.77.0.2", "10.77.0.3")
    program = stage.bridge()
    stage.until(program, "connection refused; nothing listens there")


@namespaces
def test_refused_messages_find_the_new_address_of_a_target(stage: Stage) -> None:
    first, second, program = stage.moved()
    first.kill()
    stage.until(program, "desk.lan is now 10.77.0.3")
    assert stage.line(second) == "/cue"


@namespaces
def test_current_address_stays_while_it_is_among_the_answers(stage: Stage) -> None:
    stage.set_hosts("10.77.0.3")
    stage.device("10.77.0.2")
    second = stage.device("10.77.0.3")
    program = stage.bridge()
    assert stage.line(second) == "/cue"
    stage.set_hosts("10.77.0.2", "10.77.0.3")
    program.send_signal(signal.SIGHUP)
    stage.until(program, "reloaded")
    for _ in range(40):  # 2 s, enough for a look-up
        assert stage.line(second) == "/cue"
    stage.set_hosts()
    second.kill()  # refused messages: another look-up
    stage.until(program, "still sending to 10.77.0.3")
