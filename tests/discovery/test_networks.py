"""Bridges and devices in networks of their own: two namespaces with cables between them."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from programs import find_program
from waiting import wait_until

from oscbridge.testing.process import PROGRAM

pytestmark = [
    pytest.mark.skipif(
        sys.platform != "linux" or os.geteuid() != 0, reason="requires network namespaces"
    ),
    pytest.mark.timeout(400),
]

WAIT = 90.0
Found = Mapping[str, str | int]

ANNOUNCED = """
[bridge.stage]
listen = "udp://{listen}"
announce = "Stage"
{more}
"""

FINDING = """
[bridge.in]
listen = "udp://127.0.0.1:23700"
[endpoint.desk]
type = "osc"
to = "osc://Stage"
[[route]]
from = "in"
to = "desk"
"""


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout


class Networks:
    """Two machines: 10.78.1.1 and 10.78.1.2, with a second cable 10.78.2.1 and 10.78.2.2."""

    def __init__(self, folder: Path) -> None:
        name = f"osc{secrets.token_hex(3)}"
        self.near, self.far = f"{name}a", f"{name}b"
        self._ip = find_program("ip")
        self._folder = folder
        self._processes: list[subprocess.Popen[str]] = []

    def set_up(self) -> None:
        for name in (self.near, self.far):
            run(self._ip, "netns", "add", name)
            self.ip(name, "link", "set", "lo", "up")
        for number in (1, 2):
            ends = (f"c{number}", "netns", self.near, "type", "veth", "peer", "name", f"c{number}")
            run(self._ip, "link", "add", *ends, "netns", self.far)
            for place, name in ((1, self.near), (2, self.far)):
                self.ip(name, "addr", "add", f"10.78.{number}.{place}/24", "dev", f"c{number}")
        self.plug(1)

    def ip(self, network: str, *command: str) -> None:
        run(self._ip, "-n", network, *command)

    def plug(self, number: int) -> None:
        for name in (self.near, self.far):
            self.ip(name, "link", "set", f"c{number}", "up")

    def tear_down(self) -> None:
        for process in self._processes:
            process.kill()
            process.communicate()
        for name in (self.near, self.far):
            subprocess.run([self._ip, "netns", "del", name], capture_output=True, check=False)

    def inside(self, network: str) -> tuple[str, ...]:
        """The words before a command that runs in a network."""
        return (self._ip, "netns", "exec", network)

    def start(self, network: str, *arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [*self.inside(network), PROGRAM, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=os.environ | {"OSCBRIDGE_RUNTIME_DIR": str(self._folder / network)},
        )
        self._processes.append(process)
        return process

    def bridge(self, network: str, text: str) -> subprocess.Popen[str]:
        file = self._folder / f"{network}-{len(self._processes)}.toml"
        file.write_text(text)
        process = self.start(network, "run", str(file))
        assert process.stdout is not None
        for line in process.stdout:
            if "Ctrl-C stops it" in line:
                return process
        raise AssertionError("it does not start")

    def found(self, network: str, seconds: str = "3") -> list[Found]:
        """What `oscbridge browse` finds there."""
        process = self.start(
            network, "browse", "--json", "--timeout", seconds, "--type", "_osc._udp"
        )
        output, _ = process.communicate(timeout=WAIT)
        assert process.returncode == 0, output
        return [json.loads(line) for line in output.splitlines()]

    def wait_for(self, network: str, condition: Callable[[list[Found]], object]) -> list[Found]:
        found: list[Found] = []

        def look() -> object:
            found[:] = self.found(network, "2")
            return condition(found)

        wait_until(look, WAIT)
        return found


@pytest.fixture
def networks() -> Iterator[Networks]:
    with TemporaryDirectory(prefix="osc") as folder, ExitStack() as stack:
        made = Networks(Path(folder))
        stack.callback(made.tear_down)
        made.set_up()
        yield made


def places(found: list[Found]) -> list[str]:
    return [f"{each['host']}:{each['port']}" for each in found]


def network_of(address: str | int) -> str:
    return str(address).rpartition(".")[0]


def test_announced_address_is_the_reachable_one_and_goodbye_removes_it(
    networks: Networks,
) -> None:
    program = networks.bridge(networks.far, ANNOUNCED.format(listen="0.0.0.0:23701", more=""))
    networks.wait_for(networks.near, lambda found: places(found) == ["10.78.1.2:23701"])
    networks.plug(2)  # one more network gets its own address
    (service,) = networks.wait_for(networks.near, lambda found: len(found) == 1)
    assert network_of(service["host"]) == network_of(service["interface"])
    networks.ip(networks.near, "link", "set", "c1", "down")
    networks.wait_for(networks.near, lambda found: places(found) == ["10.78.2.2:23701"])
    program.send_signal(signal.SIGTERM)
    output, _ = program.communicate(timeout=WAIT)
    assert "announced as 'Stage' at 10.78.1.2" in output
    assert "announced as 'Stage' at 10.78.2.2" in output
    networks.wait_for(networks.near, lambda found: not found)


def test_loopback_is_never_announced_to_the_network(networks: Networks) -> None:
    networks.bridge(networks.far, ANNOUNCED.format(listen="127.0.0.1:23701", more=""))
    found = networks.wait_for(networks.far, lambda found: found)
    assert places(found) == ["127.0.0.1:23701"]
    assert networks.found(networks.near) == []


def test_advertised_address_is_stated(networks: Networks) -> None:
    more = 'advertise = "192.0.2.7:9009"'
    networks.bridge(networks.far, ANNOUNCED.format(listen="0.0.0.0:23701", more=more))
    networks.wait_for(networks.near, lambda found: places(found) == ["192.0.2.7:9009"])


def test_device_is_followed_to_another_port_and_address(networks: Networks) -> None:
    networks.bridge(networks.near, FINDING)

    def send_until_it_arrives(program: subprocess.Popen[str], word: str) -> None:
        """`oscbridge dump` prints it."""
        to = ("--to", "udp://127.0.0.1:23700")
        assert program.stdout is not None
        command = [*networks.inside(networks.near), PROGRAM, "send", f"/{word}"]
        with subprocess.Popen(
            ["sh", "-c", 'while "$@" >/dev/null; do sleep 1; done', "sh", *command, *to],
            start_new_session=True,
        ) as sender:
            try:
                assert any(word in line for line in program.stdout)
            finally:
                os.killpg(sender.pid, signal.SIGKILL)

    text = ANNOUNCED + '[endpoint.out]\ntype = "osc"\nto = "udp://127.0.0.1:23799"\n'
    text += '[[route]]\nfrom = "stage"\nto = "out"\n'
    heard = networks.start(networks.far, "dump", "--listen", "udp://127.0.0.1:23799")
    for word, listen in (("one", "10.78.1.2:23701"), ("two", "10.78.1.2:23702")):
        program = networks.bridge(networks.far, text.format(listen=listen, more=""))
        send_until_it_arrives(heard, word)
        program.send_signal(signal.SIGTERM)
        program.communicate(timeout=WAIT)
    networks.ip(networks.far, "addr", "del", "10.78.1.2/24", "dev", "c1")
    networks.ip(networks.far, "addr", "add", "10.78.1.9/24", "dev", "c1")
    networks.bridge(networks.far, text.format(listen="0.0.0.0:23702", more=""))
    send_until_it_arrives(heard, "three")
