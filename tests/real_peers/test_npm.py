"""npm osc, the library of most JavaScript programs, over UDP and TCP.

The TCP of npm osc is SLIP; its option ``useSLIP: false`` reads a stream without any
framing, and still writes SLIP.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from waiting import wait_until

from oscbridge import IMMEDIATELY, IMPULSE, MIDI, Color, Message, TimeTag
from oscbridge.osc_bundle_builder import OscBundleBuilder
from oscbridge.tcp_client import AsyncSimpleTCPClient, SimpleTCPClient
from oscbridge.udp_client import DispatchClient, SimpleUDPClient

HOST = "127.0.0.1"
WAIT = 10.0

every_server = pytest.mark.parametrize("kind", ["blocking", "threading", "asyncio"])
slip = pytest.mark.parametrize("mode", ["1.1", "auto"])

# A message as npm osc writes it, and the arguments as it prints them.
WRITTEN = {
    "address": "/all",
    "args": [
        {"type": "i", "value": -1},
        {"type": "h", "value": {"high": 256, "low": 0, "unsigned": False}},
        {"type": "f", "value": 0.5},
        {"type": "d", "value": 0.1},
        {"type": "s", "value": "text ü"},
        {"type": "S", "value": "symbol"},
        {"type": "c", "value": "c"},
        {"type": "b", "value": [0, 192, 219, 220]},
        {"type": "r", "value": {"r": 1, "g": 2, "b": 3, "a": 1}},
        {"type": "m", "value": [1, 144, 60, 127]},
        {"type": "t", "value": {"raw": [10, 20]}},
        {"type": "T"},
        {"type": "F"},
        {"type": "N"},
        {"type": "I"},
        [{"type": "i", "value": 2}, {"type": "s", "value": "in an array"}],
    ],
}
PRINTED = [
    ["i", -1],
    ["h", str(2**40)],
    ["f", 0.5],
    ["d", 0.1],
    ["s", "text ü"],
    ["S", "symbol"],
    ["c", "c"],
    ["b", [0, 192, 219, 220]],
    ["r", [1, 2, 3, 255]],
    ["m", [1, 144, 60, 127]],
    ["t", [10, 20]],
    ["T", True],
    ["F", False],
    ["N", None],
    ["I", None],
    [["i", 2], ["s", "in an array"]],
]
VALUES = [-1, 2**40, 0.5, 0.1, "text ü", "symbol", "c", b"\x00\xc0\xdb\xdc", Color(0x010203FF)]
VALUES += [MIDI(1, 144, 60, 127), TimeTag(10 << 32 | 20), True, False, None, IMPULSE]
ALL = Message("/all", "ihfdsScbrmtTFNI[is]", (*VALUES, [2, "in an array"]))


def written(address: str, *numbers: int) -> dict[str, Any]:
    return {"address": address, "args": [{"type": "i", "value": n} for n in numbers]}


def raw(timetag: TimeTag) -> list[int]:
    return [timetag >> 32, timetag & 0xFFFFFFFF]


def soon() -> TimeTag:
    return TimeTag.from_unix_ns(time.time_ns() + 300_000_000)


def bundle(timetag: TimeTag) -> Any:
    builder = OscBundleBuilder(timetag)
    for number in (1, 2):
        builder.add_content(Message.of("/bundled", number))
    return builder.build()


def opened(process: Any) -> Any:
    """A peer that has reported that it is ready."""
    assert process.json()["event"] == "open"
    return process


def port_of(process: Any) -> int:
    """The port of a peer that has reported that it is ready."""
    event = process.json()
    assert event["event"] == "open"
    return int(event["port"])


# --- npm osc to our servers --------------------------------------------------------------------


@every_server
def test_every_type_of_osc_arrives_over_udp(
    kind: str, udp_server: Any, inbox: Any, node: Any
) -> None:
    osc = opened(node("peer_osc.js", "udp", udp_server(kind)))
    osc.send(WRITTEN)
    assert inbox.take() == ALL


@every_server
def test_osc_receives_our_reply_over_udp(kind: str, udp_server: Any, node: Any) -> None:
    osc = opened(node("peer_osc.js", "udp", udp_server(kind)))
    osc.send({**WRITTEN, "address": "/echo"})
    assert osc.json() == {"address": "/answer", "args": PRINTED}


@every_server
def test_bundle_of_osc_arrives_at_its_time(
    kind: str, udp_server: Any, inbox: Any, node: Any
) -> None:
    osc = opened(node("peer_osc.js", "udp", udp_server(kind)))
    due = soon()
    packets = [written("/later", 1), written("/later", 2)]
    osc.send({"timeTag": {"raw": raw(due)}, "packets": packets})
    osc.send(written("/now"))
    assert inbox.take().address == "/now"
    for number in (1, 2):
        message = inbox.whole()
        assert time.time_ns() >= due.unix_ns()
        assert (message.address, message.args, message.timetag) == ("/later", (number,), due)


@every_server
@slip
def test_every_type_of_osc_arrives_over_tcp(
    kind: str, mode: str, tcp_server: Any, inbox: Any, node: Any
) -> None:
    osc = opened(node("peer_osc.js", "connect", tcp_server(kind, mode)))
    for _ in range(3):
        osc.send(WRITTEN)
    for _ in range(3):
        assert inbox.take() == ALL


@every_server
@slip
def test_osc_receives_our_reply_over_tcp(kind: str, mode: str, tcp_server: Any, node: Any) -> None:
    osc = opened(node("peer_osc.js", "connect", tcp_server(kind, mode)))
    for number in range(3):
        osc.send(written("/ask", number, 192))
    for number in range(3):
        assert osc.json() == {"address": "/answer", "args": [["i", number], ["i", 192]]}


@every_server
@slip
def test_bundle_of_osc_arrives_over_tcp(
    kind: str, mode: str, tcp_server: Any, inbox: Any, node: Any
) -> None:
    osc = opened(node("peer_osc.js", "connect", tcp_server(kind, mode)))
    inner = {"timeTag": {"raw": [0, 1]}, "packets": [written("/inner", 2)]}
    osc.send({"timeTag": {"raw": [0, 1]}, "packets": [written("/outer", 1), inner]})
    assert inbox.take() == Message.of("/outer", 1)
    assert inbox.take() == Message.of("/inner", 2)


@every_server
def test_osc_1_0_server_rejects_and_counts_osc_over_tcp(
    kind: str, tcp_server: Any, dispatcher: Any, node: Any
) -> None:
    osc = opened(node("peer_osc.js", "connect", tcp_server(kind, "1.0")))
    osc.send(written("/lost", 1))
    wait_until(lambda: dispatcher.statistics.bad == {"negative_length": 1})
    assert dispatcher.statistics.messages == 0


# --- our clients to npm osc --------------------------------------------------------------------


def test_all_our_types_arrive_at_osc_over_udp(node: Any) -> None:
    osc = node("peer_osc.js", "udp")
    with SimpleUDPClient(HOST, port_of(osc)) as client:
        client.send(ALL)
        assert osc.json() == {"address": "/all", "args": PRINTED}
        client.send_message("/values", [1, 0.5, "text"])
        assert osc.json()["args"] == [["i", 1], ["f", 0.5], ["s", "text"]]


def test_our_bundle_arrives_at_osc_with_its_time_tag(node: Any) -> None:
    osc = node("peer_osc.js", "udp")
    due = soon()
    with SimpleUDPClient(HOST, port_of(osc)) as client:
        client.send(bundle(due))
    for number in (1, 2):
        expected = {"address": "/bundled", "args": [["i", number]], "timeTag": raw(due)}
        assert osc.json() == expected


def test_our_udp_client_receives_the_reply_of_osc(node: Any) -> None:
    osc = node("peer_osc.js", "udp")
    called: list[Any] = []
    with DispatchClient(HOST, port_of(osc)) as client:
        client.dispatcher.map("/all", called.append, needs_message=True)
        client.send_message("/hello", None)
        osc.json()
        osc.send(WRITTEN)
        wait_until(lambda: client.handle_messages(0.05) or called)
    assert [message._replace(origin=None) for message in called] == [ALL]


def test_our_tcp_client_and_osc_exchange_messages_over_slip(node: Any) -> None:
    osc = node("peer_osc.js", "listen")
    with SimpleTCPClient(HOST, port_of(osc), mode="1.1") as client:
        client.send(ALL)
        client.send(bundle(IMMEDIATELY))
        assert osc.json() == {"address": "/all", "args": PRINTED}
        assert [osc.json()["args"] for _ in range(2)] == [[["i", 1]], [["i", 2]]]
        osc.send(WRITTEN)
        assert next(client.get_messages(WAIT)).message == ALL


async def test_our_asyncio_tcp_client_and_osc_exchange_messages_over_slip(node: Any) -> None:
    osc = node("peer_osc.js", "listen")
    async with AsyncSimpleTCPClient(HOST, port_of(osc), mode="1.1") as client:
        await client.send(ALL)
        assert await asyncio.to_thread(osc.json) == {"address": "/all", "args": PRINTED}
        osc.send(WRITTEN)
        async for message in client.get_messages(WAIT):
            assert message.message == ALL
            break
