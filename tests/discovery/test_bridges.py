"""Bridges that are announced, and endpoints that find them, on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

import oscbridge.discovery.requirement
from oscbridge import ConfigurationError, Discovery, Message
from oscbridge.testing import running_bridge, until

Program = Callable[[], Discovery]
OSC = ("_osc._udp", "_osc._tcp")

pytestmark = pytest.mark.timeout(180)

ANNOUNCED = """
[bridge.stage]
listen = "{listen}"
announce = "{name}"
[endpoint.heard]
type = "recording"
[[route]]
from = "stage"
to = "heard"
"""

FINDING = """
[bridge.in]
listen = "udp://127.0.0.1:0"
[endpoint.desk]
type = "osc"
to = "osc://{name}"
[[route]]
from = "in"
to = "desk"
"""


@pytest.mark.parametrize(
    ("listen", "type_name", "properties"),
    [
        ("udp://127.0.0.1:0", "_osc._udp", {"txtvers": "1"}),
        ("tcp://127.0.0.1:0", "_osc._tcp", {"txtvers": "1"}),
        ("tcp+1.0://127.0.0.1:0", "_osc._tcp", {"txtvers": "1", "framing": "1.0"}),
    ],
)
async def test_endpoint_finds_a_bridge_of_any_transport(
    program: Program, unique: str, listen: str, type_name: str, properties: dict[str, str]
) -> None:
    follower = program().follow(OSC, unique)
    async with (
        running_bridge(ANNOUNCED.format(listen=listen, name=unique)) as far,
        running_bridge(FINDING.format(name=unique)) as near,
    ):
        found = await follower.find(40)
        assert (found.type, found.port) == (type_name, far.url("stage").port)
        assert found.properties == properties
        await near.until(lambda: near.endpoint_status("desk").connected, 40)
        where = near.endpoint_status("desk").where
        assert where.startswith(f"osc://{unique} at {listen.partition(':')[0]}://127.0.0.1:")
        near.send("in", Message.of("/go", 1))
        await far.until(lambda: far.endpoint_status("heard").sent == 1, 40)
    await until(lambda: follower.current is None)


async def test_endpoint_waits_for_its_device_and_follows_it(unique: str) -> None:
    async with running_bridge(FINDING.format(name=unique)) as near:
        near.send("in", Message.of("/early", 1))
        await near.until(lambda: near.endpoint_status("desk").problem, 40)
        assert near.endpoint_status("desk").problem == f"looking for {unique!r} in this network"
        text = ANNOUNCED.format(listen="udp://127.0.0.1:0", name=unique)
        for expected in (["/early", "/late"], ["/late"]):  # at another port each time
            async with running_bridge(text) as far:
                await near.until(lambda: near.endpoint_status("desk").connected, 40)
                near.send("in", Message.of("/late", 1))
                heard = far.recording("heard")
                messages = await asyncio.to_thread(heard.wait, len(expected), 40)
                assert [each.address for each in messages] == expected
            await near.until(lambda: not near.endpoint_status("desk").connected, 40)
        problem = near.endpoint_status("desk").problem
        assert unique in problem


async def test_reload_moves_and_ends_an_announcement(program: Program, unique: str) -> None:
    browser = program().browse(OSC, f"{unique}*")
    text = ANNOUNCED.format(listen="udp://127.0.0.1:0", name=unique)

    def names() -> list[str]:
        return [each.name for each in browser.services]

    async with running_bridge(text) as bridge:
        await until(lambda: names() == [unique], 40)
        port = bridge.url("stage").port
        assert bridge.bridge_status("stage").announced == f"announced as {unique!r} at 127.0.0.1"
        changes = await bridge.reload(text.replace(unique, f"{unique} b"))
        assert changes.renewed == ()
        await until(lambda: names() == [f"{unique} b"])
        assert bridge.url("stage").port == port  # it has not stopped listening
        await bridge.reload(text.replace(f'announce = "{unique}"', ""))
        await until(lambda: names() == [])
        assert bridge.bridge_status("stage").announced == ""
        await bridge.reload(text.replace("udp://", "tcp://"))
        await until(lambda: [each.type for each in browser.services] == ["_osc._tcp"])
    await until(lambda: names() == [])


async def test_default_name_is_that_of_the_bridge_and_the_machine(program: Program) -> None:
    text = '[bridge.a18]\nlisten = "udp://127.0.0.1:0"\nannounce = true\n'
    async with running_bridge(text) as bridge:
        await bridge.until(lambda: "127.0.0.1" in bridge.bridge_status("a18").announced, 40)
        assert bridge.bridge_status("a18").announced.startswith("announced as 'a18 on ")


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ('announce = ""', "bridge.stage.announce = '': must not be empty"),
        ('announce = "a\\nb"', "control characters"),
        ('listen = "udp://239.1.2.3:9000"\nannounce = true', "multicast group"),
        ('listen = "udp://[::1]:9000"\nannounce = true', "only for IPv4 addresses"),
        ('announce = true\nadvertise = "desk"', "expected an IPv4 address"),
        ('advertise = "192.168.1.2"', "no effect without announce"),
    ],
)
async def test_impossible_announcement_is_refused(keys: str, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        async with running_bridge(f"[bridge.stage]\n{keys}\n"):
            pass


@pytest.mark.parametrize(
    "text",
    [
        '[bridge.stage]\nannounce = true\nlisten = "udp://127.0.0.1:0"\n',
        '[endpoint.desk]\ntype = "osc"\nto = "osc://Desk"\n',
    ],
)
async def test_missing_package_is_reported_with_the_command(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oscbridge.discovery.requirement, "_PACKAGE", "zeroconf_that_is_missing")
    with pytest.raises(ConfigurationError, match=r'pip install "oscbridge\[discovery\]"'):
        async with running_bridge(text):
            pass
