"""``time_tags = "forward"``: time tags are handed on, in every mode."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator

import pytest

from oscbridge import Message, TimeTag, encode_bundle, encode_message
from oscbridge.osc.framing import stream_encoder
from oscbridge.testing import RunningBridge, running_bridge
from oscbridge.testing.identity import what_does_not_add_up

MODES = ["asyncio", "blocking", "threading", "forking"]
WAIT = 10.0


@pytest.fixture
def device() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.setblocking(False)
        yield sock


def forwarding(
    device: socket.socket, mode: str, *steps: str, listen: str = "udp", endpoint: str = ""
) -> str:
    lines = "\n".join(steps)
    return f"""
    [bridge.in]
    listen = "{listen}://127.0.0.1:0"
    mode = "{mode}"
    time_tags = "forward"
    [endpoint.out]
    type = "osc"
    to = "udp://127.0.0.1:{device.getsockname()[1]}"
    {endpoint}
    [[route]]
    from = "in"
    to = "out"
    {lines}
    """


def bundle(tag: TimeTag, *messages: Message) -> bytes:
    return encode_bundle([encode_message(message) for message in messages], tag)


def chord(count: int) -> list[Message]:
    return [Message.of(f"/note/{number}", number, 0.5) for number in range(count)]


def send(bridge: RunningBridge, packet: bytes) -> None:
    url = bridge.url("in")
    if url.scheme == "udp":
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(packet, (url.host, url.port))
        return
    with socket.create_connection((url.host, url.port)) as stream:
        stream.sendall(stream_encoder(url.framing)(packet))


async def received(device: socket.socket) -> bytes:
    async with asyncio.timeout(WAIT):
        return await asyncio.get_running_loop().sock_recv(device, 65_535)


def in_an_hour() -> TimeTag:
    return TimeTag.from_unix(time.time() + 3600)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("listen", ["udp", "tcp"])
async def test_bundle_leaves_at_once_as_it_came(
    device: socket.socket, mode: str, listen: str
) -> None:
    async with running_bridge(forwarding(device, mode, listen=listen)) as bridge:
        for tag in (in_an_hour(), TimeTag(1), TimeTag.from_unix(time.time() - 60)):
            packet = bundle(tag, *chord(8))
            send(bridge, packet)
            assert await received(device) == packet
        await bridge.until(lambda: bridge.endpoint_status("out").sent == 24)
        assert what_does_not_add_up(bridge.status()) == []


@pytest.mark.parametrize("mode", MODES)
async def test_messages_of_several_tags_leave_in_a_bundle_each(
    device: socket.socket, mode: str
) -> None:
    first = in_an_hour()
    second = TimeTag(first + (1 << 32))
    inner = bundle(second, *chord(2))
    packet = encode_bundle([*map(encode_message, chord(3)), inner], first)
    async with running_bridge(forwarding(device, mode)) as bridge:
        send(bridge, packet)
        packets = {await received(device), await received(device)}  # processes run side by side
    assert packets == {bundle(first, *chord(3)), inner}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("listen", ["udp", "tcp"])
async def test_bundle_that_goes_on_after_an_inner_one_leaves_as_one(
    device: socket.socket, mode: str, listen: str
) -> None:
    first = in_an_hour()
    second = TimeTag(first + (1 << 32))
    start, *rest = chord(3)
    inner = bundle(second, *chord(2))
    elements = [encode_message(start), inner, *map(encode_message, rest)]
    async with running_bridge(forwarding(device, mode, listen=listen)) as bridge:
        send(bridge, encode_bundle(elements, first))
        packets = {await received(device), await received(device)}
    assert packets == {bundle(first, *chord(3)), inner}


@pytest.mark.parametrize("mode", MODES)
async def test_messages_of_stateful_steps_leave_with_the_rest_of_their_bundle(
    device: socket.socket, mode: str
) -> None:
    tag = in_an_hour()
    text = forwarding(device, mode, 'match = "/direct/*"')
    text += """
    [[route]]
    from = "in"
    match = "/changed/*"
    on_change = true
    to = "out"
    """
    async with running_bridge(text) as bridge:
        for number in range(100):
            sent = [Message.of("/direct/1", number), Message.of("/changed/1", number)]
            send(bridge, bundle(tag, *sent))
            assert await received(device) == bundle(tag, *sent)


@pytest.mark.parametrize("mode", MODES)
async def test_tag_stays_with_messages_that_pure_steps_change(
    device: socket.socket, mode: str
) -> None:
    tag = in_an_hour()
    steps = ('match = "/note/{n}"', 'send = "/n {n}"', "on_change = true")
    async with running_bridge(forwarding(device, mode, *steps)) as bridge:
        send(bridge, bundle(tag, *chord(3)))
        expected = bundle(tag, *(Message.of("/n", number) for number in range(3)))
        assert await received(device) == expected


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "step", ['limit = "1000/s"', "delay = 0.01", "debounce = 0.01", "hold = 0.01", "ramp = 0.01"]
)
async def test_step_that_takes_time_removes_the_tag(
    device: socket.socket, mode: str, step: str
) -> None:
    message = Message.of("/x", 1)
    async with running_bridge(forwarding(device, mode, step)) as bridge:
        send(bridge, bundle(in_an_hour(), message))
        assert await received(device) == encode_message(message)


@pytest.mark.parametrize("policy", ["drop_oldest", "latest", "block"])
async def test_large_bundles_are_split_at_the_size_of_a_datagram(
    device: socket.socket, policy: str
) -> None:
    device.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    tag = in_an_hour()
    messages = chord(4_000)  # more than a batch, too
    text = forwarding(
        device, "asyncio", listen="tcp", endpoint=f'policy = "{policy}"\nqueue = 9000'
    )
    async with running_bridge(text) as bridge:
        send(bridge, bundle(tag, *messages))
        packets = [await received(device)]
        packets.append(await received(device))
    assert len(packets[0]) > 65_000
    assert b"".join(packet[16:] for packet in packets) == bundle(tag, *messages)[16:]
    assert {packet[:16] for packet in packets} == {bundle(tag)}


async def test_messages_that_cannot_be_sent_do_not_affect_the_rest_of_a_bundle(
    device: socket.socket,
) -> None:
    tag = in_an_hour()
    large = Message.of("/large", b"x" * 65_490)
    async with running_bridge(forwarding(device, "asyncio", listen="tcp")) as bridge:
        send(bridge, bundle(tag, *chord(2), large, *chord(2)))
        assert await received(device) == bundle(tag, *chord(2))
        assert await received(device) == bundle(tag, *chord(2))
        await bridge.until(lambda: bridge.endpoint_status("out").sent == 4)
        assert bridge.endpoint_status("out").dropped == {"bad": 1}
        assert what_does_not_add_up(bridge.status()) == []


async def test_held_message_is_sent_without_its_tag(device: socket.socket) -> None:
    message = Message.of("/x", 1)
    text = forwarding(device, "asyncio").replace('time_tags = "forward"', "")
    async with running_bridge(text) as bridge:
        send(bridge, bundle(TimeTag.from_unix(time.time() + 0.05), message))
        assert await received(device) == encode_message(message)
