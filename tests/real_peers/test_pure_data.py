"""Pure Data, with the patch peer.pd: netreceive, oscparse, oscformat, netsend.

``oscparse`` of Pd 0.53 knows the types i, f, s and b, and takes a bundle at once whatever
its time tag; it prints the parts of an address and the arguments as one list.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ports import free_port

from oscbridge import Message, TimeTag
from oscbridge.osc_bundle_builder import OscBundleBuilder
from oscbridge.udp_client import SimpleUDPClient

HOST = "127.0.0.1"
PATCH = Path(__file__).with_name("peer.pd")
OPTIONS = ["-nogui", "-noaudio", "-nomidi", "-noprefs", "-stderr"]

every_server = pytest.mark.parametrize("kind", ["blocking", "threading", "asyncio"])


@pytest.fixture
def pd(launch: Any) -> Any:
    """Starts Pd; messages go to the ``receive`` objects of the patch."""

    def start(*messages: str) -> Any:
        return launch(
            "pd", *OPTIONS, *(part for text in messages for part in ("-send", text)), PATCH
        )

    return start


@pytest.fixture
def listening(pd: Any) -> Any:
    """A listening Pd, and its port."""
    port = free_port()
    process = pd(f"listen {port}")
    with SimpleUDPClient(HOST, port) as client:
        process.probe(lambda: client.send_message("/probe", None))
    return process, port


# --- Pd to ours --------------------------------------------------------------------------------


@every_server
def test_messages_of_pd_arrive(kind: str, udp_server: Any, inbox: Any, pd: Any) -> None:
    pd(f"connect {udp_server(kind)}", "send list 0.5 hello 7", "send list -1 two 2")
    assert inbox.take() == Message("/from/pd", "fsi", (0.5, "hello", 7))
    assert inbox.take() == Message("/from/pd", "fsi", (-1.0, "two", 2))


@every_server
def test_pd_receives_our_reply_at_its_sending_port(kind: str, udp_server: Any, pd: Any) -> None:
    process = pd(f"connect {udp_server(kind)}", "ask list 0.5 hello")
    assert process.find("reply: (.*)")[1] == "list answer 0.5 hello"


# --- ours to Pd --------------------------------------------------------------------------------


def test_pd_receives_messages_of_our_client(listening: Any) -> None:
    process, port = listening
    with SimpleUDPClient(HOST, port) as client:
        client.send_message("/mixer/ch/1", [1, 0.5, "text", b"\x01\x02\x03"])
        client.send_message("/none", None)
    assert process.find("got: (.*mixer.*)")[1] == "list mixer ch 1 1 0.5 text 3 1 2 3"
    assert process.line().endswith("none")


def test_our_bundle_arrives_at_pd_in_order(listening: Any) -> None:
    process, port = listening
    bundle = OscBundleBuilder(TimeTag.from_unix(4e9))
    for number in range(5):
        bundle.add_content(Message.of("/n", number))
    with SimpleUDPClient(HOST, port) as client:
        client.send(bundle.build())
    assert process.find("got: (list n.*)")[1] == "list n 0"
    assert [process.line() for _ in range(4)] == [f"got: list n {n}" for n in range(1, 5)]


def test_pd_reports_an_unknown_type_and_continues(listening: Any) -> None:
    process, port = listening
    with SimpleUDPClient(HOST, port) as client:
        client.send(Message("/n", "di", (0.1, 1)))
        client.send_message("/good", 1)
    assert process.find("unknown tag '(.)'")[1] == "d"
    assert process.find("got: (.*good.*)")[1] == "list good 1"
