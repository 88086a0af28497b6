"""Three NATS servers of this machine that form a cluster with JetStream."""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Final

import nats
from nats.errors import Error

from oscbridge.testing import free_port
from oscbridge_nats.conformance import server_program

__all__ = ["NATSCluster"]

SERVER: Final = server_program()

START_TIMEOUT: Final = 30.0
"""Seconds for the servers to find each other and to elect a leader."""

CONFIGURATION: Final = """
server_name: {name}
listen: "127.0.0.1:{port}"
http: "127.0.0.1:{http}"
jetstream {{ store_dir: "{folder}/{name}" }}
cluster {{ name: test, listen: "127.0.0.1:{cluster}", routes: [{routes}] }}
"""


class NATSCluster:
    """The servers ``n1``, ``n2`` and ``n3``; their files are in a folder."""

    def __init__(self, folder: Path, size: int = 3) -> None:
        self.names = [f"n{number}" for number in range(1, size + 1)]
        self.ports = [free_port() for _ in self.names]
        self._http = dict(zip(self.names, (free_port() for _ in self.names), strict=True))
        self._folder = folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        clusters = [free_port() for _ in self.names]
        routes = ", ".join(f'"nats://127.0.0.1:{port}"' for port in clusters)
        for name, port, cluster in zip(self.names, self.ports, clusters, strict=True):
            text = CONFIGURATION.format(
                name=name, port=port, http=self._http[name], folder=folder, cluster=cluster,
                routes=routes,
            )  # fmt: skip
            (folder / f"{name}.conf").write_text(text)

    def __enter__(self) -> NATSCluster:
        try:
            for name in self.names:
                self.restart(name)
            self.wait_until_healthy()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        for name in list(self._running):
            self.kill(name)

    def restart(self, name: str) -> None:
        """Start a server that does not run."""
        with (self._folder / f"{name}.log").open("ab") as log:
            command = [SERVER, "--config", str(self._folder / f"{name}.conf")]
            self._running[name] = subprocess.Popen(command, stdout=log, stderr=log)

    def kill(self, name: str) -> None:
        """End a server with SIGKILL."""
        process = self._running.pop(name)
        process.kill()
        process.wait()

    @property
    def pids(self) -> list[int]:
        """The processes of the servers that run."""
        return [each.pid for each in self._running.values()]

    def wait_until_healthy(self) -> None:
        """Wait until all servers that run are up to date, and one leads."""
        deadline = time.monotonic() + START_TIMEOUT
        while not all(map(self._is_healthy, self._running)):
            assert time.monotonic() < deadline, self._log()
            time.sleep(0.1)

    def _is_healthy(self, name: str) -> bool:
        url = f"http://127.0.0.1:{self._http[name]}"
        try:
            with urllib.request.urlopen(f"{url}/healthz", timeout=2) as answer:
                json.load(answer)
            with urllib.request.urlopen(f"{url}/jsz", timeout=2) as answer:
                return bool(json.load(answer).get("meta_cluster", {}).get("leader"))
        except (urllib.error.URLError, OSError, ValueError):
            return False

    def _log(self) -> str:
        return "\n".join((self._folder / f"{name}.log").read_text()[-2_000:] for name in self.names)

    def leader_of(self, stream: str) -> str:
        """The server that leads a stream."""
        return asyncio.run(self._leader_of(stream))

    async def _leader_of(self, stream: str) -> str:
        running = [port for name, port in zip(self.names, self.ports, strict=True)
                   if name in self._running]  # fmt: skip
        client = await nats.connect([f"nats://127.0.0.1:{port}" for port in running])
        try:
            while True:
                try:
                    info = await client.jetstream().stream_info(stream)
                except (Error, TimeoutError):
                    continue
                if info.cluster is not None and info.cluster.leader:
                    return str(info.cluster.leader)
        finally:
            await client.close()
