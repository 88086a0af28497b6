"""Dashboards on npm ``osc`` and ``osc-js`` receive and send through the real program."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder
from pythonosc.udp_client import SimpleUDPClient

import oscbridge
from oscbridge import IMPULSE, MIDI, Color, Message, TimeTag

BOTH = ["osc", "osc-js"]
CONSTANTS = [["T", True], ["F", False], ["N", None], ["I", None]]
Sent = list[tuple[str, list[Any]]]
"""Addresses, and arguments as a peer prints them: type and value."""


def by_python_osc(port: int) -> Sent:
    values = [1, 0.5, "text ü", b"\x01\x02\x03", True, False, None, 2**40]
    printed = [["i", 1], ["f", 0.5], ["s", "text ü"], ["b", [1, 2, 3]]]
    printed += [["T", True], ["F", False], ["N", None], ["h", str(2**40)]]
    typed = OscMessageBuilder("/python/typed")
    typed.add_arg(0.1, "d")
    typed.add_arg(-5, "h")
    with SimpleUDPClient("127.0.0.1", port) as client:
        client.send_message("/python/all", values)
        client.send_message("/python/none", [])
        client.send_message("/python/one", 1.0)
        client.send(typed.build())
    return [
        ("/python/all", printed),
        ("/python/none", []),
        ("/python/one", [["f", 1]]),
        ("/python/typed", [["d", 0.1], ["h", "-5"]]),
    ]


def by_python_osc_rare(port: int) -> Sent:
    message = OscMessageBuilder("/python/rare")
    message.add_arg(0x11AAFF80, "r")
    message.add_arg((1, 0x90, 60, 127), "m")
    message.add_arg([1, "a"])
    with SimpleUDPClient("127.0.0.1", port) as client:
        client.send(message.build())
    return [
        (
            "/python/rare",
            [["r", [0x11, 0xAA, 0xFF, 0x80]], ["m", [1, 0x90, 60, 127]], [["i", 1], ["s", "a"]]],
        )
    ]


def oscsend(port: int, *arguments: str) -> None:
    subprocess.run(["oscsend", "127.0.0.1", str(port), *arguments], check=True)


def by_liblo(port: int) -> Sent:
    oscsend(port, "/liblo/all", "ifsdhTFNI", "-7", "0.25", "text ü", "0.1", str(2**60))
    oscsend(port, "/liblo/none")
    return [
        (
            "/liblo/all",
            [
                ["i", -7],
                ["f", 0.25],
                ["s", "text ü"],
                ["d", 0.1],
                ["h", str(2**60)],
                *CONSTANTS,
            ],
        ),
        ("/liblo/none", []),
    ]


def by_liblo_rare(port: int) -> Sent:
    oscsend(port, "/liblo/rare", "cSm", "x", "symbol", "00903c7f")
    return [("/liblo/rare", [["c", "x"], ["S", "symbol"], ["m", [0, 0x90, 60, 127]]])]


def send(port: int, *arguments: str) -> None:
    program = Path(sys.executable).with_name("oscbridge")
    to = f"udp://127.0.0.1:{port}"
    subprocess.run([program, "send", "--to", to, *arguments], check=True)


def by_us(port: int) -> Sent:
    tags = ["--types", "hdbtTFNI"]
    send(port, "/us/guessed", "1", "0.5", "text ü", "true", "nil", "-3")
    send(port, "/us/typed", *tags, str(2**62), "0.1", "00ff", str(0xEC3A580080000000))
    return [
        (
            "/us/guessed",
            [["i", 1], ["f", 0.5], ["s", "text ü"], ["T", True], ["N", None], ["i", -3]],
        ),
        (
            "/us/typed",
            [
                ["h", str(2**62)],
                ["d", 0.1],
                ["b", [0, 255]],
                ["t", str(0xEC3A580080000000)],
                *CONSTANTS,
            ],
        ),
    ]


def by_us_rare(port: int) -> Sent:
    send(port, "/us/rare", "--types", "Scrm[is]", "symbol", "x", "#11aaff80", "00903c7f", "1", "a")
    return [
        (
            "/us/rare",
            [
                ["S", "symbol"],
                ["c", "x"],
                ["r", [0x11, 0xAA, 0xFF, 0x80]],
                ["m", [0, 0x90, 60, 127]],
                [["i", 1], ["s", "a"]],
            ],
        )
    ]


COMMON = [by_python_osc, by_liblo, by_us]
RARE = [by_python_osc_rare, by_liblo_rare, by_us_rare]  # osc-js knows no S c r m [ ]


@pytest.mark.parametrize("sender", COMMON, ids=lambda sender: sender.__name__)
@pytest.mark.parametrize("name", BOTH)
def test_dashboard_receives_sent_messages(
    program: Any, peer: Any, name: str, sender: Callable[[int], Sent]
) -> None:
    dashboard = peer(name, program)
    for address, args in sender(program.udp_port):
        assert dashboard.read() == {"address": address, "args": args}


@pytest.mark.parametrize("sender", RARE, ids=lambda sender: sender.__name__)
def test_osc_js_by_colin_clark_receives_the_rare_types(
    program: Any, peer: Any, sender: Callable[[int], Sent]
) -> None:
    dashboard = peer("osc", program)
    for address, args in sender(program.udp_port):
        assert dashboard.read() == {"address": address, "args": args}


def bundle(addresses: list[str], rare: int | None = None) -> Any:
    """One packet, so that its messages reach the endpoint together."""
    builder = OscBundleBuilder(IMMEDIATELY)
    for index, address in enumerate(addresses):
        message = OscMessageBuilder(address)
        message.add_arg(index)
        if index == rare:
            message.add_arg((0, 0x90, 60, 127), "m")
        builder.add_content(message.build())
    return builder.build()


@pytest.mark.parametrize("name", BOTH)
def test_burst_arrives_message_by_message(program: Any, peer: Any, join: Any, name: str) -> None:
    dashboard, binary = peer(name, program), join(program)
    addresses = [f"/burst/{index}" for index in range(200)]
    with SimpleUDPClient("127.0.0.1", program.udp_port) as client:
        client.send(bundle(addresses))
    assert binary.recv(timeout=10).startswith(b"#bundle\0")
    for index, address in enumerate(addresses):
        assert dashboard.read() == {"address": address, "args": [["i", index]]}


def test_type_unknown_to_osc_js_costs_only_that_message(program: Any, peer: Any) -> None:
    dashboard = peer("osc-js", program)
    with SimpleUDPClient("127.0.0.1", program.udp_port) as client:
        client.send(bundle([f"/burst/{index}" for index in range(9)], rare=4))
    read = [dashboard.read() for _ in range(9)]
    assert [each.get("address") for each in read] == [
        *[f"/burst/{index}" for index in range(4)],
        None,
        *[f"/burst/{index}" for index in range(5, 9)],
    ]
    assert read[4]["event"] == "error"


LONG = 2**53 + 1
ALL = [
    {"type": "i", "value": 1},
    {"type": "f", "value": 0.5},
    {"type": "s", "value": "text"},
    {"type": "b", "value": [1, 2, 3]},
    {"type": "d", "value": 0.1},
    {"type": "T", "value": True},
    {"type": "F", "value": False},
    {"type": "N", "value": None},
]
FROM = {
    "osc": (
        [
            *ALL,
            {"type": "h", "value": {"high": LONG >> 32, "low": LONG & 0xFFFFFFFF}},
            {"type": "t", "value": {"raw": [10, 20]}},
            {"type": "S", "value": "symbol"},
            {"type": "c", "value": "x"},
            {"type": "r", "value": {"r": 17, "g": 170, "b": 255, "a": 0.5}},
            {"type": "m", "value": [1, 0x90, 60, 127]},
            {"type": "I", "value": None},
            [{"type": "i", "value": 1}, {"type": "s", "value": "a"}],
        ],
        Message(
            "/from",
            "ifsbdTFNhtScrmI[is]",
            (
                *(1, 0.5, "text", b"\1\2\3", 0.1, True, False, None, LONG),
                *(TimeTag(10 << 32 | 20), "symbol", "x", Color(0x11AAFF80)),
                *(MIDI(1, 0x90, 60, 127), IMPULSE, [1, "a"]),
            ),
        ),
    ),
    "osc-js": (
        [*ALL, {"type": "h", "value": str(LONG)}],
        Message("/from", "ifsbdTFNh", (1, 0.5, "text", b"\1\2\3", 0.1, True, False, None, LONG)),
    ),
}


@pytest.mark.parametrize("name", BOTH)
def test_message_of_a_dashboard_reaches_a_second_client(
    program: Any, peer: Any, join: Any, name: str
) -> None:
    dashboard, binary = peer(name, program), join(program)
    args, expected = FROM[name]
    dashboard.send({"address": "/from", "args": args})
    assert oscbridge.decode_packet(binary.recv(timeout=10)) == expected


@pytest.mark.parametrize("name", BOTH)
def test_message_of_a_dashboard_reaches_a_json_client_with_its_types(
    program: Any, peer: Any, join: Any, name: str
) -> None:
    dashboard, client = peer(name, program), join(program, "osc.json")
    args, expected = FROM[name]
    dashboard.send({"address": "/from", "args": args})
    document = json.loads(client.recv(timeout=10))
    assert document["args"][8] == {"type": "h", "value": str(LONG)}
    client.send(json.dumps(document))
    assert len(dashboard.read()["args"]) == len(expected.args)


@pytest.mark.parametrize(("sender", "receiver"), [("osc", "osc-js"), ("osc-js", "osc")])
def test_dashboards_of_both_kinds_reach_each_other(
    program: Any, peer: Any, sender: str, receiver: str
) -> None:
    one, other = peer(sender, program), peer(receiver, program)
    one.send({"address": "/from/one", "args": [{"type": "f", "value": 1}]})
    assert other.read() == {"address": "/from/one", "args": [["f", 1]]}


def test_text_of_osc_js_in_latin_1_reaches_every_client(program: Any, peer: Any, join: Any) -> None:
    binary, client = join(program), join(program, "osc.json")
    sender, receiver = peer("osc-js", program), peer("osc-js", program)
    sender.send({"address": "/title", "args": [{"type": "s", "value": "Großer Gott"}]})
    assert oscbridge.decode_packet(binary.recv(timeout=10)) == Message.of("/title", "Großer Gott")
    assert json.loads(client.recv(timeout=10))["args"] == [{"type": "s", "value": "Großer Gott"}]
    assert receiver.read() == {"address": "/title", "args": [["s", "Großer Gott"]]}


@pytest.mark.parametrize("name", BOTH)
def test_bundle_from_a_dashboard_arrives(program: Any, peer: Any, join: Any, name: str) -> None:
    dashboard, binary = peer(name, program), join(program)
    packets = [{"address": f"/from/{i}", "args": [{"type": "i", "value": i}]} for i in range(3)]
    dashboard.send({"timeTag": {"raw": [0, 1]}, "packets": packets})
    packet = oscbridge.decode_packet(binary.recv(timeout=10))
    assert [m.address for m in oscbridge.messages(packet)] == ["/from/0", "/from/1", "/from/2"]


@pytest.mark.parametrize("name", BOTH)
def test_dashboard_does_not_receive_its_own_message(
    program: Any, peer: Any, join: Any, name: str
) -> None:
    dashboard, binary = peer(name, program), join(program)
    dashboard.send({"address": "/own", "args": [{"type": "i", "value": 1}]})
    binary.recv(timeout=10)
    with SimpleUDPClient("127.0.0.1", program.udp_port) as client:
        client.send_message("/other", 2)
    assert dashboard.read() == {"address": "/other", "args": [["i", 2]]}


@pytest.mark.parametrize("name", BOTH)
def test_dashboard_works_alongside_json_clients(
    program: Any, peer: Any, join: Any, name: str
) -> None:
    dashboard, client = peer(name, program), join(program, "osc.json")
    client.send('{"address": "/json", "args": [0.5]}')
    assert dashboard.read() == {"address": "/json", "args": [["f", 0.5]]}


def test_dashboard_is_disconnected_when_the_program_ends(run: Any, peer: Any) -> None:
    program = run()
    dashboard = peer("osc", program)
    program.terminate()
    assert dashboard.read() == {"event": "close", "code": 1001}
