"""One device, many UDP clients: a bridge answers its clients, in every mode."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest
from last_client_device import LastClientDevice
from pythonosc.udp_client import SimpleUDPClient as TheirClient

from oscbridge import Message, encode_message
from oscbridge.osc import decode_message
from oscbridge.testing import RunningBridge, running_bridge, until

MODES = ("asyncio", "blocking", "threading", "forking")
WAIT = 10.0
END = "/end"


class Phone:
    """A UDP client on one socket, which records what it gets."""

    def __init__(self, bridge: RunningBridge, port: int = 0, name: str = "stage") -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setblocking(False)
        self.sock.bind(("127.0.0.1", port))
        self.port = self.sock.getsockname()[1]
        self.bridge = ("127.0.0.1", bridge.url(name).port)

    def send(self, address: str, *args: object) -> None:
        self.sock.sendto(encode_message(Message.of(address, *args)), self.bridge)  # type: ignore[arg-type]

    async def heard(self) -> tuple[Message, tuple[str, int]]:
        """The next message, and where it came from."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(WAIT):
            data, sender = await loop.sock_recvfrom(self.sock, 65_536)
        return decode_message(data), sender

    async def heard_until(self, end: str) -> list[str]:
        """The addresses of all messages before the one to ``end``."""
        found: list[str] = []
        while True:
            message, _ = await self.heard()
            if message.address == end:
                return found
            found.append(message.address)


@contextmanager
def phones(bridge: RunningBridge, count: int) -> Iterator[list[Phone]]:
    made = [Phone(bridge) for _ in range(count)]
    try:
        yield made
    finally:
        for each in made:
            each.sock.close()


def clients(bridge: RunningBridge) -> int | None:
    return bridge.endpoint_status("stage").clients


async def joined(bridge: RunningBridge, *members: Phone) -> None:
    """Let clients become known, one after another."""
    for each in members:
        before = clients(bridge) or 0
        each.send("/hello")
        await until(lambda before=before: (clients(bridge) or 0) > before, WAIT)


@asynccontextmanager
async def desk(
    options: str = "", mode: str = "asyncio", more: str = ""
) -> AsyncIterator[tuple[RunningBridge, LastClientDevice]]:
    """A bridge between its clients and a device that answers only its last client."""
    device = await LastClientDevice.open()
    text = f"""
        [bridge.stage]
        listen = "udp://127.0.0.1:0"
        mode = "{mode}"
        [bridge.stage.clients]
        {options}
        [endpoint.desk]
        type = "osc"
        to = "{device.url}"
        keepalive = {{ send = "/xremote", every = 8 }}
        [[route]]
        from = "stage"
        to = "desk"
        [[route]]
        from = "desk"
        to = "stage"
        {more}
    """
    try:
        async with running_bridge(text) as bridge:
            await until(lambda: device.clients, WAIT)
            yield bridge, device
    finally:
        device.close()


@pytest.mark.parametrize("mode", MODES)
async def test_three_clients_share_a_device_that_answers_only_its_last_client(mode: str) -> None:
    async with desk('absorb = ["/xremote"]', mode) as (bridge, device):
        with phones(bridge, 3) as members:
            await joined(bridge, *members)
            for number, each in enumerate(members):
                each.send("/xremote")
                each.send(f"/ch/{number}/fader", 0.5)
                await until(lambda n=number: f"/ch/{n}/fader" in device.values, WAIT)
            device.turn(Message.of(END))
            everything = [f"/ch/{number}/fader" for number in range(3)]
            for each in members:
                assert sorted(await each.heard_until(END)) == everything
        assert len(set(device.clients)) == 1, "the phones' own /xremote reached the device"
        received = bridge.bridge_status("stage").received
        assert received.messages == received.routed == 9
        assert bridge.endpoint_status("stage").absorbed == 3


@pytest.mark.parametrize("mode", MODES)
async def test_messages_leave_from_the_port_that_the_bridge_listens_on(mode: str) -> None:
    async with desk(mode=mode) as (bridge, device):
        with phones(bridge, 1) as (phone,):
            await joined(bridge, phone)
            device.turn(Message.of("/knob", 1))
            assert (await phone.heard())[1] == phone.bridge


