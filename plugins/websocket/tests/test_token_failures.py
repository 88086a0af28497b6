"""Guessing tokens: each attempt is delayed longer; a right token is always accepted."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

import oscbridge
from oscbridge import Message
from oscbridge_websocket import token_failures
from oscbridge_websocket.connection import OPEN_TIMEOUT
from oscbridge_websocket.token_failures import (
    BLOCK_TIME,
    FORGET_TIME,
    MAX_DELAY,
    MAX_FAILURES,
    MAX_NETWORKS,
    TokenFailures,
    network_of,
)

RIGHT = {"Authorization": "Bearer right-and-secret"}


class ManualClock:
    """A clock that only moves when it is set."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("host", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("", ""),
    ],
)
def test_network_is_an_ipv4_address_or_an_ipv6_64(host: str, network: str) -> None:
    assert network_of(host) == network


def test_delay_doubles_up_to_a_limit() -> None:
    wrong = TokenFailures(ManualClock())
    delays = [wrong.add("a") for _ in range(2_000)]
    assert delays[:5] == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6])
    assert max(delays) == delays[-1] == MAX_DELAY < OPEN_TIMEOUT


def test_guessing_network_is_to_wait_and_others_are_not() -> None:
    clock = ManualClock()
    wrong = TokenFailures(clock)
    for _ in range(MAX_FAILURES):
        assert wrong.blocked_for("a") == 0
        wrong.add("a")
    assert wrong.blocked_for("a") == BLOCK_TIME
    assert wrong.blocked_for("b") == 0
    clock.now += BLOCK_TIME
    assert wrong.blocked_for("a") == 0
    wrong.add("a")
    assert wrong.blocked_for("a") == BLOCK_TIME


def test_count_is_reset_after_a_while() -> None:
    clock = ManualClock()
    wrong = TokenFailures(clock)
    for _ in range(MAX_FAILURES):
        wrong.add("a")
    clock.now += FORGET_TIME
    wrong.add("b")
    assert wrong.add("a") == pytest.approx(0.1)


def test_table_is_bounded_and_forgets_the_oldest() -> None:
    wrong = TokenFailures(ManualClock())
    wrong.add("guesser")
    for index in range(MAX_NETWORKS):
        wrong.add(str(index))
        wrong.add("guesser")
    assert len(wrong) == MAX_NETWORKS
    assert wrong.blocked_for("guesser") > 0


async def test_responses_to_wrong_tokens_are_delayed_more_and_more(
    start: Any, join: Any, token: str
) -> None:
    bridge = await start(token)
    took = []
    for guess in range(4):
        started = time.monotonic()
        with pytest.raises(InvalidStatus):
            await join(bridge, headers={"Authorization": f"Bearer {guess}"})
        took.append(time.monotonic() - started)
    for index, seconds in enumerate(took):
        assert seconds > 0.099 * 2**index
    assert bridge.refusals == 4


async def test_right_token_is_accepted_whatever_came_from_its_address_before(
    start: Any, join: Any, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_failures, "FIRST_DELAY", 0.0)
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


async def test_waiting_for_the_answers_to_wrong_tokens_takes_up_few_connections(
    start: Any, join: Any, token: str
) -> None:
    bridge = await start(token + "max_handshakes = 40")
    for _ in range(5):
        guesses = [join(bridge, headers={"Authorization": "Bearer wrong"}) for _ in range(30)]
        results = await asyncio.gather(*guesses, return_exceptions=True)
        assert all(isinstance(each, InvalidStatus) for each in results)
        await (await (await join(bridge, headers=RIGHT)).ping())


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
        started = time.monotonic()
        bridge.send(Message.of("/a"))
        assert [m.address for m in await messages(good)] == ["/a"]
        late = await join(bridge, **other)
        await (await late.ping())
        assert time.monotonic() - started < 0.5
        assert not all(task.done() for task in guessing)
        await asyncio.gather(*guessing)
        await late.close()
