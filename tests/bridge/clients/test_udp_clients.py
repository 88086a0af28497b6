"""One device, many UDP clients: a bridge answers its clients, in every mode."""

from __future__ import annotations

import asyncio
import re
import socket

import pytest
from bridge_clients import END, WAIT, UDPClient, client_count, joined, udp_clients
from pythonosc.udp_client import SimpleUDPClient as TheirClient
from shared_device import shared_device, shared_device_text

from oscbridge import Message
from oscbridge.bridge.clients import answers
from oscbridge.osc import decode_message
from oscbridge.testing import free_port, running_bridge, until

ASKER = 'answers = "asker"\nsubscribe = "/subscribe"'
MODES = ("asyncio", "blocking", "threading", "forking")


@pytest.mark.parametrize("mode", MODES)
async def test_three_clients_share_a_device_that_answers_only_its_last_client(mode: str) -> None:
    async with shared_device(clients='absorb = ["/xremote"]', mode=mode) as (bridge, device):
        with udp_clients(bridge, 3) as members:
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
        # Counts of a forking bridge come up to one report later than its messages.
        await until(lambda: bridge.bridge_status("stage").received.routed == 9, WAIT)
        assert bridge.bridge_status("stage").received.messages == 9
        assert bridge.endpoint_status("stage").absorbed == 3


@pytest.mark.parametrize("mode", MODES)
async def test_messages_leave_from_the_port_that_the_bridge_listens_on(mode: str) -> None:
    async with shared_device(mode=mode) as (bridge, device):
        with udp_clients(bridge, 1) as (phone,):
            await joined(bridge, phone)
            device.turn(Message.of("/knob", 1))
            assert (await phone.heard()) and phone.sender == phone.bridge


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
        with udp_clients(bridge, 2) as (one, other):
            await joined(bridge, one)
            await until(lambda: bridge.endpoint_status("stage").sent == 1, WAIT)
            await joined(bridge, other)
            assert (await one.heard()).address == "/hello"  # of the other
            one.send("/mine")
            assert (await other.heard()).address == "/mine"
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
        with udp_clients(bridge, 1) as (phone,):
            phone.send("/mine")
            assert (await phone.heard()).address == "/mine"


@pytest.mark.parametrize("mode", MODES)
async def test_client_whose_port_is_closed_is_forgotten_and_served_on_a_new_one(mode: str) -> None:
    async with shared_device(mode=mode) as (bridge, device):
        with udp_clients(bridge, 2) as (one, other):
            await joined(bridge, one, other)
            other.sock.close()
            device.turn(Message.of("/knob", 1))
            assert (await one.heard()).address == "/knob"
            await until(lambda: client_count(bridge) == 1, WAIT)
            back = UDPClient(bridge)
            await joined(bridge, back)
            device.turn(Message.of("/knob", 2))
            assert (await back.heard()).args == (2,)
            back.sock.close()


async def test_silent_client_is_forgotten() -> None:
    async with shared_device(clients="forget = 0.2") as (bridge, _):
        with udp_clients(bridge, 1) as (phone,):
            await joined(bridge, phone)
            await until(lambda: client_count(bridge) == 0, WAIT)


async def test_static_client_gets_messages_without_sending_any() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.setblocking(False)
        at = f"127.0.0.1:{sock.getsockname()[1]}"
        async with shared_device(clients=f'static = ["{at}"]') as (_, device):
            device.turn(Message.of("/knob", 1))
            async with asyncio.timeout(WAIT):
                data = await asyncio.get_running_loop().sock_recv(sock, 9_999)
            assert decode_message(data).address == "/knob"


async def test_reply_port_is_where_clients_of_python_osc_receive() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.setblocking(False)
        async with shared_device(clients=f"reply_port = {sock.getsockname()[1]}") as (
            bridge,
            device,
        ):
            with TheirClient("127.0.0.1", bridge.url("stage").port) as client:
                client.send_message("/hello", 1)
            await until(lambda: client_count(bridge) == 1, WAIT)
            device.turn(Message.of("/knob", 1))
            async with asyncio.timeout(WAIT):
                while True:
                    data = await asyncio.get_running_loop().sock_recv(sock, 9_999)
                    if decode_message(data).address == "/knob":
                        break