@pytest.mark.parametrize("mode", MODES)
async def test_message_does_not_return_to_its_client(mode: str) -> None:
    text = f"""
        [bridge.stage]
        listen = "udp://127.0.0.1:0"
        mode = "{mode}"
        [[route]]
        from = "stage"
        to = "stage"
    """
    async with running_bridge(text) as bridge:
        with phones(bridge, 2) as (one, other):
            await joined(bridge, one)
            await until(lambda: bridge.endpoint_status("stage").sent == 1, WAIT)
            await joined(bridge, other)
            assert (await one.heard())[0].address == "/hello"  # of the other
            one.send("/mine")
            assert (await other.heard())[0].address == "/mine"
            other.send(END)
            assert await one.heard_until(END) == []


async def test_echo_returns_a_message_to_its_client_too() -> None:
    text = """
        [bridge.stage]
        listen = "udp://127.0.0.1:0"
        [bridge.stage.clients]
        echo = true
        [[route]]
        from = "stage"
        to = "stage"
    """
    async with running_bridge(text) as bridge:
        with phones(bridge, 1) as (phone,):
            phone.send("/mine")
            assert (await phone.heard())[0].address == "/mine"


@pytest.mark.parametrize("mode", MODES)
async def test_client_whose_port_is_closed_is_forgotten_and_served_on_a_new_one(mode: str) -> None:
    async with desk(mode=mode) as (bridge, device):
        with phones(bridge, 2) as (one, other):
            await joined(bridge, one, other)
            other.sock.close()
            device.turn(Message.of("/knob", 1))
            assert (await one.heard())[0].address == "/knob"
            await until(lambda: clients(bridge) == 1, WAIT)
            back = Phone(bridge)
            await joined(bridge, back)
            device.turn(Message.of("/knob", 2))
            assert (await back.heard())[0].args == (2,)
            back.sock.close()


async def test_silent_client_is_forgotten() -> None:
    async with desk("forget = 0.2") as (bridge, _):
        with phones(bridge, 1) as (phone,):
            await joined(bridge, phone)
            await until(lambda: clients(bridge) == 0, WAIT)


async def test_static_client_gets_messages_without_sending_any() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.setblocking(False)
        at = f"127.0.0.1:{sock.getsockname()[1]}"
        async with desk(f'static = ["{at}"]') as (_, device):
            device.turn(Message.of("/knob", 1))
            async with asyncio.timeout(WAIT):
                data = await asyncio.get_running_loop().sock_recv(sock, 9_999)
            assert decode_message(data).address == "/knob"


async def test_reply_port_is_where_clients_of_python_osc_receive() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.setblocking(False)
        async with desk(f"reply_port = {sock.getsockname()[1]}") as (bridge, device):
            with TheirClient("127.0.0.1", bridge.url("stage").port) as client:
                client.send_message("/hello", 1)
            await until(lambda: clients(bridge) == 1, WAIT)
            device.turn(Message.of("/knob", 1))
            async with asyncio.timeout(WAIT):
                while True:
                    data = await asyncio.get_running_loop().sock_recv(sock, 9_999)
                    if decode_message(data).address == "/knob":
                        break


@pytest.mark.parametrize("mode", MODES)
async def test_only_subscribers_get_messages_and_subscribing_is_not_routed(mode: str) -> None:
    async with desk('subscribe = "/subscribe"', mode) as (bridge, device):
        with phones(bridge, 2) as (subscriber, other):
            other.send("/hello")
            await until(lambda: device.heard, WAIT)
            subscriber.send("/subscribe")
            await until(lambda: clients(bridge) == 1, WAIT)
            device.turn(Message.of("/knob", 1))
            assert (await subscriber.heard())[0].address == "/knob"
            with pytest.raises(BlockingIOError):
                other.sock.recv(9_999)
        assert [each.address for each in device.heard] == ["/hello"]


async def test_new_client_gets_the_last_values() -> None:
    async with desk("snapshot = true") as (bridge, device):
        for value in (1, 2):
            device.turn(Message.of("/knob", value))
        device.turn(Message.of("/other", 3))
        await until(lambda: bridge.endpoint_status("stage").sent == 3, WAIT)
        with phones(bridge, 1) as (phone,):
            phone.send("/hello")
            found = [(await phone.heard())[0] for _ in range(2)]
            assert [(each.address, each.args) for each in found] == [
                ("/knob", (2,)),
                ("/other", (3,)),
            ]
            device.turn(Message.of("/knob", 4))
            assert (await phone.heard())[0].args == (4,)


