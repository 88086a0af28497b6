"""TLS: serving with it, and connections without it."""

from __future__ import annotations

import asyncio
import gc
import ssl
from pathlib import Path
from typing import Any

import pytest
from stopwatch import Stopwatch
from websockets.asyncio.client import connect

import oscbridge
from oscbridge import Message
from oscbridge.http import tls_context
from oscbridge_websocket.connection import WebSocketConnection
from oscbridge_websocket.registry import ConnectionRegistry


async def test_clients_are_served_over_tls(
    start: Any, join: Any, certificate: Any, messages: Any
) -> None:
    bridge = await start(certificate.toml)
    assert bridge.url.startswith("wss://127.0.0.1:")
    one = await join(bridge, ssl=certificate.trusted)
    other = await join(bridge, "osc.json", ssl=certificate.trusted)
    bridge.send(Message.of("/a", 1))
    assert await messages(one) == [Message.of("/a", 1)]
    await other.recv()
    await other.send('{"address": "/b"}')
    assert [m.address for m in await messages(one)] == ["/b"]


async def test_large_messages_arrive_complete_over_tls(
    start: Any, join: Any, certificate: Any, messages: Any
) -> None:
    bridge = await start(certificate.toml)
    sender = await join(bridge, ssl=certificate.trusted)
    receiver = await join(bridge, ssl=certificate.trusted)
    blobs = [Message.of("/blob", index, bytes([index]) * 60_000) for index in range(40)]
    for blob in blobs:
        await sender.send(oscbridge.encode_message(blob))
    assert await messages(receiver, 40) == blobs


@pytest.mark.parametrize("over_tls", [False, True], ids=["plain", "tls"])
async def test_ended_connection_is_freed_without_the_garbage_collector(
    start: Any, certificate: Any, over_tls: bool
) -> None:
    def connections() -> int:
        return sum(type(each) is WebSocketConnection for each in gc.get_objects())

    bridge = await start(certificate.toml if over_tls else "")
    gc.collect()
    gc.disable()
    try:
        before = connections()
        for _ in range(3):
            async with connect(bridge.url, ssl=certificate.trusted if over_tls else None) as client:
                await client.send(oscbridge.encode_message(Message.of("/a", 1)))
                assert connections() > before
        async with asyncio.timeout(10):
            while connections() > before:
                await asyncio.sleep(0.02)
    finally:
        gc.enable()


async def test_page_is_served_over_tls(start: Any, certificate: Any) -> None:
    bridge = await start(certificate.toml)
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", bridge.port, ssl=certificate.trusted
    )
    writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert (await reader.read()).startswith(b"HTTP/1.1 200 OK\r\n")
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_supported_tls_versions_are_accepted(
    start: Any, join: Any, certificate: Any, version: ssl.TLSVersion
) -> None:
    bridge = await start(certificate.toml)
    trusted = certificate.trusted
    trusted.minimum_version = trusted.maximum_version = version
    client = await join(bridge, ssl=trusted)
    await (await client.ping())


def test_older_tls_versions_are_rejected(certificate: Any) -> None:
    context = tls_context(certificate.certificate, certificate.key)
    assert context is not None
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2


