"""NATS servers of this machine, alone or three that form a cluster with JetStream."""

from __future__ import annotations

import asyncio
import json
import signal
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Final

import nats
from nats.errors import Error

from oscbridge.testing import free_port
from oscbridge_nats.conformance import server_program
from tests.support.server_process import ServerProcess

__all__ = ["NATSCluster", "NATSServer"]

START_TIMEOUT: Final = 40.0
"""Seconds for the servers to find each other and to elect a leader, also on a busy machine."""


class NATSServer(ServerProcess):
    """A nats-server. ``lines`` are its configuration."""

    def __init__(
        self, folder: Path, *lines: str, name: str = "n0", program: str = server_program()
    ) -> None:
        file = folder / "nats.conf"
        super().__init__([program, "-c", str(file)], folder, free_port(), signal.SIGKILL)
        self.name = name
        head = [f"server_name: {name}", f'listen: "127.0.0.1:{self.port}"']
        file.write_text("\n".join([*head, *lines]) + "\n")

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"


class NATSCluster:
    """The servers ``n1``, ``n2`` and ``n3``; their files are in a folder."""

    def __init__(self, folder: Path, size: int = 3) -> None:
        names = [f"n{number}" for number in range(1, size + 1)]
        self._http = {name: free_port() for name in names}
        ports = [free_port() for _ in names]
        routes = ", ".join(f'"nats://127.0.0.1:{port}"' for port in ports)
        self.nodes = [
            NATSServer(
                folder / name,
                f'http: "127.0.0.1:{self._http[name]}"',
                f'jetstream {{ store_dir: "{folder / name / "store"}" }}',
                f'cluster {{ name: test, listen: "127.0.0.1:{port}", routes: [{routes}] }}',
                name=name,
            )
            for name, port in zip(names, ports, strict=True)
        ]

    def __enter__(self) -> NATSCluster:
        try:
            for node in self.nodes:
                node.launch()
            self.wait_until_healthy()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        for node in self.nodes:
            node.end()

    @property
    def urls(self) -> list[str]:
        return [node.url for node in self.nodes]

    @property
    def ports(self) -> list[int]:
        return [node.port for node in self.nodes]

    @property
    def pids(self) -> list[int]:
        """The processes of the servers that run."""
        return [node.process.pid for node in self.nodes if node.is_running]

    def node(self, name: str) -> NATSServer:
        return next(node for node in self.nodes if node.name == name)

    def wait_until_healthy(self) -> None:
        """Wait until all servers that run are up to date, and one leads."""
        deadline = time.monotonic() + START_TIMEOUT
        while not all(self._is_healthy(node.name) for node in self.nodes if node.is_running):
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
        return "\n".join(node.log_file.read_text()[-2_000:] for node in self.nodes)

    def leader_of(self, stream: str) -> NATSServer:
        """The server that leads a stream."""
        return self.node(asyncio.run(self._leader_of(stream)))

    async def _leader_of(self, stream: str) -> str:
        client = await nats.connect([node.url for node in self.nodes if node.is_running])
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
