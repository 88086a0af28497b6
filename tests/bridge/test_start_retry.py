"""``on_start = "retry"``: what cannot listen at startup is tried again."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from ports import free_port

from oscbridge.bridge.app import App
from oscbridge.bridge.config.config import Configuration, parse
from oscbridge.errors import OSCBridgeError
from oscbridge.monitoring.service import Service
from oscbridge.plugins.manager import Plugins
from oscbridge.status.status import read_status
from oscbridge.testing import until


def taken(kind: socket.SocketKind) -> socket.socket:
    sock = socket.socket(socket.AF_INET, kind)
    sock.bind(("127.0.0.1", 0))
    if kind == socket.SOCK_STREAM:
        sock.listen()
    return sock


def configuration(listen: str, mode: str = "asyncio", more: str = "") -> Configuration:
    text = f'[bridge.stage]\nlisten = "{listen}"\nmode = "{mode}"\non_start = "retry"\n{more}'
    return parse(text, {}, "show.toml")


@pytest.mark.parametrize("mode", ["asyncio", "threading", "forking"])
@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM], ids=["udp", "tcp"])
async def test_bridge_that_cannot_listen_is_tried_again(
    mode: str, kind: socket.SocketKind, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    sock = taken(kind)
    scheme = "udp" if kind == socket.SOCK_DGRAM else "tcp"
    app = App(configuration(f"{scheme}://127.0.0.1:{sock.getsockname()[1]}", mode), Plugins([]))
    await app.start()
    try:
        (status,) = read_status(app).bridges
        assert "address already in use" in status.problem
        sock.close()
        await until(lambda: "stage" in app.listeners)
        (status,) = read_status(app).bridges
        assert status.problem == ""
        assert "bridge.stage: listening on" in caplog.text
    finally:
        sock.close()
        await app.stop()


async def test_bridge_that_cannot_listen_survives_a_reload() -> None:
    with taken(socket.SOCK_DGRAM) as sock:
        listen = f"udp://127.0.0.1:{sock.getsockname()[1]}"
        app = App(configuration(listen), Plugins([]))
        await app.start()
        try:
            more = f'[bridge.more]\nlisten = "udp://127.0.0.1:{free_port()}"\n'
            changes = await app.reload(configuration(listen, more=more))
            assert "bridge.more" in changes.added
            assert [each.partition(": ")[0] for each in changes.problems] == ["bridge.stage"]
            sock.close()
            await until(lambda: "stage" in app.listeners)
        finally:
            await app.stop()


async def test_stop_ends_the_attempts() -> None:
    with taken(socket.SOCK_DGRAM) as sock:
        app = App(configuration(f"udp://127.0.0.1:{sock.getsockname()[1]}"), Plugins([]))
        await app.start()
        await app.stop()
    assert not app.listeners


async def test_multicast_before_the_network_is_up_is_tried_again() -> None:
    listen = "udp://239.255.79.84:0"
    text = f'[bridge.stage]\nlisten = "{listen}"\ninterface = "203.0.113.7"\n'
    app = App(parse(text, {}, "show.toml"), Plugins([]))
    with pytest.raises(OSCBridgeError, match="No such device"):
        await app.start()
    app = App(parse(f'{text}on_start = "retry"', {}, "show.toml"), Plugins([]))
    await app.start()
    try:
        (status,) = read_status(app).bridges
        assert "No such device" in status.problem
    finally:
        await app.stop()


async def test_http_that_cannot_be_served_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OSCBRIDGE_RUNTIME_DIR", str(tmp_path))
    sock = taken(socket.SOCK_STREAM)
    text = f'[http]\nlisten = "127.0.0.1:{sock.getsockname()[1]}"\non_start = "retry"'
    service = Service(
        App(parse(text, {}, "show.toml"), Plugins([])),
        lambda: parse(text, {}, "show.toml"),
        "show.toml",
    )
    await service.start()
    try:
        assert service.http_address == ""
        assert "address already in use; end the other program" in caplog.text
        sock.close()
        await until(lambda: service.http_address != "")
    finally:
        sock.close()
        await service.stop()