async def test_plain_text_to_the_tls_port_closes_only_that_connection(
    start: Any,
    join: Any,
    raw: Any,
    certificate: Any,
    unharmed: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    bridge = await start(certificate.toml)
    async with unharmed(bridge, ssl=certificate.trusted):
        http = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
        for index, text in enumerate([http, b"/osc\0\0\0\0", bytes(99)]):
            client = await raw(bridge)
            client.write(text)
            await client.read_all()
            await client.close()
            assert bridge.refusals == index + 1
    assert "its URL must start with https:// or wss://" in caplog.text
    assert len(caplog.records) == 1  # at a bounded rate
    assert "Traceback" not in caplog.text


async def test_incomplete_tls_handshake_times_out(
    start: Any,
    raw: Any,
    certificate: Any,
    unharmed: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("oscbridge_websocket.connection.OPEN_TIMEOUT", 0.5)
    bridge = await start(certificate.toml)
    async with unharmed(bridge, ssl=certificate.trusted):
        silent, started = await raw(bridge), await raw(bridge)
        started.write(b"\x16\x03\x01\x02\x00\x01\x00\x01")  # an incomplete ClientHello
        assert await started.read_all() == await silent.read_all() == b""
        for client in (silent, started):
            await client.close()
    assert bridge.refusals == 2
    assert "timed out" in caplog.text


async def test_client_that_disconnects_during_the_tls_handshake_is_removed(
    start: Any, raw: Any, certificate: Any, unharmed: Any
) -> None:
    bridge = await start(certificate.toml)
    async with unharmed(bridge, ssl=certificate.trusted):
        for data in (b"", b"\x16\x03\x01\x02\x00\x01\x00\x01"):
            client = await raw(bridge)
            client.write(data)
            await bridge.until(lambda: bridge.connections)
            await client.close()


async def test_connection_aborted_before_tls_leaves_nothing(
    start: Any, raw: Any, certificate: Any, unharmed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    bridge = await start(certificate.toml)
    add = ConnectionRegistry.add

    def add_and_abort(self: ConnectionRegistry[Any], connection: Any) -> str:
        refusal = add(self, connection)
        connection.abort()
        return refusal

    async with unharmed(bridge, ssl=certificate.trusted):
        with monkeypatch.context() as patch:
            patch.setattr(ConnectionRegistry, "add", add_and_abort)
            client = await raw(bridge)
            assert await client.read_all() == b""
            await client.close()


async def test_close_does_not_wait_for_a_tls_handshake(
    start: Any, raw: Any, certificate: Any, caplog: pytest.LogCaptureFixture
) -> None:
    bridge = await start(certificate.toml)
    silent = await raw(bridge)
    await bridge.until(lambda: bridge.connections)
    stopwatch = Stopwatch()
    await bridge.stop()
    assert stopwatch.seconds < 1.5
    assert await silent.read_all() == b""
    assert "did not close" not in caplog.text


# --- a reload ----------------------------------------------------------------------------------


async def test_reload_changes_the_certificate_and_keeps_the_clients(
    start: Any, join: Any, certificate: Any, other_certificate: Any, messages: Any
) -> None:
    bridge = await start(certificate.toml)
    old = await join(bridge, ssl=certificate.trusted)
    assert await bridge.update(other_certificate.toml)
    new = await join(bridge, ssl=other_certificate.trusted)
    with pytest.raises(ssl.SSLCertVerificationError):
        await join(bridge, ssl=certificate.trusted)
    await bridge.until(lambda: bridge.clients >= 2)
    bridge.send(Message.of("/a"))
    for client in (old, new):
        assert [m.address for m in await messages(client)] == ["/a"]


async def test_reload_reads_changed_files_again(
    start: Any, join: Any, certificate: Any, other_certificate: Any, tmp_path: Path
) -> None:
    pem, key = tmp_path / "server.pem", tmp_path / "server.key"
    pem.write_bytes(certificate.certificate.read_bytes())
    key.write_bytes(certificate.key.read_bytes())
    options = f'certificate = "{pem}"\nkey = "{key}"'
    bridge = await start(options)
    pem.write_bytes(other_certificate.certificate.read_bytes())
    key.write_bytes(other_certificate.key.read_bytes())
    assert await bridge.update(options)
    await join(bridge, ssl=other_certificate.trusted)


async def test_reload_with_a_mismatched_key_changes_nothing(
    start: Any, join: Any, certificate: Any, other_certificate: Any, tmp_path: Path
) -> None:
    bridge = await start(certificate.toml)
    endpoint = bridge.endpoint
    bad = endpoint.options.model_copy(update={"key": other_certificate.key, "max_connections": 1})
    with pytest.raises(oscbridge.ConfigurationError, match="is not the key of"):
        endpoint.update(bad)
    await join(bridge, ssl=certificate.trusted)
    await join(bridge, ssl=certificate.trusted)


async def test_turning_tls_on_or_off_is_not_an_update(start: Any, certificate: Any) -> None:
    bridge = await start(certificate.toml)
    assert not await bridge.update("")
    bridge = await start()
    assert not await bridge.update(certificate.toml)
