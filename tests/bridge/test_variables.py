"""Variables and edges of a running bridge: reloads, counters, metrics, forking."""

from __future__ import annotations

import os

import pytest

from oscbridge import Message
from oscbridge.errors import OSCBridgeError
from oscbridge.testing import RunningBridge, running_bridge

AROUND = (
    '[bridge.in]\nlisten = "udp://127.0.0.1:0"\nmode = "{mode}"\n'
    '[endpoint.out]\ntype = "recording"\n[variables]\n{variables}\n'
)
EDGE = '[[route]]\nfrom = "in"\nmatch = "/edge"\nwhen = "x > 0"\nedge = "rising"\nto = "out"\n'
SHOW = '[[route]]\nfrom = "in"\nmatch = "/show"\nsend = "/a {= var.a}"\nto = "out"\n'
COUNT = '[[route]]\nfrom = "in"\nmatch = "/count"\nset = { a = "var.a + x" }\n'
MODES = ["asyncio", "blocking", "threading"] + (["forking"] if hasattr(os, "fork") else [])


def text(*routes: str, variables: str = "a = 1", mode: str = "asyncio") -> str:
    return AROUND.format(mode=mode, variables=variables) + "".join(routes)


async def pass_through(bridge: RunningBridge, *messages: Message) -> None:
    """Send messages, and wait until the routes have counted all of them."""

    def taken() -> int:
        return sum(each.messages.taken for each in bridge.status().routes)

    for message in messages:
        before = taken()
        bridge.send("in", message)
        await bridge.until(lambda before=before: taken() > before)  # type: ignore[misc]


def shown(bridge: RunningBridge) -> list[object]:
    return [message.args[0] for message in bridge.recording("out").messages]


@pytest.mark.parametrize("mode", MODES)
async def test_message_takes_its_routes_in_the_order_of_the_file(mode: str) -> None:
    double = COUNT.replace("/count", "/{any}").replace("var.a + x", "2 * var.a")
    show = SHOW.replace("/show", "/count")
    routes = (show, COUNT.replace("/count", "/*"), show, double, show, COUNT)
    async with running_bridge(text(*routes, mode=mode)) as bridge:
        bridge.send("in", Message.of("/count", 4))
        await bridge.until(lambda: shown(bridge) == [1, 5, 10])
        await bridge.until(lambda: bridge.status().variables == {"a": 14})


async def test_values_and_edges_survive_a_reload() -> None:
    async with running_bridge(text(EDGE, COUNT)) as bridge:
        await pass_through(bridge, Message.of("/edge", 1), Message.of("/count", 4))
        await bridge.reload(text(SHOW, EDGE, COUNT, variables="a = 0.5\nb = true"))
        assert bridge.status().variables == {"a": 5, "b": True}
        await pass_through(bridge, Message.of("/edge", 1), Message.of("/show"))
        await bridge.until(lambda: shown(bridge) == [1, 5])


async def test_variable_of_another_kind_gets_its_initial_value() -> None:
    async with running_bridge(text(COUNT)) as bridge:
        await pass_through(bridge, Message.of("/count", 4))
        await bridge.reload(text(SHOW, variables='a = "new"'))
        assert bridge.status().variables == {"a": "new"}
        await bridge.reload(text(EDGE, variables=""))
        assert bridge.status().variables == {}


async def test_failing_reload_keeps_variables() -> None:
    async with running_bridge(text(COUNT)) as bridge:
        await pass_through(bridge, Message.of("/count", 4))
        taken = bridge.url("in").port
        new = text(COUNT, variables='a = "text"\nb = 1\n').replace(
            "set = { a", 'set = { b = "1"} #'
        )
        more = f'[bridge.more]\nlisten = "udp://127.0.0.1:{taken}"\n'
        with pytest.raises(OSCBridgeError):
            await bridge.reload(new + more)
        assert bridge.status().variables == {"a": 5}
        await pass_through(bridge, Message.of("/count", 1))
        assert bridge.status().variables == {"a": 6}


@pytest.mark.parametrize("mode", MODES)
async def test_steps_run_in_the_bridge_process_in_every_mode(mode: str) -> None:
    async with running_bridge(text(EDGE, COUNT, SHOW, mode=mode)) as bridge:
        values = (("/edge", 1), ("/edge", 2), ("/count", 2), ("/count", 3), ("/count", "x"))
        await pass_through(bridge, *(Message.of(address, value) for address, value in values))
        await pass_through(bridge, Message.of("/show"), Message.of("/edge", 0))
        await bridge.until(lambda: len(shown(bridge)) == 2)
        edge, count, _ = bridge.status().routes
        assert shown(bridge) == [1, 6]
        assert (edge.messages.passed, edge.messages.filtered) == (1, {"edge": 2})
        assert (count.messages.passed, count.messages.failed) == (2, {"expression": 1})


async def test_metric_has_numbers_and_booleans() -> None:
    async with running_bridge(text(SHOW, variables='a = 1.5\nb = true\nc = "x"')) as bridge:
        lines = [each for each in bridge.metrics().splitlines() if "oscbridge_variable{" in each]
    assert lines == ['oscbridge_variable{name="a"} 1.5', 'oscbridge_variable{name="b"} 1.0']
