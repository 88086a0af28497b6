"""The control socket where the system has no Unix sockets: loopback TCP with a token."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from oscbridge import Endpoint, Message, OSCBridgeError
from oscbridge.bridge.app import App
from oscbridge.bridge.config.config import parse
from oscbridge.bridge.reload import Changes
from oscbridge.bridge.routes.pairing import RouteChanges
from oscbridge.monitoring import control_socket, runtime_dir
from oscbridge.monitoring.control_client import RunningProcess, choose, processes, tap
from oscbridge.monitoring.control_server import ControlServer
from oscbridge.monitoring.operations import Operations
from oscbridge.plugins.manager import Plugins

CONFIGURATION = """
[bridge.stage]
listen = "udp://127.0.0.1:0"
[endpoint.mixer]
type = "null"
"""


class Nowhere(Endpoint):
    """Accepts every message."""

    async def send(self, message: Message) -> None:
        pass


async def reload() -> Changes:
    return Changes((), (), (), (), RouteChanges(), ())


@pytest.fixture
async def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The runtime directory, on a system without Unix sockets."""
    # Asynchronous, because the event loop itself needs some here.
    path = tmp_path / "run"
    monkeypatch.setenv(runtime_dir.VARIABLE, str(path))
    monkeypatch.delattr(socket, "AF_UNIX")
    return path


@pytest.fixture
async def server(folder: Path) -> AsyncIterator[ControlServer]:
    app = App(parse(CONFIGURATION, {"null": Nowhere}, "show.toml"), Plugins([]))
    await app.start()
    server = ControlServer(Operations(app, reload, "show.toml"))
    await server.start()
    yield server
    await server.stop()
    await app.stop()


def contact(server: ControlServer) -> tuple[int, str]:
    """The port and the token of a server, as its file has them."""
    assert server.path is not None
    port, token = server.path.read_text().split()
    return int(port), token


async def answer_to(port: int, request: dict[str, object]) -> dict[str, object]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(json.dumps(request).encode() + b"\n")
    async with asyncio.timeout(10):
        line = await reader.readline()
    writer.close()
    answer: dict[str, object] = json.loads(line)
    return answer


async def test_process_is_found_by_its_file(server: ControlServer) -> None:
    process = await choose()
    assert isinstance(process, RunningProcess)
    assert (process.pid, process.socket) == (os.getpid(), server.path)


async def test_tap_receives_the_names(server: ControlServer) -> None:
    async with tap(await choose()) as tapped:
        async for _ in tapped.batches():
            break
    assert tapped.names == ["stage", "mixer"]


async def test_file_and_directory_belong_to_the_user_alone(
    server: ControlServer, folder: Path
) -> None:
    assert server.path is not None
    assert stat.S_IMODE(server.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert list(folder.iterdir()) == [server.path]


async def test_port_is_open_on_loopback_only(server: ControlServer) -> None:
    port, token = contact(server)
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    listening = [row[1] for row in rows if row[3] == "0A" and row[1].endswith(f":{port:04X}")]
    assert listening == [f"0100007F:{port:04X}"]
    assert len(token) >= 32


@pytest.mark.parametrize("token", ["", "x" * 43, "é", None, 1, ["x"]])
async def test_wrong_token_is_rejected(
    server: ControlServer, token: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_socket, "WRONG_TOKEN_DELAY", 0.01)
    port, _ = contact(server)
    request = {"command": "status"} if token is None else {"command": "status", "token": token}
    assert await answer_to(port, request) == {"error": "wrong token", "code": 1}


async def test_wrong_tokens_are_limited_and_logged_once(
    server: ControlServer, caplog: pytest.LogCaptureFixture
) -> None:
    port, token = contact(server)
    caplog.set_level(logging.WARNING)
    wrong = {"command": "about", "token": "wrong"}
    first = await answer_to(port, wrong)
    started = asyncio.get_running_loop().time()
    answers = await asyncio.gather(*(answer_to(port, wrong) for _ in range(40)))
    assert asyncio.get_running_loop().time() - started >= control_socket.WRONG_TOKEN_DELAY * 0.9
    errors = [first["error"], *(each["error"] for each in answers)]
    assert errors.count("wrong token") == 1 + control_socket.MAX_WRONG_TOKENS
    assert errors.count("too many wrong tokens; try again in a second") == 32
    assert len([each for each in caplog.records if "wrong token" in each.getMessage()]) == 1
    assert "about" in await answer_to(port, {"command": "about", "token": token})


async def test_file_goes_with_the_server_and_comes_back_after_a_clean_up(
    server: ControlServer, folder: Path
) -> None:
    assert server.path is not None
    server.path.unlink()
    await server.look_after()
    assert (await choose()).pid == os.getpid()
    await server.stop()
    assert list(folder.iterdir()) == []


async def test_file_of_a_killed_process_is_ignored_and_removed(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    left = folder / "4711.tcp"
    with socket.socket(socket.AF_INET) as sock:
        sock.bind(("127.0.0.1", 0))  # and does not listen
        left.write_text(f"{sock.getsockname()[1]} token\n")
        os.utime(left, (1, 1))
        assert await processes() == ([], [])
        runtime_dir.remove_stale(folder)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("text", ["", "x y", "80", "99999999 token", "1 2 3", "9" * 5_000 + " a"])
async def test_file_without_port_and_token_is_ignored(folder: Path, text: str) -> None:
    folder.mkdir(mode=0o700)
    (folder / "4711.tcp").write_text(text)
    with pytest.raises(OSCBridgeError, match="no bridge of this user is running here"):
        await choose()