@pytest.mark.parametrize("mode", MODES)
async def test_only_subscribers_get_messages_and_subscribing_is_not_routed(mode: str) -> None:
    async with shared_device(clients='subscribe = "/subscribe"', mode=mode) as (bridge, device):
        with udp_clients(bridge, 2) as (subscriber, other):
            other.send("/hello")
            await until(lambda: device.heard, WAIT)
            subscriber.send("/subscribe")
            await until(lambda: client_count(bridge) == 1, WAIT)
            device.turn(Message.of("/knob", 1))
            assert (await subscriber.heard()).address == "/knob"
            with pytest.raises(BlockingIOError):
                other.sock.recv(9_999)
        assert [each.address for each in device.heard] == ["/hello"]


async def test_new_client_gets_the_last_values() -> None:
    async with shared_device(clients="snapshot = true") as (bridge, device):
        for value in (1, 2):
            device.turn(Message.of("/knob", value))
        device.turn(Message.of("/other", 3))
        await until(lambda: bridge.endpoint_status("stage").sent == 3, WAIT)
        with udp_clients(bridge, 1) as (phone,):
            phone.send("/hello")
            found = [await phone.heard() for _ in range(2)]
            assert [(each.address, each.args) for each in found] == [
                ("/knob", (2,)),
                ("/other", (3,)),
            ]
            device.turn(Message.of("/knob", 4))
            assert (await phone.heard()).args == (4,)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A message is an answer however long it takes."""
    monkeypatch.setattr(answers, "ASK_TIME", 1_000.0)


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("mode", MODES)
async def test_repeated_value_goes_to_its_asker_and_a_new_one_to_everyone(mode: str) -> None:
    async with shared_device(clients='answers = "asker"', mode=mode) as (bridge, device):
        with udp_clients(bridge, 2) as (one, other):
            await joined(bridge, one, other)
            device.turn(Message.of("/knob", 1))
            for each in (one, other):
                assert await each.heard_until("/knob") == []
            one.send("/knob")  # a query
            assert (await one.heard()).args == (1,)
            device.turn(Message.of("/knob", 2))
            assert (await other.heard()).args == (2,)
            other.send("/knob")
            assert (await other.heard()).args == (2,)
            assert other.sender == other.bridge


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("mode", MODES)
async def test_question_that_a_route_rewrites_is_known_by_its_own_address(mode: str) -> None:
    get = '[[route]]\nfrom = "stage"\nmatch = "/ask/{name}"\nsend = "/{name}"\nto = "desk"'
    async with shared_device(clients='answers = "asker"', mode=mode, more=get) as (bridge, device):
        with udp_clients(bridge, 2) as (one, other):
            await joined(bridge, one, other)
            device.turn(Message.of("/knob", 1))
            for each in (one, other):
                assert await each.heard_until("/knob") == []
            other.send("/knob")
            assert (await other.heard()).args == (1,)
            one.send("/ask/knob")
            assert (await other.heard()).args == (1,), "it has sent to /knob"
            device.turn(Message.of(END))
            assert await one.heard_until(END) == []


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("mode", MODES)
async def test_answers_change_at_a_reload_without_losing_clients(mode: str) -> None:
    async with shared_device(mode=mode) as (bridge, device):
        with udp_clients(bridge, 2) as (one, other):
            await joined(bridge, one, other)
            device.turn(Message.of("/knob", 1))
            one.send("/knob")
            for each in (one, other):
                assert [(await each.heard()).args for _ in range(2)] == [(1,), (1,)]
            asker = 'answers = "asker"'
            await bridge.reload(shared_device_text(device, mode=mode, clients=asker))
            device.turn(Message.of("/knob", 2))
            one.send("/knob")
            assert [(await one.heard()).args for _ in range(2)] == [(2,), (2,)]
            await bridge.reload(shared_device_text(device, mode=mode))
            device.turn(Message.of("/knob", 3))
            one.send("/knob")
            assert [(await other.heard()).args for _ in range(3)] == [(2,), (3,), (3,)]


async def test_repeated_value_that_nobody_asked_for_goes_to_everyone() -> None:
    listener = """
        [bridge.cues]
        listen = "udp://127.0.0.1:0"
        [[route]]
        from = "cues"
        to = "stage"
    """
    async with shared_device(clients=ASKER, more=listener) as (bridge, _):
        with udp_clients(bridge, 1) as (phone,):
            phone.send("/subscribe")
            await until(lambda: client_count(bridge) == 1, WAIT)
            for _ in range(2):
                bridge.send("cues", Message.of("/heartbeat", 1))
                assert (await phone.heard()).address == "/heartbeat"


async def test_more_clients_than_max_are_refused_and_counted() -> None:
    async with shared_device(clients="max = 2") as (bridge, _):
        with udp_clients(bridge, 3) as (*two, third):
            await joined(bridge, *two)
            third.send("/hello")
            await until(lambda: bridge.endpoint_status("stage").refused == 1, WAIT)
            assert client_count(bridge) == 2
        assert any("raise 'max'" in line for line in bridge.log)


async def test_ninth_port_of_an_address_replaces_the_one_silent_longest() -> None:
    async with shared_device() as (bridge, device):
        with udp_clients(bridge, 9) as (first, *others):
            await joined(bridge, first, *others[:7])
            others[-1].send("/hello")
            await until(lambda: len(device.heard) == 9, WAIT)
            device.turn(Message.of("/knob", 1))
            assert (await others[-1].heard()).address == "/knob"
            assert client_count(bridge) == 8
            with pytest.raises(BlockingIOError):
                first.sock.recv(9_999)


async def test_options_and_routes_change_at_a_reload_without_losing_clients() -> None:
    async with shared_device() as (bridge, device):
        with udp_clients(bridge, 1) as (phone,):
            await joined(bridge, phone)
            url = bridge.url("stage")
            for options in ("forget = 30", "snapshot = true", 'answers = "asker"'):
                changes = await bridge.reload(shared_device_text(device, clients=options))
                assert "bridge.stage" not in (*changes.removed, *changes.renewed)
                device.turn(Message.of("/knob", 1))
                assert (await phone.heard()).address == "/knob"
            await bridge.reload(shared_device_text(device, clients=None, answers=False))
            assert not [each for each in bridge.status().endpoints if each.name == "stage"]
            await bridge.reload(shared_device_text(device, clients=None))
            assert bridge.url("stage") == url
            device.turn(Message.of("/knob", 2))
            assert (await phone.heard()).args == (2,)


@pytest.mark.parametrize("mode", MODES)
async def test_other_keys_of_the_bridge_change_at_a_reload_without_losing_clients(
    mode: str,
) -> None:
    listen = f"udp://127.0.0.1:{free_port()}"
    async with shared_device(listen, clients="snapshot = true") as (bridge, device):
        with udp_clients(bridge, 1) as (phone,):
            await joined(bridge, phone)
            for count, keys in enumerate((f'mode = "{mode}"\ntime_tags = "forward"', "")):
                text = shared_device_text(device, listen, clients="snapshot = true")
                text = text.replace('mode = "asyncio"', keys) if keys else text
                changes = await bridge.reload(text)
                assert "bridge.stage" in changes.renewed
                assert client_count(bridge) == 1
                device.turn(Message.of("/knob", count))
                assert (await phone.heard()).args == (count,)


async def test_clients_that_a_reload_does_not_allow_are_forgotten() -> None:
    listen = f"udp://127.0.0.1:{free_port()}"
    async with shared_device(listen) as (bridge, device):
        with udp_clients(bridge, 1) as (phone,):
            await joined(bridge, phone)
            allow = 'allow = ["10.0.0.0/8"]'
            await bridge.reload(shared_device_text(device, listen, keys=allow))
            assert client_count(bridge) == 0


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
