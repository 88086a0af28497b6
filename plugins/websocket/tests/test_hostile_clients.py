"""Clients that send bad packets, invalid frames, or no HTTP, or disconnect without closing."""

from __future__ import annotations

from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

import oscbridge
from oscbridge import Message


async def probe(bridge: Any, join: Any, messages: Any) -> None:
    """Check that the bridge still routes a message from one client to another."""
    sender, receiver = await join(bridge), await join(bridge)
    await sender.send(oscbridge.encode_message(Message.of("/probe", 1)))
    assert await messages(receiver) == [Message.of("/probe", 1)]


PACKET = oscbridge.encode_message(Message.of("/a", 1, "text"))

HOSTILE = {
    "nothing": b"",
    "zeros": bytes(64),
    "noise": bytes(range(256)),
    "cut short": PACKET[:-8],
    "not a multiple of four": PACKET[:-9],
    "unknown type": b"/a\0\0,?\0\0",
    "bundle that claims a negative size": b"#bundle\0" + bytes(8) + b"\xff\xff\xff\xfc",
    "bundles nested deeply": b"".join(
        b"#bundle\0" + bytes(8) + (size * 20 - 4).to_bytes(4) for size in range(1_500, 0, -1)
    ),
    "address that is not UTF-8": b"/\xff\xfe\0,\0\0\0",
}
HOSTILE_TEXT = {
    "empty": "",
    "no json": "{",
    "number": "17",
    "nested deeply": "[" * 60_000,
    "no address": '{"args": []}',
    "wrong value": '{"address": "/a", "args": [{"type": "i", "value": {}}]}',
    "integer above 64 bits": '{"address": "/a", "args": [18446744073709551615]}',
    "encodes to no osc": '{"address": "/a\\u0000"}',
}


@pytest.mark.parametrize("frame", HOSTILE.values(), ids=HOSTILE.keys())
async def test_bad_packet_is_counted_and_does_no_harm(
    bridge: Any, join: Any, messages: Any, frame: bytes
) -> None:
    client, other = await join(bridge), await join(bridge)
    await client.send(frame)
    await client.send(PACKET)
    assert await messages(other) == [Message.of("/a", 1, "text")]
    assert bridge.bad.total() == 1


@pytest.mark.parametrize("text", HOSTILE_TEXT.values(), ids=HOSTILE_TEXT.keys())
async def test_bad_json_is_counted_and_does_no_harm(
    bridge: Any, join: Any, messages: Any, text: str
) -> None:
    client, other = await join(bridge, "osc.json"), await join(bridge)
    await client.send(text)
    await client.send('{"address": "/good"}')
    assert await messages(other) == [Message.of("/good")]
    assert bridge.bad.total() == 1


async def test_text_frame_from_a_binary_client_is_counted_and_answered_with_the_reason(
    bridge: Any, join: Any
) -> None:
    client = await join(bridge)
    await client.send('{"address": "/text"}')
    await client.send('{"address": "/text"}')
    with pytest.raises(ConnectionClosed):
        await client.recv()
    assert client.close_code == 1003
    assert client.close_reason == "text needs the subprotocol osc.json, or ?format=json in the URL"
    assert bridge.bad == {"text": 1}


@pytest.mark.parametrize(
    "data",
    [
        b"\x00" * 64,
        b"\xff" * 64,
        b"\x81\x05hello",  # a client must mask its frames
        b"\xc1\x80\0\0\0\0",  # a reserved bit
        b"\x83\x80\0\0\0\0",  # a reserved opcode
        b"\x89\xfe\x00\x7e\0\0\0\0" + bytes(126),  # a ping that is too long
        b"\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0",  # claims 2^63 - 1 bytes
        b"\x81\x82\0\0\0\0\xff\xff",  # text that is not UTF-8
    ],
    ids=["zeros", "ones", "unmasked", "reserved bit", "opcode", "ping", "huge", "not UTF-8"],
)
async def test_invalid_frame_disconnects_only_its_sender(
    bridge: Any, join: Any, messages: Any, raw: Any, data: bytes
) -> None:
    client = await raw(bridge)
    await client.handshake()
    client.write(data)
    await client.reader.read()  # until the bridge closes
    await probe(bridge, join, messages)


async def test_aborted_client_is_removed(bridge: Any, join: Any, messages: Any, raw: Any) -> None:
    client = await raw(bridge)
    await client.handshake()
    client.writer.transport.abort()
    await bridge.until(lambda: not bridge.clients)
    await probe(bridge, join, messages)


async def test_data_that_is_not_http_does_no_harm(
    bridge: Any, join: Any, messages: Any, raw: Any, caplog: pytest.LogCaptureFixture
) -> None:
    client = await raw(bridge)
    client.write(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n")  # how TLS starts
    await client.reader.read()
    await probe(bridge, join, messages)
    assert caplog.text == ""


async def test_long_origin_is_truncated_in_response_and_log(
    bridge: Any, join: Any, caplog: pytest.LogCaptureFixture
) -> None:
    client = await join(bridge, origin="https://" + "ü" * 2 + "a" * 4_000)
    with pytest.raises(ConnectionClosed):
        await client.recv()
    assert client.close_code == 4403
    assert len(client.close_reason) <= 123
    assert len(caplog.text) < 800


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
async def test_sending_to_a_client_that_has_just_disconnected_logs_nothing(
    start: Any, join: Any, certificate: Any, caplog: pytest.LogCaptureFixture, secure: bool
) -> None:
    bridge = await start(certificate.toml if secure else "")
    more = {"ssl": certificate.trusted} if secure else {}
    stays, *leave = [await join(bridge, "osc.json", **more) for _ in range(5)]
    await bridge.until(lambda: bridge.clients >= 5)
    for client in leave:
        client.transport.abort()
    bridge.send(*(Message.of("/n", number) for number in range(100)))  # before it notices
    for number in range(100):
        assert f'"value":{number}}}' in await stays.recv()
    await bridge.until(lambda: bridge.clients <= 1)
    assert [record.message for record in caplog.records if record.name == "asyncio"] == []
