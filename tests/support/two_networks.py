"""Two networks on one machine, as two namespaces with cables between them; Linux, as root."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from programs import find_program
from waiting import wait_until

from oscbridge.testing.process import PROGRAM

__all__ = ["ARE_POSSIBLE", "WAIT", "Found", "Networks", "two_networks"]

ARE_POSSIBLE = sys.platform == "linux" and os.geteuid() == 0

WAIT = 90.0
Found = Mapping[str, str | int]


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

    def send_until_it_arrives(
        self, network: str, word: str, to: str, program: subprocess.Popen[str]
    ) -> None:
        """Send a message with the address ``/word`` until a program has printed it."""
        assert program.stdout is not None
        command = [*self.inside(network), PROGRAM, "send", f"/{word}", "0.5", "--to", to]
        with subprocess.Popen(
            ["sh", "-c", 'while "$@" >/dev/null; do sleep 1; done', "sh", *command],
            start_new_session=True,
        ) as sender:
            try:
                assert any(f"/{word}" in line for line in program.stdout)
            finally:
                os.killpg(sender.pid, signal.SIGKILL)


@contextmanager
def two_networks() -> Iterator[Networks]:
    with TemporaryDirectory(prefix="osc") as folder, ExitStack() as stack:
        made = Networks(Path(folder))
        stack.callback(made.tear_down)
        made.set_up()
        yield made
