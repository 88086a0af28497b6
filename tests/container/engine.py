"""A Docker engine for the tests only, which leaves the machine unchanged."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from signal import SIGKILL
from typing import Final, TypeVar

from programs import find_program

__all__ = ["Container", "Engine", "wait_until"]

START: Final = 60.0
"""Seconds in which the engine must start."""

END: Final = 30.0
"""Seconds in which it must end."""

CALL: Final = 300.0
"""Timeout of one command, in seconds."""

CHAINS: Final = {
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "raw": ("PREROUTING", "OUTPUT"),
}
"""Firewall tables that an engine may create, and their built-in chains."""

CGROUPS: Final = Path("/sys/fs/cgroup")
FORWARDING: Final = Path("/proc/sys/net/ipv4/ip_forward")

LEFT: Final = tuple(
    map(
        Path,
        ("/etc/docker", "/opt/containerd", "/run/containerd", "/run/docker", "/run/runc"),
    )
)
"""Folders that an engine may create in addition to its own."""

_T = TypeVar("_T")


def wait_until(found: Callable[[], _T], what: str, timeout: float = 30.0) -> _T:
    """Call a function 20 times per second until its result is true. Returns the result."""
    deadline = time.monotonic() + timeout
    while not (answer := found()):
        assert time.monotonic() < deadline, f"{what}: not within {timeout:g} s"
        time.sleep(0.05)
    return answer


class Firewall:
    """The current rules, to be restored."""

    def __init__(self) -> None:
        self.rules = self._save()
        self._forwarding = FORWARDING.read_text()

    def restore(self) -> None:
        """Restore the rules; new tables are emptied."""
        for table, chains in CHAINS.items():
            if f"*{table}\n" not in self.rules and f"*{table}\n" in self._save():
                lines = [f"*{table}", *(f":{chain} ACCEPT" for chain in chains), "COMMIT", ""]
                self._load("\n".join(lines))
        self._load(self.rules)
        FORWARDING.write_text(self._forwarding)

    def changed(self) -> list[str]:
        """Added and removed rules. Counters are ignored."""
        return sorted(set(_rules(self.rules)) ^ set(_rules(self._save())))

    @staticmethod
    def _save() -> str:
        return subprocess.run(["iptables-save"], check=True, capture_output=True, text=True).stdout

    @staticmethod
    def _load(rules: str) -> None:
        subprocess.run(["iptables-restore"], check=True, input=rules, text=True)


def _rules(saved: str) -> list[str]:
    """The rules of a saved table, without empty built-in chains."""
    lines = [line.partition(" [")[0] for line in saved.splitlines()]
    plain = {f":{chain} ACCEPT" for chains in CHAINS.values() for chain in chains}
    return [line for line in lines if line[:1] in (":", "-") and line not in plain]


class Container:
    """A started container; it is removed with the engine at the latest."""

    def __init__(self, engine: Engine, name: str) -> None:
        self._engine = engine
        self.name = name

    def inspect(self, what: str) -> str:
        """The result of a template of ``docker inspect``, e.g. ``.State.Status``."""
        return self._engine.docker("inspect", "--format", f"{{{{{what}}}}}", self.name).strip()

    def logs(self) -> str:
        """Its output so far, both streams."""
        return self._engine.docker("logs", self.name)

    def execute(self, *args: str) -> str:
        """The output of a command in the container."""
        return self._engine.docker("exec", self.name, *args)

    def wait_for_log(self, text: str, timeout: float = 30.0) -> str:
        """Its output, once that contains a text."""

        def found() -> str:
            log = self.logs()
            ended = self.inspect(".State.Status") == "exited" and text not in self.logs()
            assert not ended, f"it ended without {text!r}:\n{log}"
            return log if text in log else ""

        return wait_until(found, f"{text!r} in its log", timeout)

    def wait_until_healthy(self, timeout: float = 60.0) -> None:
        def found() -> bool:
            health = self.inspect(".State.Health.Status")
            assert health != "unhealthy", self.inspect("json .State.Health") + self.logs()
            return health == "healthy"

        wait_until(found, "it is healthy", timeout)

    def wait_until_ended(self, timeout: float = 30.0) -> int:
        """Its exit code, once it has ended and is not started again."""
        wait_until(lambda: self.inspect(".State.Status") == "exited", "it ends", timeout)
        return int(self.inspect(".State.ExitCode"))

    def remove(self) -> None:
        self._engine.docker("rm", "--force", "--volumes", self.name)


class Engine:
    """``dockerd`` with its own folders, socket and process."""

    def __init__(self) -> None:
        assert os.geteuid() == 0, "a Docker engine has to be started by root: run this as root"
        assert not Path("/sys/class/net/docker0").exists(), (
            "a Docker engine runs here already, or has left its network docker0: "
            "end it first (and `ip link delete docker0`), as the tests start one of their own"
        )
        self.folder = Path(tempfile.mkdtemp(prefix="oscbridge-engine-"))
        self._there = [each for each in LEFT if each.exists()]
        self._firewall = Firewall()
        self._log = self.folder / "engine.log"
        socket = f"unix://{self.folder}/engine.sock"
        # The client of the same package knows the engine's BuildKit without a plugin.
        self._client = find_program("docker", first="/usr/bin")
        # The arguments of `make test-container ARGS=...` are not for a make that is started here.
        drop = ("ARGS", "COMPOSE", "DOCKER", "MAKE", "MFLAGS", "OSCBRIDGE")
        kept = {name: v for name, v in os.environ.items() if not name.startswith(drop)}
        self._environment = kept | {
            "PATH": f"{Path(self._client).parent}:{os.environ['PATH']}",
            "DOCKER_HOST": socket,
            "DOCKER_BUILDKIT": "1",
            "DOCKER_CONFIG": str(self.folder / "client"),
            "BUILDKIT_PROGRESS": "plain",
        }
        command = ["dockerd", "--host", socket, "--default-ulimit", "nofile=4096:4096"]
        for option, name in (("data-root", "data"), ("exec-root", "run"), ("pidfile", "pid")):
            command += [f"--{option}", str(self.folder / name)]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            wait_until(self._is_ready, "the engine starts", START)
        except BaseException:
            self.stop()
            raise

    def _is_ready(self) -> bool:
        assert self._process.poll() is None, f"dockerd ended:\n{self._log.read_text()}"
        return self.call("version").returncode == 0

    def call(
        self, *args: str, program: str = "", cwd: Path | None = None, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run the client, or a program that talks to the engine, to its end.

        Both streams are in ``stdout``.
        """
        return subprocess.run(
            [*(program.split() or [self._client]), *args],
            env=self._environment | variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=CALL,
            cwd=cwd,
        )

    def docker(self, *args: str) -> str:
        """The output of ``docker``. It must succeed."""
        result = self.call(*args)
        assert result.returncode == 0, f"docker {' '.join(args)}:\n{result.stdout}"
        return result.stdout

    def run(self, *args: str) -> Container:
        """``docker run --detach``, with these arguments."""
        return Container(self, self.docker("run", "--detach", *args).split()[-1])

    def load(self, archive: Path, name: str, *changes: str) -> None:
        """An image from an archive of files; ``changes`` are Dockerfile instructions."""
        options = [word for change in changes for word in ("--change", change)]
        self.docker("import", *options, str(archive), name)

    def stop(self) -> None:
        """Stop the engine with all its processes, and leave nothing behind."""
        if self._process.poll() is None and self.call("version").returncode == 0:
            if containers := self.docker("ps", "--all", "--quiet").split():
                self.docker("rm", "--force", "--volumes", *containers)
            self.docker("network", "prune", "--force")
        self._process.terminate()
        try:
            self._process.wait(END)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            os.kill(int((self.folder / "run/containerd/containerd.pid").read_text()), SIGKILL)
        subprocess.run(["ip", "link", "delete", "docker0"], check=False, capture_output=True)
        self._firewall.restore()
        mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        for mount in reversed([each for each in mounts if each.startswith(str(self.folder))]):
            subprocess.run(["umount", "--lazy", mount], check=True)
        shutil.rmtree(self.folder)
        for each in LEFT:
            if each not in self._there and each.exists():
                shutil.rmtree(each)
        for group in [*CGROUPS.glob("docker"), *CGROUPS.glob("*/docker")]:
            for inner in sorted(group.rglob("*/"), reverse=True):
                inner.rmdir()
            group.rmdir()
        assert self._firewall.changed() == []
