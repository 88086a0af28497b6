"""One device, many TCP clients: a bridge answers all that are connected."""

from __future__ import annotations

import pytest
from bridge_clients import END, WAIT, client_count, tcp_clients
from shared_device import shared_device, shared_device_text

from oscbridge import Message
from oscbridge.bridge.clients import answers
from oscbridge.testing import running_bridge, until

MODES = ("asyncio", "threading")
ABSORB = 'absorb = ["/xremote"]'
TCP = "tcp://127.0.0.1:0"
FRAMINGS = {"tcp": "1.1", "tcp+1.0": "1.0"}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("scheme", FRAMINGS)
async def test_three_clients_share_a_device_that_answers_only_its_last_client(
    scheme: str, mode: str
) -> None:
    async with (
        shared_device(f"{scheme}://127.0.0.1:0", mode=mode, clients=ABSORB) as (
            bridge,
            device,
        ),
        tcp_clients(bridge, [FRAMINGS[scheme]] * 3) as members,
    ):
        await until(lambda: client_count(bridge) == 3, WAIT)
        for number, each in enumerate(members):
            each.send("/xremote")
            each.send(f"/ch/{number}/fader", 0.5)
            await until(lambda n=number: f"/ch/{n}/fader" in device.values, WAIT)
        device.turn(Message.of(END))
        everything = [f"/ch/{number}/fader" for number in range(3)]
        for each in members:
            assert sorted(await each.heard_until(END)) == everything
        assert len(set(device.clients)) == 1, "the clients' own /xremote reached the device"
        # Counts of a forking bridge come up to one report later than its messages.
        await until(lambda: bridge.bridge_status("stage").received.routed == 6, WAIT)
        assert bridge.bridge_status("stage").received.messages == 6


@pytest.mark.parametrize("mode", MODES)
async def test_each_client_gets_its_own_framing_once_it_has_sent(mode: str) -> None:
    async with (
        shared_device("tcp+auto://127.0.0.1:0", mode=mode) as (bridge, device),
        tcp_clients(bridge, ["1.0", "1.1"]) as members,
    ):
        assert client_count(bridge) == 0
        for each in members:
            each.send("/hello")
        await until(lambda: client_count(bridge) == 2, WAIT)
        device.turn(Message.of("/knob", 1))
        for each in members:
            assert (await each.heard()).address == "/knob"


async def test_blocking_bridge_answers_the_client_that_it_serves() -> None:
    async with (
        shared_device(TCP, mode="blocking") as (bridge, device),
        tcp_clients(bridge, ["1.1"]) as (one,),
    ):
        await until(lambda: client_count(bridge) == 1, WAIT)
        device.turn(Message.of("/knob", 1))
        assert (await one.heard()).address == "/knob"


@pytest.mark.parametrize("mode", MODES)
async def test_message_does_not_return_to_its_client(mode: str) -> None:
    text = f"""
        [bridge.stage]
        listen = "tcp://127.0.0.1:0"
        mode = "{mode}"
        [[route]]
        from = "stage"
        to = "stage"
    """
    async with running_bridge(text) as bridge, tcp_clients(bridge, ["1.1"] * 2) as (one, other):
        await until(lambda: client_count(bridge) == 2, WAIT)
        one.send("/mine")
        assert (await other.heard()).address == "/mine"
        other.send(END)
        assert await one.heard_until(END) == []


@pytest.mark.parametrize("mode", MODES)
async def test_repeated_value_goes_to_its_asker_and_a_new_one_to_everyone(
    mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "ASK_TIME", 1_000.0)
    async with (
        shared_device(TCP, mode=mode, clients='answers = "asker"') as (bridge, device),
        tcp_clients(bridge, ["1.1"] * 2) as (one, other),
    ):
        await until(lambda: client_count(bridge) == 2, WAIT)
        device.turn(Message.of("/knob", 1))
        for each in (one, other):
            assert (await each.heard()).args == (1,)
        one.send("/knob")  # a query
        assert (await one.heard()).args == (1,)
        device.turn(Message.of("/knob", 2))
        assert (await other.heard()).args == (2,)


@pytest.mark.parametrize("mode", MODES)
async def test_disconnected_client_is_forgotten(mode: str) -> None:
    async with (
        shared_device(TCP, mode=mode) as (bridge, _),
        tcp_clients(bridge, ["1.1"]) as (one,),
    ):
        await until(lambda: client_count(bridge) == 1, WAIT)
        one.writer.close()
        await until(lambda: client_count(bridge) == 0, WAIT)


@pytest.mark.parametrize("mode", MODES)
async def test_only_subscribers_get_a_snapshot_and_messages(mode: str) -> None:
    options = 'subscribe = "/subscribe"\nsnapshot = true'
    async with shared_device(TCP, mode=mode, clients=options) as (bridge, device):
        device.turn(Message.of("/knob", 1))
        await until(lambda: bridge.endpoint_status("stage").sent == 1, WAIT)
        async with tcp_clients(bridge, ["1.1"] * 2) as (one, other):
            one.send("/subscribe")
            assert (await one.heard()).args == (1,)
            other.send("/hello")
            await until(lambda: device.heard, WAIT)
            device.turn(Message.of("/knob", 2))
            assert (await one.heard()).args == (2,)
            assert client_count(bridge) == 1


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ("max_reply_bytes = 20_000", "max_reply_bytes"),
        ("reply_timeout = 0.3\nmax_reply_bytes = 200_000_000", "reply_timeout"),
    ],
)
async def test_client_that_does_not_read_is_disconnected_and_delays_no_other(
    mode: str, limits: str, reason: str
) -> None:
    async with (
        shared_device(TCP, mode=mode, keys=f"[bridge.stage.limits]\n{limits}") as (
            bridge,
            device,
        ),
        tcp_clients(bridge, ["1.1"] * 2) as (slow, quick),
    ):
        slow.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await until(lambda: client_count(bridge) == 2, WAIT)
        text = "x" * 40_000
        sent = 0
        while reason not in bridge.bridge_status("stage").received.closed:
            device.turn(Message.of(f"/{sent}", text))
            assert (await quick.heard()).address == f"/{sent}"
            sent += 1
        await until(lambda: client_count(bridge) == 1, WAIT)
        status = bridge.endpoint_status("stage")
        assert status.client_dropped["disconnected"] > 0
        assert status.sent == sent


async def test_routes_change_at_a_reload_without_losing_connections() -> None:
    async with shared_device(TCP) as (bridge, device), tcp_clients(bridge, ["1.1"]) as (one,):
        await until(lambda: client_count(bridge) == 1, WAIT)
        for answers in (False, True):
            await bridge.reload(shared_device_text(device, TCP, clients=None, answers=answers))
        device.turn(Message.of("/knob", 1))
        assert (await one.heard()).address == "/knob"
