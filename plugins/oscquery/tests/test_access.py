"""Tokens: what a client may not listen to is not in its tree, and what it may not send is not
taken."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from query_bridge import CONFIGURATION, QueryBridge
from query_bridge import StartQueryBridge as Start

import oscbridge
from oscbridge.testing import running_bridge

FADER = "/mix/1/fader"
SECRETS = {
    "wall": 'addresses = ["/mix/1/*"]\nrights = ["listen"]',
    "desk": 'addresses = ["/mix/*"]',
    "mute": 'rights = ["send"]',
}

CLIENT = """
[bridge.stage]
listen = "udp://127.0.0.1:0"
[endpoint.there]
type  = "oscquery"
url   = "{url}"
token = {{ file = "{file}" }}
[[route]]
from = "stage"
to   = "there"
"""

Tokens = Callable[..., str]


@pytest.fixture
def tokens(tmp_path: Path) -> Tokens:
    """Makes TOML of tokens; the secret is ``NAME-and-24-characters-more``."""

    def make(*names: str) -> str:
        text = ""
        for name in names:
            file = tmp_path / f"{name}.token"
            file.write_text(secret(name))
            text += f'[[token]]\nname = "{name}"\nsecret = {{{{ file = "{file}" }}}}\n'
            text += f"{SECRETS[name]}\n"
        return text

    return make


@pytest.fixture
async def guarded(start: Start, tokens: Tokens) -> QueryBridge:
    return await start(configuration=CONFIGURATION + tokens(*SECRETS))


def secret(name: str) -> str:
    return f"{name}-and-24-characters-more"


def bearer(name: str) -> str:
    return f"Bearer {secret(name)}"


async def test_request_needs_a_token(guarded: QueryBridge) -> None:
    assert (await guarded.get("/?HOST_INFO")).status == 401
    assert (await guarded.get("/", Authorization="Bearer wrong")).status == 401
    assert (await guarded.get("/?HOST_INFO", Authorization=bearer("wall"))).status == 200


async def test_tree_has_what_the_token_may_listen_to(guarded: QueryBridge) -> None:
    tree = (await guarded.get("/", Authorization=bearer("wall"))).json
    assert isinstance(tree, dict)
    assert list(tree["CONTENTS"]) == ["mix"]
    assert list(tree["CONTENTS"]["mix"]["CONTENTS"]) == ["1"]
    assert tree["CONTENTS"]["mix"]["CONTENTS"]["1"]["CONTENTS"]["fader"]["ACCESS"] == 1
    assert (await guarded.get("/mix/2/fader", Authorization=bearer("wall"))).status == 404
    assert (await guarded.get("/mix/2/fader", Authorization=bearer("desk"))).status == 200
    assert (await guarded.get("/say", Authorization=bearer("desk"))).status == 404
    assert (await guarded.get("/", Authorization=bearer("mute"))).status == 403


async def test_listen_needs_the_right(guarded: QueryBridge) -> None:
    client = await guarded.join(secret("wall"))
    await client.listen(FADER, "/mix/2/fader", "/mix/*/fader", "/*")
    await client.settled()
    guarded.from_stage("/mix/2/fader", 0.5)
    guarded.from_stage(FADER, 0.25)
    assert await client.next() == (FADER, (0.25,))
    assert guarded.status.refused == 3


async def test_sending_needs_the_right(guarded: QueryBridge) -> None:
    wall, desk = await guarded.join(secret("wall")), await guarded.join(secret("desk"))
    await wall.send(FADER, 0.125)
    await wall.settled()
    await desk.send("/say", "x")
    await desk.send(FADER, 0.5)
    assert await guarded.at_device() == (FADER, (0.5,))
    assert guarded.status.received.bad == {"rights": 2}


async def test_client_with_a_token_sends_by_websocket(guarded: QueryBridge, tmp_path: Path) -> None:
    text = CLIENT.format(url=guarded.url, file=tmp_path / "desk.token")
    async with running_bridge(text) as client:
        await client.until(lambda: client.endpoint_status("there").connected)
        client.send("stage", oscbridge.Message.of(FADER, 0.5))
        assert await guarded.at_device() == (FADER, (0.5,))
    assert guarded.status.refused == 0


async def test_udp_cannot_carry_a_token(guarded: QueryBridge) -> None:
    info = (await guarded.get("/?HOST_INFO", Authorization=bearer("wall"))).json
    assert isinstance(info, dict)
    assert info["OSC_TRANSPORT"] == "TCP"
    guarded.by_udp(FADER, 0.5)
    await guarded.bridge.until(lambda: guarded.status.refused == 1)
    assert guarded.status.received.messages == 0


async def test_udp_is_accepted_from_networks_in_allow(start: Start, tokens: Tokens) -> None:
    bridge = await start('allow = ["127.0.0.0/8"]', CONFIGURATION + tokens("wall"))
    info = (await bridge.get("/?HOST_INFO", Authorization=bearer("wall"))).json
    assert isinstance(info, dict)
    assert info["OSC_PORT"] == bridge.port
    bridge.by_udp(FADER, 0.5)
    assert await bridge.at_device() == (FADER, (0.5,))


async def test_datagram_from_elsewhere_is_refused(start: Start) -> None:
    bridge = await start('allow = ["192.0.2.0/24"]')
    bridge.by_udp(FADER, 0.5)
    await bridge.bridge.until(lambda: bridge.status.refused == 1)
    assert bridge.status.received.messages == 0


async def test_token_that_is_gone_ends_the_connection(guarded: QueryBridge, tokens: Tokens) -> None:
    wall, desk = await guarded.join(secret("wall")), await guarded.join(secret("desk"))
    await wall.listen(FADER)
    await desk.listen(FADER)
    await desk.settled()
    without = tokens("wall").format()
    await guarded.bridge.reload(guarded.text.replace(without, ""))
    assert await wall.closed() == 1008
    guarded.from_stage(FADER, 0.5)
    assert await desk.next() == (FADER, (0.5,))


async def test_lost_address_ends_listening_to_it(guarded: QueryBridge) -> None:
    desk = await guarded.join(secret("desk"))
    await desk.listen(FADER, "/mix/2/fader")
    await desk.settled()
    await guarded.bridge.reload(guarded.text.replace('"/mix/*"', '"/mix/2/*"'))
    await guarded.bridge.until(lambda: guarded.endpoint.client_count in (0, 1))
    if guarded.endpoint.client_count == 0:  # it may connect again with fewer rights
        assert await desk.closed() == 1008
        return
    guarded.from_stage(FADER, 0.5)
    guarded.from_stage("/mix/2/fader", 0.5)
    assert await desk.next() == ("/mix/2/fader", (0.5,))


async def test_changes_that_a_client_may_not_see_are_not_reported(guarded: QueryBridge) -> None:
    wall, desk = await guarded.join(secret("wall")), await guarded.join(secret("desk"))
    extra = '[[route]]\nfrom = "q"\nmatch = "/mix/9"\nto = "desk"\n'
    await guarded.bridge.reload(guarded.text + extra)
    assert await desk.next_command() == ("PATH_ADDED", "/mix/9")
    assert await wall.nothing_came()