async def test_repeated_value_goes_to_its_asker_and_a_new_one_to_everyone() -> None:
    async with desk('answers = "asker"') as (bridge, device):
        with phones(bridge, 2) as (one, other):
            await joined(bridge, one, other)
            device.turn(Message.of("/knob", 1))
            for each in (one, other):
                assert await each.heard_until("/knob") == []
            one.send("/knob")  # a query
            assert (await one.heard())[0].args == (1,)
            device.turn(Message.of("/knob", 2))
            assert (await other.heard())[0].args == (2,)


async def test_repeated_value_that_nobody_asked_for_goes_to_everyone() -> None:
    listener = """
        [bridge.cues]
        listen = "udp://127.0.0.1:0"
        [[route]]
        from = "cues"
        to = "stage"
    """
    async with desk('answers = "asker"\nsubscribe = "/subscribe"', more=listener) as (bridge, _):
        with phones(bridge, 1) as (phone,):
            phone.send("/subscribe")
            await until(lambda: clients(bridge) == 1, WAIT)
            for _ in range(2):
                bridge.send("cues", Message.of("/heartbeat", 1))
                assert (await phone.heard())[0].address == "/heartbeat"


async def test_more_clients_than_max_are_refused_and_counted() -> None:
    async with desk("max = 2") as (bridge, _):
        with phones(bridge, 3) as (*two, third):
            await joined(bridge, *two)
            third.send("/hello")
            await until(lambda: bridge.endpoint_status("stage").refused == 1, WAIT)
            assert clients(bridge) == 2
        assert any("raise 'max'" in line for line in bridge.log)


async def test_ninth_port_of_an_address_replaces_the_one_silent_longest() -> None:
    async with desk() as (bridge, device):
        with phones(bridge, 9) as (first, *others):
            await joined(bridge, first, *others[:7])
            others[-1].send("/hello")
            await until(lambda: len(device.heard) == 9, WAIT)
            device.turn(Message.of("/knob", 1))
            assert (await others[-1].heard())[0].address == "/knob"
            assert clients(bridge) == 8
            with pytest.raises(BlockingIOError):
                first.sock.recv(9_999)


async def test_options_and_routes_change_at_a_reload_without_losing_clients() -> None:
    async with desk() as (bridge, device):
        with phones(bridge, 1) as (phone,):
            await joined(bridge, phone)
            url = bridge.url("stage")
            for options in ("forget = 30", "snapshot = true", 'answers = "asker"'):
                changes = await bridge.reload(_text(device, options))
                assert "bridge.stage" not in (*changes.removed, *changes.renewed)
                device.turn(Message.of("/knob", 1))
                assert (await phone.heard())[0].address == "/knob"
            await bridge.reload(_text(device, "", to="desk"))
            assert not [each for each in bridge.status().endpoints if each.name == "stage"]
            await bridge.reload(_text(device, ""))
            assert bridge.url("stage") == url
            device.turn(Message.of("/knob", 2))
            assert (await phone.heard())[0].args == (2,)


def _text(device: LastClientDevice, options: str, to: str = "stage") -> str:
    return f"""
        [bridge.stage]
        listen = "udp://127.0.0.1:0"
        {"[bridge.stage.clients]" if options else ""}
        {options}
        [endpoint.desk]
        type = "osc"
        to = "{device.url}"
        keepalive = {{ send = "/xremote", every = 8 }}
        [[route]]
        from = "stage"
        to = "desk"
        [[route]]
        from = {'"stage"' if to == "desk" else '"desk"'}
        to = "{to}"
    """


async def test_sink_of_a_bridge_that_does_not_listen_says_so() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        text = f"""
            [bridge.stage]
            listen = "udp://127.0.0.1:{port}"
            on_start = "retry"
            [[route]]
            from = "stage"
            to = "stage"
        """
        async with running_bridge(text) as bridge:
            status = bridge.endpoint_status("stage")
            assert not status.connected
            assert status.problem == "the bridge does not listen"
            assert any(re.match(r"bridge\.stage\.clients: ", e) for e in bridge.status().problems)
            taken.close()
            await until(lambda: bridge.endpoint_status("stage").connected, WAIT)
