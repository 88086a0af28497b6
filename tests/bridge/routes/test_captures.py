"""Captures of a match in running bridges, in every mode."""

from __future__ import annotations

import pytest

from oscbridge import Message
from oscbridge.testing import RunningBridge, running_bridge

MODES = ["asyncio", "blocking", "threading", "forking"]


def one_route(mode: str, *lines: str) -> str:
    steps = "\n".join(lines)
    return f"""
    [bridge.in]
    listen = "udp://127.0.0.1:0"
    mode = "{mode}"
    [endpoint.out]
    type = "recording"
    [[route]]
    from = "in"
    to = "out"
    {steps}
    """


async def received(bridge: RunningBridge, count: int) -> list[Message]:
    """So many messages, sorted: several may run at once."""
    messages = await bridge.recording("out").arrived(count)
    return sorted(messages, key=lambda message: message.address)


@pytest.mark.parametrize("mode", MODES)
async def test_rest_of_an_address_is_captured_with_its_slashes(mode: str) -> None:
    text = one_route(mode, 'match = "/avatar/{p*}"', 'send = "/x/{p} {p} \\"is {p}\\""')
    async with running_bridge(text) as bridge:
        for address in ("/avatar/a/b", "/avatar/12", "/avatar/a/b", "/avatar/", "/avatar"):
            bridge.send("in", Message.of(address, 1))
        found = await received(bridge, 3)
        await bridge.until(lambda: bridge.bridge_status("in").received.unmatched == 2)
        assert bridge.bridge_status("in").received.messages == 5
    assert [(message.address, message.args) for message in found] == [
        ("/x/12", (12, "is 12")),
        ("/x/a/b", ("a/b", "is a/b")),
        ("/x/a/b", ("a/b", "is a/b")),
    ]


@pytest.mark.parametrize("mode", MODES)
async def test_rest_of_an_address_is_text_in_expressions(mode: str) -> None:
    lines = ('match = "/{p*}"', "when = \"p == 'a/b'\"", 'send = "/x {= upper(p)}"')
    async with running_bridge(one_route(mode, *lines)) as bridge:
        bridge.send("in", Message.of("/a/c", 1), Message.of("/a/b", 1))
        (message,) = await received(bridge, 1)
    assert (message.address, message.args) == ("/x", ("A/B",))


@pytest.mark.parametrize("mode", MODES)
async def test_address_pattern_is_not_captured_but_counted(mode: str) -> None:
    text = one_route(mode, 'match = "/1/fader{n}"', 'send = "/x {n}"')
    async with running_bridge(text) as bridge:
        for address in ("/1/fader*", "/1/fader{n}", "/1/fader[1-3]", "/1/fader7"):
            bridge.send("in", Message.of(address, 1))
        (message,) = await received(bridge, 1)
        assert message.args == (7,)
        await bridge.until(lambda: bridge.route_status(1).messages.taken == 4)
        assert bridge.route_status(1).messages.filtered == {"pattern": 3}
        assert bridge.bridge_status("in").received.unmatched == 0


async def test_address_pattern_matches_a_route_without_captures() -> None:
    async with running_bridge(one_route("asyncio", 'match = "/1/*"')) as bridge:
        bridge.send("in", Message.of("/1/fader*", 1))
        (message,) = await received(bridge, 1)
    assert message.address == "/1/fader*"
