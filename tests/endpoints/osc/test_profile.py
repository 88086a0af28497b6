"""An OSC endpoint with a profile, and a simulated device at the other end."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from oscbridge.net.url import OSCURL
from oscbridge.osc import Message
from oscbridge.profiles.device_server import serve_device
from oscbridge.profiles.profile import read_profile
from oscbridge.testing import free_port, running_bridge

PROFILE = """
title = "A desk"
{keys}
[[group]]
name = "g"
status = "seen"
source = "my desk"
addresses = [{{ address = "/ch/{{01..04}}/fader", types = "f", range = [0, 1] }}]
"""
CONFIGURATION = """
[bridge.stage]
listen = "udp://127.0.0.1:0"
[endpoint.desk]
type = "osc"
to = "{to}"
profile = "{profile}"
{options}
[[route]]
from = "stage"
to = "desk"
match = "/ch/*"
"""


def write(folder: Path, keys: str = "") -> Path:
    path = folder / "desk.toml"
    path.write_text(PROFILE.format(keys=keys))
    return path


class Desk:
    """A simulated device, and the messages that it got."""

    def __init__(self) -> None:
        self.received: asyncio.Queue[Message] = asyncio.Queue()
        self.to: OSCURL

    async def next(self) -> str:
        async with asyncio.timeout(20):
            message = await self.received.get()
        return " ".join([message.address, *map(str, message.args)])


@asynccontextmanager
async def desk(profile: Path, listen: str = "udp://127.0.0.1:0") -> AsyncIterator[Desk]:
    made = Desk()

    def note(_peer: object, message: Message) -> None:
        made.received.put_nowait(message)

    async with serve_device(read_profile(profile), OSCURL.parse(listen), note) as made.to:
        yield made


def configuration(to: object, profile: object, options: str = "") -> str:
    return CONFIGURATION.format(to=to, profile=profile, options=options)


async def test_profile_brings_questions_keepalive_and_probe(tmp_path: Path) -> None:
    profile = write(
        tmp_path,
        'sync = ["/ch/01/fader"]\nkeepalive = { send = "/alive", every = 0.1 }\n'
        'probe = { send = "/ping", every = 3600 }',
    )
    async with desk(profile) as device, running_bridge(configuration(device.to, profile)):
        said = [await device.next() for _ in range(5)]
    assert said == ["/ch/01/fader", "/alive", "/ping", "/alive", "/alive"]


async def test_keepalive_of_the_endpoint_replaces_that_of_the_profile(tmp_path: Path) -> None:
    profile = write(tmp_path, 'keepalive = { send = "/alive", every = 0.1 }')
    options = 'keepalive = { send = "/mine", every = 3600 }'
    async with desk(profile) as device, running_bridge(configuration(device.to, profile, options)):
        assert await device.next() == "/mine"


async def test_device_that_does_not_answer_the_probe_is_unreachable_until_it_does(
    tmp_path: Path,
) -> None:
    profile = write(tmp_path, 'sync = ["/hello"]\nprobe = { send = "/ping", every = 0.1 }')
    port = free_port()
    to = f"udp://127.0.0.1:{port}"
    async with running_bridge(configuration(to, profile)) as bridge:
        await bridge.until(lambda: bool(bridge.endpoint_status("desk").problem))
        async with desk(profile, to) as device:
            await bridge.until(lambda: not bridge.endpoint_status("desk").problem)
            said = {await device.next() for _ in range(3)}
        assert "/hello" in said  # asked again: it may have been restarted


async def test_passcode_is_sent_before_the_questions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PASSCODE", "1234")
    profile = write(
        tmp_path,
        'sync = ["/updates 1"]\n'
        'login = { send = "/connect", reply = "/reply/connect", refused = "badpass" }',
    )
    options = 'passcode = { env = "PASSCODE" }'
    text = configuration
    async with desk(profile) as device, running_bridge(text(device.to, profile, options)) as bridge:
        assert [await device.next() for _ in range(2)] == ["/connect 1234", "/updates 1"]
        assert not bridge.endpoint_status("desk").problem


async def test_refused_passcode_is_a_problem_and_is_not_repeated_at_once(tmp_path: Path) -> None:
    # The simulated device answers "ok", which is a refusal here.
    profile = write(
        tmp_path,
        'sync = ["/updates 1"]\nprobe = { send = "/ping", every = 0.1 }\n'
        'login = { send = "/connect", reply = "/reply/connect", refused = "ok" }',
    )
    async with desk(profile) as device, running_bridge(configuration(device.to, profile)) as bridge:
        await bridge.until(lambda: bool(bridge.endpoint_status("desk").problem))
        assert "refused the passcode" in bridge.endpoint_status("desk").problem
        said = [await device.next() for _ in range(8)]
    assert said.count("/connect") == 1


async def test_replies_are_received_at_the_port_of_the_profile(tmp_path: Path) -> None:
    port = free_port()
    profile = write(tmp_path, f'reply_port = {port}\nsync = ["/ch/02/fader"]')
    async with desk(profile) as device:
        text = configuration(device.to, profile)
        async with running_bridge(text, record=["desk"]) as bridge, asyncio.timeout(20):
            reply = await bridge.received("desk").get()
            where = bridge.endpoint_status("desk").where
    assert reply.address == "/ch/02/fader"
    assert where.endswith(f"from :{port}")


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ('profile = "x33"', "unknown profile; did you mean 'x32'?"),
        ("profile = 32", "expected the name of a profile, in quotes"),
        ('passcode = { env = "HOME" }', "only with a profile that has a login, such as qlab"),
        (
            'profile = "x32"\npasscode = { env = "HOME" }',
            "the profile 'x32' has no login",
        ),
    ],
)
async def test_wrong_profile_is_an_error(keys: str, problem: str) -> None:
    text = f'[endpoint.desk]\ntype = "osc"\nto = "udp://127.0.0.1:9"\n{keys}\n'
    with pytest.raises(Exception, match=re.escape(problem)):
        async with running_bridge(text):
            pass
