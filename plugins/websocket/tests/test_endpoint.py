"""Messages from the bridge to clients, from clients to the bridge, and between clients."""

from __future__ import annotations

import time
from typing import Any

import orjson
import pytest

import oscbridge
from oscbridge import (
    IMPULSE,
    MIDI,
    Bundle,
    Color,
    ForwardedTag,
    Message,
    TimeTag,
    decode_packet,
    encode_bundle,
    encode_message,
)
from oscbridge_websocket.frames import MAX_BUNDLE, FrameFormat, make_frames

EVERY_TYPE = Message(
    "/every/type",
    "ifsbhtdScrmTFNI[i[s]]",
    (
        -1,
        0.5,
        "text ü",
        b"\0\1\2",
        2**60 + 1,
        TimeTag(0xEC3A580080000000),
        0.1,
        "symbol",
        "c",
        Color(0x11223344),
        MIDI(1, 0x90, 60, 127),
        True,
        False,
        None,
        IMPULSE,
        [1, ["a"]],
    ),
)


def numbers(count: int) -> list[Message]:
    return [Message.of("/n", index) for index in range(count)]


# --- outgoing ----------------------------------------------------------------------------------


async def test_client_without_subprotocol_receives_one_binary_packet_per_message(
    bridge: Any, join: Any
) -> None:
    client = await join(bridge)
    bridge.send(EVERY_TYPE)
    assert await client.recv() == oscbridge.encode_message(EVERY_TYPE)


async def test_messages_received_together_are_sent_as_one_bundle(bridge: Any, join: Any) -> None:
    client = await join(bridge)
    bridge.send(*numbers(3))
    packet = oscbridge.decode_packet(await client.recv())
    assert isinstance(packet, Bundle)
    assert packet.timetag.immediate
    assert [message.args for message in oscbridge.messages(packet)] == [(0,), (1,), (2,)]


TAG = TimeTag.from_unix(4e9)
FORWARDING = """
[bridge.osc]
listen = "udp://127.0.0.1:0"
time_tags = "forward"

[endpoint.web]
type   = "websocket"
listen = "127.0.0.1:0"
{options}
"""


async def test_forwarded_time_tag_reaches_binary_clients(
    start: Any, join: Any, document: Any
) -> None:
    bridge = await start(configuration=FORWARDING)
    binary, json = await join(bridge), await join(bridge, "osc.json")
    single, paced = await join(bridge, query="bundles=0"), await join(bridge, query="frame_rate=60")
    rare = Message.of("/rare", MIDI(1, 0x90, 60, 127))
    bridge.send_packet(encode_bundle([encode_message(m) for m in (*numbers(2), rare)], TAG))
    first, second = [decode_packet(await binary.recv()) for _ in range(2)]
    assert isinstance(first, Bundle)
    assert isinstance(second, Bundle)
    assert (first.timetag, [m.args for m in oscbridge.messages(first)]) == (TAG, [(0,), (1,)])
    assert (second.timetag, [m.address for m in oscbridge.messages(second)]) == (TAG, ["/rare"])
    assert await single.recv() == encode_message(numbers(1)[0])
    assert (await document(json))["address"] == "/n"
    packet = decode_packet(await paced.recv())
    assert isinstance(packet, Message) or packet.timetag.immediate


async def test_snapshot_has_no_forwarded_time_tag(start: Any, join: Any) -> None:
    bridge = await start(configuration=FORWARDING)
    client = await join(bridge)
    bridge.send_packet(encode_bundle([encode_message(Message.of("/a", 1))], TAG))
    assert decode_packet(await client.recv()).timetag == TAG
    later = await join(bridge, query="snapshot=1")
    assert decode_packet(await later.recv()) == Message.of("/a", 1)


def test_messages_of_two_forwarded_bundles_stay_apart_and_in_order() -> None:
    one, two = ForwardedTag.of(TAG), ForwardedTag.of(TAG)
    tags = (None, one, two, one, None, None)
    messages = [Message("/n", "i", (n,), tag) for n, tag in enumerate(tags)]
    frames = make_frames(messages, FrameFormat.BUNDLES, lambda _count: None)
    packets = [decode_packet(frame.data) for frame in frames]
    values = [[message.args[0] for message in oscbridge.messages(each)] for each in packets]
    assert values == [[0], [1, 3], [2], [4, 5]]
    assert [isinstance(each, Bundle) and each.timetag == TAG for each in packets] == [
        False, True, True, False,
    ]  # fmt: skip
    assert [frame.messages for frame in frames] == [1, 2, 1, 2]


