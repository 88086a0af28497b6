"""Guessing tokens: each attempt is delayed longer; a right token is always accepted."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from stopwatch import Stopwatch
from websockets.exceptions import ConnectionClosed, InvalidStatus

import oscbridge
from oscbridge import Message

RIGHT = {"Authorization": "Bearer right-and-secret"}

MAX_FAILURES = 10
"""Wrong tokens of a network after which the answer is to wait."""

BLOCK_TIME = 60
"""Seconds that it is to wait."""


async def test_right_token_is_accepted_whatever_came_from_its_address_before(
    start: Any, join: Any, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oscbridge.access.token_failures.FIRST_DELAY", 0.0)
    bridge = await start(token)
    for guess in range(MAX_FAILURES):
        with pytest.raises(InvalidStatus):
            await join(bridge, headers={"Authorization": f"Bearer {guess}"})
    with pytest.raises(InvalidStatus) as caught:
        await join(bridge, headers={"Authorization": "Bearer wrong"})
    response = caught.value.response
    assert response.status_code == 429
    assert 0 < int(response.headers["Retry-After"]) <= BLOCK_TIME
    page = await join(bridge, "osc.json", "osc.token.wrong")
    with pytest.raises(ConnectionClosed):
        await page.recv()
    assert page.close_code == 4429
    await (await (await join(bridge, headers=RIGHT)).ping())
    await (await (await join(bridge, "osc.json", "osc.token.right-and-secret")).ping())
    late = await join(bridge)
    await late.send(oscbridge.encode_message(Message.of("/token", "right-and-secret")))
    await (await late.ping())
    while bridge.clients < 3:
        await asyncio.sleep(0)


async def test_guessing_on_many_connections_is_blocked_as_well(
    start: Any, join: Any, token: str
) -> None:
    bridge = await start(token)
    clients = await asyncio.gather(*(join(bridge) for _ in range(30)))
    for client in clients:
        await client.send(oscbridge.encode_message(Message.of("/token", "wrong")))
    for client in clients:
        with pytest.raises(ConnectionClosed):
            await client.recv()
    codes = [client.close_code for client in clients]
    assert codes.count(4401) == MAX_FAILURES
    assert codes.count(4429) == 30 - MAX_FAILURES


async def test_other_clients_are_served_immediately_while_somebody_guesses(
    start: Any, join: Any, token: str, messages: Any, unharmed: Any
) -> None:
    bridge = await start(token)
    good = await join(bridge, headers=RIGHT, local_addr=("127.0.0.2", 0))
    other = {"headers": RIGHT, "local_addr": ("127.0.0.2", 0)}
    async with unharmed(bridge, **other):

        async def guess(number: int) -> None:
            with pytest.raises(InvalidStatus):
                await join(bridge, headers={"Authorization": f"Bearer {number}"})

        guessing = [asyncio.create_task(guess(number)) for number in range(5)]
        await bridge.until(lambda: bridge.refusals)
        stopwatch = Stopwatch()
        bridge.send(Message.of("/a"))
        assert [m.address for m in await messages(good)] == ["/a"]
        late = await join(bridge, **other)
        await (await late.ping())
        assert stopwatch.seconds < 0.5
        assert not all(task.done() for task in guessing)
        await asyncio.gather(*guessing)
        await late.close()
