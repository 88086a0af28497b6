"""One device, many TCP clients: a bridge answers all that are connected."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from last_client_device import LastClientDevice

from oscbridge import Message, encode_message
from oscbridge.osc import decode_message
from oscbridge.osc.framing import decoder_for, encoder_for
from oscbridge.testing import RunningBridge, running_bridge, until

MODES = ("asyncio", "threading")
FRAMINGS = {"tcp": "1.1", "tcp+1.0": "1.0"}
WAIT = 10.0
END = "/end"


class Surface:
    """A TCP client, which records what it gets."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, framing: str
    ) -> None:
        self.reader = reader
        self.writer = writer
        self._encode = encoder_for(framing)
        self._framing = decoder_for(framing)
        self._packets: list[bytes] = []

    def send(self, address: str, *args: object) -> None:
        packet = encode_message(Message.of(address, *args))  # type: ignore[arg-type]
        self.writer.write(self._encode(packet))

    async def heard(self) -> Message:
        async with asyncio.timeout(WAIT):
            while not self._packets:
                data = await self.reader.read(65_536)
                assert data, "the bridge closed the connection"
                self._packets += self._framing.feed(data)
        return decode_message(self._packets.pop(0))

    async def heard_until(self, end: str) -> list[str]:
        """The addresses of all messages before the one to ``end``."""
        found: list[str] = []
        while (message := await self.heard()).address != end:
            found.append(message.address)
        return found


@asynccontextmanager
async def surfaces(bridge: RunningBridge, framings: Sequence[str]) -> AsyncIterator[list[Surface]]:
    port = bridge.url("stage").port
    made = [
        Surface(*await asyncio.open_connection("127.0.0.1", port), framing) for framing in framings
    ]
    try:
        yield made
    finally:
        for each in made:
            each.writer.close()


def clients(bridge: RunningBridge) -> int | None:
    return bridge.endpoint_status("stage").clients


@asynccontextmanager
async def desk(
    scheme: str = "tcp", mode: str = "asyncio", options: str = ""
) -> AsyncIterator[tuple[RunningBridge, LastClientDevice]]:
    """A bridge between its clients and a device that answers only its last client."""
    device = await LastClientDevice.open()
    text = f"""
        [bridge.stage]
        listen = "{scheme}://127.0.0.1:0"
        mode = "{mode}"
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
    """
    try:
        async with running_bridge(text) as bridge:
            await until(lambda: device.clients, WAIT)
            yield bridge, device
    finally:
        device.close()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("scheme", FRAMINGS)
async def test_three_clients_share_a_device_that_answers_only_its_last_client(
    scheme: str, mode: str
) -> None:
    absorb = '[bridge.stage.clients]\nabsorb = ["/xremote"]'
    async with (
        desk(scheme, mode, absorb) as (bridge, device),
        surfaces(bridge, [FRAMINGS[scheme]] * 3) as members,
    ):
        await until(lambda: clients(bridge) == 3, WAIT)
        for number, each in enumerate(members):
            each.send("/xremote")
            each.send(f"/ch/{number}/fader", 0.5)
            await until(lambda n=number: f"/ch/{n}/fader" in device.values, WAIT)
        device.turn(Message.of(END))
        everything = [f"/ch/{number}/fader" for number in range(3)]
        for each in members:
            assert sorted(await each.heard_until(END)) == everything
        assert len(set(device.clients)) == 1, "the clients' own /xremote reached the device"
        received = bridge.bridge_status("stage").received
        assert received.messages == received.routed == 6


@pytest.mark.parametrize("mode", MODES)
async def test_each_client_gets_its_own_framing_once_it_has_sent(mode: str) -> None:
    async with (
        desk("tcp+auto", mode) as (bridge, device),
        surfaces(bridge, ["1.0", "1.1"]) as members,
    ):
        assert clients(bridge) == 0
        for each in members:
            each.send("/hello")
        await until(lambda: clients(bridge) == 2, WAIT)
        device.turn(Message.of("/knob", 1))
        for each in members:
            assert (await each.heard()).address == "/knob"


async def test_blocking_bridge_answers_the_client_that_it_serves() -> None:
    async with desk(mode="blocking") as (bridge, device), surfaces(bridge, ["1.1"]) as (one,):
        await until(lambda: clients(bridge) == 1, WAIT)
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
    async with running_bridge(text) as bridge, surfaces(bridge, ["1.1"] * 2) as (one, other):
        await until(lambda: clients(bridge) == 2, WAIT)
        one.send("/mine")
        assert (await other.heard()).address == "/mine"
        other.send(END)
        assert await one.heard_until(END) == []


@pytest.mark.parametrize("mode", MODES)
async def test_disconnected_client_is_forgotten(mode: str) -> None:
    async with (
        desk(mode=mode) as (bridge, _),
        surfaces(bridge, ["1.1"]) as (one,),
    ):
        await until(lambda: clients(bridge) == 1, WAIT)
        one.writer.close()
        await until(lambda: clients(bridge) == 0, WAIT)


@pytest.mark.parametrize("mode", MODES)
async def test_only_subscribers_get_a_snapshot_and_messages(mode: str) -> None:
    options = '[bridge.stage.clients]\nsubscribe = "/subscribe"\nsnapshot = true'
    async with desk(mode=mode, options=options) as (bridge, device):
        device.turn(Message.of("/knob", 1))
        await until(lambda: bridge.endpoint_status("stage").sent == 1, WAIT)
        async with surfaces(bridge, ["1.1"] * 2) as (one, other):
            one.send("/subscribe")
            assert (await one.heard()).args == (1,)
            other.send("/hello")
            await until(lambda: device.heard, WAIT)
            device.turn(Message.of("/knob", 2))
            assert (await one.heard()).args == (2,)
            assert clients(bridge) == 1


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
        desk(mode=mode, options=f"[bridge.stage.limits]\n{limits}") as (bridge, device),
        surfaces(bridge, ["1.1"] * 2) as (slow, quick),
    ):
        slow.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await until(lambda: clients(bridge) == 2, WAIT)
        text = "x" * 40_000
        sent = 0
        while reason not in bridge.bridge_status("stage").received.closed:
            device.turn(Message.of(f"/{sent}", text))
            assert (await quick.heard()).address == f"/{sent}"
            sent += 1
        await until(lambda: clients(bridge) == 1, WAIT)
        status = bridge.endpoint_status("stage")
        assert status.client_dropped["disconnected"] > 0
        assert status.sent == sent


async def test_routes_change_at_a_reload_without_losing_connections() -> None:
    async with desk() as (bridge, device), surfaces(bridge, ["1.1"]) as (one,):
        await until(lambda: clients(bridge) == 1, WAIT)
        for to in ("desk", "stage"):
            await bridge.reload(
                f"""
                    [bridge.stage]
                    listen = "tcp://127.0.0.1:0"
                    [endpoint.desk]
                    type = "osc"
                    to = "{device.url}"
                    keepalive = {{ send = "/xremote", every = 8 }}
                    [[route]]
                    from = {'"desk"' if to == "stage" else '"stage"'}
                    to = "{to}"
                    """
            )
        device.turn(Message.of("/knob", 1))
        assert (await one.heard()).address == "/knob"