def test_forwarded_bundle_stays_below_the_maximum_size() -> None:
    tag = ForwardedTag.of(TAG)
    messages = [Message("/n", "b", (bytes(20_000),), tag) for _ in range(5)]
    frames = make_frames(messages, FrameFormat.BUNDLES, lambda _count: None)
    assert [frame.messages for frame in frames] == [3, 2]
    assert all(len(frame.data) <= MAX_BUNDLE + 16 for frame in frames)


async def test_burst_arrives_complete_and_in_order(
    bridge: Any, join: Any, messages: Any, document: Any
) -> None:
    binary, json = await join(bridge), await join(bridge, "osc.json")
    bridge.send(*numbers(500))
    assert [message.args[0] for message in await messages(binary, 500)] == list(range(500))
    for index in range(500):
        assert (await document(json))["args"] == [{"type": "i", "value": index}]


async def test_bundles_stay_below_the_maximum_packet_size(
    bridge: Any, join: Any, messages: Any
) -> None:
    client = await join(bridge)
    blobs = [Message.of("/blob", bytes([index]) * 20_000) for index in range(8)]
    bridge.send(*blobs)
    assert [m.args for m in await messages(client, 8)] == [m.args for m in blobs]


@pytest.mark.parametrize("types", ["m", "r", "c", "S", "[i]"])
async def test_message_with_an_uncommon_type_is_sent_outside_of_bundles(
    bridge: Any, join: Any, types: str
) -> None:
    values = {"m": MIDI(0, 0x90, 60, 1), "r": Color(1), "c": "x", "S": "x", "[i]": [1]}
    odd = Message("/odd", types, (values[types],))
    client = await join(bridge)
    bridge.send(*numbers(2), odd, *numbers(2))
    packets = [oscbridge.decode_packet(await client.recv()) for _ in range(3)]
    assert isinstance(packets[0], Bundle)
    assert packets[1] == odd
    assert isinstance(packets[2], Bundle)


async def test_message_without_type_tags_is_sent_alone(bridge: Any, join: Any) -> None:
    client = await join(bridge)
    bridge.send(Message("/old", None, (b"\0\0\0\1",)), *numbers(1))
    assert await client.recv() == b"/old\0\0\0\0\0\0\0\1"
    assert await client.recv() == oscbridge.encode_message(numbers(1)[0])


async def test_client_that_asks_for_json_receives_json(
    bridge: Any, join: Any, document: Any
) -> None:
    client = await join(bridge, "osc.json")
    assert client.subprotocol == "osc.json"
    bridge.send(Message.of("/mixer/1", 0.5, "on"))
    assert await document(client) == {
        "address": "/mixer/1",
        "args": [{"type": "f", "value": 0.5}, {"type": "s", "value": "on"}],
    }


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        (("osc.binary",), "osc.binary"),
        (("osc.json", "osc.binary"), "osc.json"),
        (("osc.binary", "osc.json"), "osc.binary"),
        (("mqtt", "osc.json"), "osc.json"),
        (("mqtt",), None),
    ],
)
async def test_first_known_subprotocol_is_selected(
    bridge: Any, join: Any, offered: tuple[str, ...], chosen: str | None
) -> None:
    client = await join(bridge, *offered)
    assert client.subprotocol == chosen
    bridge.send(Message.of("/a"))
    assert isinstance(await client.recv(), str if chosen == "osc.json" else bytes)


async def test_text_frames_go_to_json_clients_only(bridge: Any, join: Any) -> None:
    plain, binary = await join(bridge), await join(bridge, "osc.binary")
    json = await join(bridge, "osc.json")
    await json.send('{"address": "/from/json"}')
    for client in (plain, binary):
        frame = await client.recv()
        assert isinstance(frame, bytes)
        assert frame.startswith(b"/from/json\0")


