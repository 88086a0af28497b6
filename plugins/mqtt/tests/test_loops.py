"""Several endpoints at one broker: no default routes between them, and loops end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from oscbridge import Message
from oscbridge.testing import check_configuration, running_bridge
from oscbridge_mqtt.loops import (
    BLOCK_SECONDS,
    LOOP_RETURNS,
    MAX_PUBLICATIONS,
    LoopGuard,
    Publications,
)

ENDPOINT = '[endpoint.{0}]\ntype = "mqtt"\nclient_id = "{0}"\nbroker = "{1}"\n{2}\n'
IN = '[bridge.osc]\nlisten = "udp://127.0.0.1:0"\n'


async def _connected(bridge: Any, *names: str) -> None:
    async with asyncio.timeout(15):
        while not all(bridge.endpoint_status(name).connected for name in names):
            await asyncio.sleep(0.01)


async def _count(watcher: Any, seconds: float) -> int:
    """How many messages arrive at the broker within some seconds."""
    count = 0
    try:
        async with asyncio.timeout(seconds):
            while True:
                await watcher.next()
                count += 1
    except TimeoutError:
        return count


async def test_two_endpoints_of_one_broker_have_no_default_routes_between_them(
    broker: Any, watch: Any
) -> None:
    other = broker.url.replace("127.0.0.1", "localhost")
    text = IN + ENDPOINT.format("a", broker.url, 'subscribe = ["x/#"]')
    text += ENDPOINT.format("b", other, 'subscribe = ["x/#"]')
    watcher = await watch(broker, "x/#")
    async with running_bridge(text) as bridge:
        await _connected(bridge, "a", "b")
        watcher.publish("x/1", "1")
        assert await _count(watcher, 0.5) == 1


@pytest.mark.parametrize(("option", "count"), [("", 1), ("default_routes = true\n", 2)])
async def test_endpoint_that_routes_only_read_from_publishes_only_on_request(
    broker: Any, watch: Any, option: str, count: int
) -> None:
    text = IN + ENDPOINT.format("a", broker.url, option + 'subscribe = ["x/#"]')
    text += '[endpoint.out]\ntype = "osc"\nto = "udp://127.0.0.1:9"\n'
    text += '[[route]]\nfrom = "a"\nto = "out"\n'
    watcher = await watch(broker, "x/#", "y")
    async with running_bridge(text) as bridge:
        await _connected(bridge, "a")
        bridge.send("osc", Message.of("/y", 1))
        watcher.publish("x/1", "1")
        assert await _count(watcher, 0.5) == count


async def test_endpoint_without_default_routes_publishes_nothing(broker: Any, watch: Any) -> None:
    text = IN + ENDPOINT.format("a", broker.url, "default_routes = false")
    watcher = await watch(broker, "y")
    async with running_bridge(text) as bridge:
        await _connected(bridge, "a")
        bridge.send("osc", Message.of("/y", 1))
        assert await _count(watcher, 0.3) == 0


LOOPS = {
    "same": ('payload = "text"\nsubscribe = ["x/#"]', '[[route]]\nfrom = "a"\nto = "b"\n'),
    "renamed": (
        'subscribe = ["x/#", "y/#"]',
        '[[route]]\nfrom = "a"\nmatch = "/x/1"\nsend = "/y/1 {*}"\nto = "b"\n'
        '[[route]]\nfrom = "a"\nmatch = "/y/1"\nsend = "/x/1 {*}"\nto = "b"\n',
    ),
    "growing": (
        'payload = "text"\nsubscribe = ["x/#"]\n',
        '[[route]]\nfrom = "a"\nto = "b"\nmqtt = {payload = "{0}!"}\n',
    ),
    "two ways": (
        'subscribe = ["x/#"]',
        '[[route]]\nfrom = "a"\nto = "b"\n[[route]]\nfrom = "b"\nto = "a"\n',
    ),
}


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("version", ["5", "3.1.1"])
async def test_loop_is_blocked_and_logged(
    broker: Any, watch: Any, caplog: Any, loop: str, version: str
) -> None:
    options, routes = LOOPS[loop]
    options += f'\nversion = "{version}"'
    text = IN + ENDPOINT.format("a", broker.url, options)
    text += ENDPOINT.format(
        "b", broker.url, options if loop == "two ways" else f'version = "{version}"'
    )
    watcher = await watch(broker, "#")
    async with running_bridge(text + routes) as bridge:
        await _connected(bridge, "a", "b")
        watcher.publish("x/1", "on" if loop == "growing" else "1")
        watcher.publish("z", "1")
        count = await _count(watcher, 2.0)
        assert LOOP_RETURNS <= count < 3 * LOOP_RETURNS
        assert await _count(watcher, 0.3) == 0
        bad = bridge.endpoint_status("a").received.bad
        assert bad["loop"] + bridge.endpoint_status("b").received.bad["loop"] > 0
    assert "endless loop: what endpoint." in caplog.text


async def test_loop_of_many_messages_through_two_brokers_is_blocked(
    start_broker: Any, watch: Any, caplog: Any
) -> None:
    one, two = await start_broker(), await start_broker()
    text = IN + "".join(
        ENDPOINT.format(name, broker.url, 'subscribe = ["x/#"]')
        for name, broker in (("a", one), ("b", one), ("c", two), ("d", two))
    )
    text += '[[route]]\nfrom = "a"\nto = "c"\n[[route]]\nfrom = "d"\nto = "b"\n'
    watcher = await watch(one, "x/#")
    async with running_bridge(text) as bridge:
        await _connected(bridge, *"abcd")
        for index in range(300):
            watcher.publish(f"x/{index}", "1")
        async with asyncio.timeout(20):  # on a busy machine it takes longer to prove a loop
            while await _count(watcher, 0.5) or "endless loop" not in caplog.text:
                pass
    assert "endless loop: what endpoint." in caplog.text


async def test_stream_that_another_endpoint_receives_is_not_a_loop(
    broker: Any, watch: Any, caplog: Any
) -> None:
    text = IN + ENDPOINT.format("a", broker.url, 'subscribe = ["x/#"]')
    text += ENDPOINT.format("b", broker.url, "")
    text += '[[route]]\nfrom = "osc"\nto = "b"\n[endpoint.out]\ntype = "osc"\n'
    text += 'to = "udp://127.0.0.1:9"\n[[route]]\nfrom = "a"\nto = "out"\n'
    watcher = await watch(broker, "x/#")
    async with running_bridge(text) as bridge:
        await _connected(bridge, "a", "b")
        for index in range(500):
            bridge.send("osc", Message.of("/x/1", index))
        for _ in range(500):
            await watcher.next()
        async with asyncio.timeout(5):
            while bridge.endpoint_status("a").received.messages < 500:
                await asyncio.sleep(0.01)
        assert not bridge.endpoint_status("a").received.bad
    assert "endless loop" not in caplog.text


def _warnings(caplog: Any, text: str) -> str:
    caplog.clear()
    check_configuration(text)
    return str(caplog.text)


def test_check_warns_about_routes_between_endpoints_of_one_broker(caplog: Any) -> None:
    text = ENDPOINT.format("a", "mqtt://h", "") + ENDPOINT.format("b", "mqtts://H:8883", "")
    assert "possible endless loop: a → b → a" in _warnings(
        caplog, IN + text + '[[route]]\nfrom = "a"\nto = "b"\n'
    )
    assert "loop" not in _warnings(caplog, IN + text + '[[route]]\nfrom = "osc"\nto = ["a", "b"]\n')


def test_check_warns_about_loops_through_two_brokers(caplog: Any) -> None:
    text = IN + "".join(
        ENDPOINT.format(name, f"mqtt://{'one' if name in 'ab' else 'two'}", "") for name in "abcd"
    )
    there = '[[route]]\nfrom = "a"\nto = "c"\n'
    assert "possible endless loop" in _warnings(
        caplog, text + there + '[[route]]\nfrom = "d"\nto = "b"\n'
    )
    assert "loop" not in _warnings(caplog, text + there + '[[route]]\nfrom = "c"\nto = "a"\n')


def test_loop_is_proven_by_100_returns_within_a_second() -> None:
    now = [0.0]
    guard = LoopGuard(lambda: now[0])
    for _ in range(500):  # 50 per second
        assert not guard.is_loop("t", b"1", 1)
        now[0] += 0.02
    now[0] += 2
    assert [guard.is_loop("t", b"1", 1) for _ in range(LOOP_RETURNS)].index(True) == 99
    assert guard.is_blocked
    now[0] += BLOCK_SECONDS
    assert not guard.is_blocked


def test_publications_are_remembered_for_a_second_and_in_a_bounded_number() -> None:
    now = [0.0]
    publications = Publications(lambda: now[0])
    for index in range(MAX_PUBLICATIONS + 1):
        publications.add("t", b"%d" % index, 1)
    assert publications.chain_length("t", b"0") == 0
    assert publications.chain_length("t", b"1") == 1
    now[0] += 1.1
    assert publications.chain_length("t", b"1") == 0
