"""What real clients ask and send, in their order: ossia score, Chataigne, VDMX, VRChat and
oscqueryhtml."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import Any

import pytest
from query_bridge import QueryBridge
from query_bridge import StartQueryBridge as Start

import oscbridge
from oscbridge_oscquery import page_echoes
from oscbridge_oscquery.page_echoes import MAX_SENT, PageEchoes

FADER = "/mix/1/fader"

VRCHAT = """
[endpoint.me]
type     = "oscquery"
listen   = "127.0.0.1:0"
[endpoint.game]
type     = "osc"
to       = "udp://127.0.0.1:{device}"
profile  = "vrchat"
on_start = "ignore"
[endpoint.seen]
type = "recording"
[[route]]
from = "me"
to   = ["seen", "game"]
[[route]]
from = "game"
to   = "me"
"""


def leaves(node: Any) -> dict[str, Any]:
    """The nodes with a type, by path."""
    found = {node["FULL_PATH"]: node} if "TYPE" in node else {}
    for child in node.get("CONTENTS", {}).values():
        found |= leaves(child)
    return found


async def test_ossia_score(bridge: QueryBridge) -> None:
    for path in ("/?HOST_INFO", "/?HOST_INFO=1"):
        info: Any = (await bridge.get(path)).json
        # It recognises answers by their keys, in this order.
        assert "COMMAND" not in info
        assert "FULL_PATH" not in info
        assert info["NAME"]
        assert info["OSC_PORT"] == bridge.port
    nodes = leaves((await bridge.get("/")).json)
    client = await bridge.join()  # at the HTTP address
    start = {"LOCAL_SERVER_PORT": 1234, "LOCAL_SENDER_PORT": 1235}
    await client.command("START_OSC_STREAMING", start)
    await client.listen(*(path for path, node in nodes.items() if node["ACCESS"] & 1))
    await client.settled()
    assert (await bridge.get(f"{FADER}?VALUE")).json == {}
    bridge.from_stage(FADER, 0.5)
    assert await client.next() == (FADER, (0.5,))
    assert (await bridge.get(f"{FADER}?VALUE")).json == {"VALUE": [0.5]}
    packet = oscbridge.encode_message(oscbridge.Message.of(FADER, 0.25))
    await client.socket.send_bytes(oscbridge.encode_bundle([packet], oscbridge.IMMEDIATELY))
    assert [await bridge.at_device() for _ in range(2)] == [(FADER, (0.5,)), (FADER, (0.25,))]
    assert await client.nothing_came()


async def test_chataigne(bridge: QueryBridge) -> None:
    names = set()
    for _ in range(2):  # it connects again every 5 s, and takes only the same name for the same
        info: Any = (await bridge.get("/?HOST_INFO")).json
        names.add(info["NAME"])
        tree: Any = (await bridge.get("/")).json
        nodes = leaves(tree)
        for node in nodes.values():
            assert "CONTENTS" not in node  # it would lose its value
        for siblings in (tree, tree["CONTENTS"]["mix"], tree["CONTENTS"]["mix"]["CONTENTS"]["1"]):
            keys = Counter(
                each.get("DESCRIPTION", name) for name, each in siblings["CONTENTS"].items()
            )
            assert max(keys.values()) == 1
        client = await bridge.join()
        await client.listen(*nodes)
        await client.settled()
        for value in (0.25, 0.5):  # never in a bundle
            bridge.from_stage(FADER, value)
        assert [await client.next() for _ in range(2)] == [(FADER, (0.25,)), (FADER, (0.5,))]
        await client.socket.close()
    assert len(names) == 1


async def test_vdmx(bridge: QueryBridge) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", bridge.port)
    writer.write(f"GET ?HOST_INFO HTTP/1.1\r\nHost: 127.0.0.1:{bridge.port}\r\n\r\n".encode())
    assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
    writer.close()
    await writer.wait_closed()
    info: Any = (await bridge.get("?HOST_INFO")).json
    assert (info.get("WS_IP"), info.get("WS_PORT")) == (None, None)  # those of HTTP
    assert (info["OSC_IP"], info["OSC_PORT"]) == ("127.0.0.1", bridge.port)
    assert FADER in leaves((await bridge.get("/")).json)
    client = await bridge.listening(FADER)
    bridge.by_udp(FADER, 0.5)
    assert await bridge.at_device() == (FADER, (0.5,))
    assert await client.nothing_came()


async def test_vrchat(start: Start) -> None:
    bridge = await start(configuration=VRCHAT)
    where = bridge.bridge.endpoint("me").describe()
    async with bridge.session.get(f"{where}/?HOST_INFO") as answer:
        info = await answer.json()
    async with bridge.session.get(where) as answer:
        tree = await answer.json()
    # It sends only to services whose tree has one of these.
    assert {"avatar", "tracking"} & set(tree["CONTENTS"])
    assert info["OSC_PORT"] == int(where.rpartition(":")[2])
    bridge.by_udp_to(info["OSC_PORT"], "/avatar/change", "avtr_1")
    await bridge.bridge.recording("seen").arrived(1)
    message = bridge.bridge.recording("seen").messages[0]
    assert (message.address, message.args) == ("/avatar/change", ("avtr_1",))


async def test_page_that_sends_zeros_on_load_and_echoes_disturbs_nothing(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    bridge = await start('origins = ["http://pages.example"]')
    bridge.from_stage(FADER, 0.5)
    assert await bridge.at_device() == (FADER, (0.5,))
    page = await bridge.join(Origin="http://pages.example")
    await page.listen(FADER)
    for number in range(1, 5):
        await page.send(f"/mix/{number}/fader", 0.0)
    await page.settled()
    assert bridge.status.received.dropped == {"page_load": 4}
    assert (await bridge.get(f"{FADER}?VALUE")).json == {"VALUE": [0.5]}
    await asyncio.sleep(page_echoes.QUIET_TIME)
    monkeypatch.setattr(page_echoes, "ECHO_TIME", 60.0)  # a machine may be slow
    for value in (0.25, 0.75):
        bridge.from_stage(FADER, value)
        assert await bridge.at_device() == (FADER, (value,))
    for value in (0.25, 0.75):
        assert await page.next() == (FADER, (value,))
        await page.send(FADER, value)
    await page.send(FADER, 0.125)  # somebody moves it
    assert await bridge.at_device() == (FADER, (0.125,))
    assert bridge.status.received.dropped == {"page_load": 4, "echo": 2}


def test_echo_is_recognised_as_often_as_it_was_sent_and_for_a_while() -> None:
    now = time.monotonic()
    echoes = PageEchoes(now)
    assert echoes.is_initial(now + 0.5)
    assert not echoes.is_initial(now + 1.5)
    for _ in range(2):
        echoes.sent(b"a", now)
    assert [echoes.is_echo(b"a", now) for _ in range(3)] == [True, True, False]
    echoes.sent(b"a", now)
    assert not echoes.is_echo(b"a", now + 2)
    for number in range(MAX_SENT + 1):
        echoes.sent(b"%d" % number, now)
    assert not echoes.is_echo(b"0", now)
    assert echoes.is_echo(b"1", now)