async def test_unencodable_message_is_counted_and_the_rest_is_sent(
    bridge: Any, join: Any, messages: Any, document: Any
) -> None:
    binary, json = await join(bridge), await join(bridge, "osc.json")
    bridge.offer(Message("/wrong", "i", ("text",)), Message.of("/right"))
    assert (await messages(binary))[0].address == "/right"
    assert (await document(json))["address"] == "/right"
    assert bridge.client_drops["encode"] == 2  # once per format


# --- incoming ----------------------------------------------------------------------------------


async def test_binary_packet_from_a_client_reaches_the_other_clients(
    bridge: Any, join: Any, messages: Any, document: Any
) -> None:
    sender, binary, json = await join(bridge), await join(bridge), await join(bridge, "osc.json")
    await sender.send(oscbridge.encode_message(EVERY_TYPE))
    [received] = await messages(binary)
    assert received == EVERY_TYPE
    assert (await document(json))["address"] == "/every/type"


async def test_json_round_trip_keeps_the_types(bridge: Any, join: Any, messages: Any) -> None:
    reader, writer = await join(bridge, "osc.json"), await join(bridge, "osc.json")
    binary = await join(bridge)
    bridge.send(EVERY_TYPE)
    text = await reader.recv()
    await messages(binary)
    await writer.send(text)
    assert await messages(binary) == [EVERY_TYPE]


async def test_bare_json_values_get_inferred_types(bridge: Any, join: Any, messages: Any) -> None:
    json, binary = await join(bridge, "osc.json"), await join(bridge)
    await json.send('{"address": "/a", "args": [1, 1.0, "x", true, null]}')
    assert await messages(binary) == [Message("/a", "ifsTN", (1, 1.0, "x", True, None))]


async def test_json_bundle_arrives_as_its_messages(bridge: Any, join: Any, messages: Any) -> None:
    json, binary = await join(bridge, "osc.json"), await join(bridge)
    packets = [{"address": "/a"}, {"packets": [{"address": "/b"}]}, {"address": "/c"}]
    await json.send(orjson.dumps({"timeTag": None, "packets": packets}).decode())
    assert [m.address for m in await messages(binary, 3)] == ["/a", "/b", "/c"]


async def test_json_client_may_also_send_binary(bridge: Any, join: Any, messages: Any) -> None:
    json, binary = await join(bridge, "osc.json"), await join(bridge)
    await json.send(oscbridge.encode_message(EVERY_TYPE))
    assert await messages(binary) == [EVERY_TYPE]


async def test_message_is_not_sent_back_to_its_sender(
    bridge: Any, join: Any, messages: Any, document: Any
) -> None:
    binary, json = await join(bridge), await join(bridge, "osc.json")
    await binary.send(oscbridge.encode_message(Message.of("/from/binary")))
    assert (await document(json))["address"] == "/from/binary"
    await json.send('{"address": "/from/json"}')
    assert [m.address for m in await messages(binary)] == ["/from/json"]
    bridge.send(Message.of("/from/udp"))
    assert [m.address for m in await messages(binary)] == ["/from/udp"]
    assert (await document(json))["address"] == "/from/udp"


async def test_message_with_a_future_time_tag_is_delayed(
    bridge: Any, join: Any, messages: Any
) -> None:
    sender, receiver = await join(bridge), await join(bridge)
    due = time.time_ns() + 200_000_000
    late = Bundle(TimeTag.from_unix_ns(due), (Message.of("/late"),))
    await sender.send(oscbridge.encode_packet(late))
    await sender.send(oscbridge.encode_message(Message.of("/now")))
    assert [m.address for m in await messages(receiver, 2)] == ["/now", "/late"]
    assert time.time_ns() >= due


async def test_routed_endpoint_receives_only_what_its_routes_select(
    start: Any, join: Any, messages: Any
) -> None:
    bridge = await start('[[route]]\nfrom = "osc"\nmatch = "/mixer/*"\nto = "web"')
    client = await join(bridge)
    bridge.send(Message.of("/other"), Message.of("/mixer/1"))
    assert [m.address for m in await messages(client)] == ["/mixer/1"]
