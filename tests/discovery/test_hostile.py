"""Answers that no honest program sends."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator

import pytest
from mdns_packets import PTR, SRV, A, Sender, name, record, response, service

from oscbridge import Discovery, ServiceAnnouncement
from oscbridge.discovery import pool, publisher
from oscbridge.discovery.finder import MAX_SERVICES
from oscbridge.testing import until

Program = Callable[[], Discovery]
OSC = ("_osc._udp",)

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def network() -> Iterator[Sender]:
    with Sender() as sender:
        yield sender


async def send_until(sender: Sender, packet: bytes, condition: Callable[[], object]) -> None:
    """Repeat a packet, as the browser may not listen yet."""
    for _ in range(100):
        sender.send(packet)
        await asyncio.sleep(0.1)
        if condition():
            return
    raise AssertionError("the packet has no effect")


async def test_control_characters_do_not_reach_a_terminal(
    program: Program, network: Sender, unique: str
) -> None:
    browser = program().browse(OSC, f"{unique}*")
    text = b"\x05a=\x1b\nb" + b"\x02=x" + b"\x01c"
    host = f"h\x07{unique[-8:]}".encode()
    network.send(service(f"{unique}\x1b[2J\n".encode(), 9000, "127.0.0.1", host=host))
    packet = service(f"{unique}\u202e".encode(), 9000, "127.0.0.1", text, host=host)
    await send_until(network, packet, lambda: browser.services)
    (found,) = browser.services
    assert found.name == f"{unique}\ufffd"
    assert found.server.startswith("h\ufffd")
    assert all(each.isprintable() for pair in found.properties.items() for each in pair)


async def test_number_of_services_is_bounded(
    program: Program, network: Sender, unique: str
) -> None:
    browser, honest = program().browse(OSC, f"{unique}*"), program()
    packets = [
        service(f"{unique} {n}".encode(), 9000, "127.0.0.1", host=f"h{unique[-8:]}".encode())
        for n in range(MAX_SERVICES + 50)
    ]
    for _ in range(3):
        for packet in packets:
            network.send(packet)
            await asyncio.sleep(0.001)
    await until(lambda: len(browser.services) == MAX_SERVICES)
    other = honest.follow(OSC, f"other {unique}")  # others are found all the same
    announced = honest.announce(
        ServiceAnnouncement(f"other {unique}", {"_osc._udp": 9000}, listen="127.0.0.1")
    )
    assert (await other.find(40)).port == 9000
    assert announced.problem == ""
    assert len(browser.services) == MAX_SERVICES


async def test_service_without_a_usable_place_is_not_there(
    program: Program, network: Sender, unique: str
) -> None:
    browser = program().browse(OSC, f"{unique}*")
    for n, (port, address) in enumerate([(0, "127.0.0.1"), (9000, "0.0.0.0"), (1, "224.0.0.9")]):
        host = f"h{n}{unique[-8:]}".encode()
        network.send(service(f"{unique} bad {n}".encode(), port, address, host=host))
    good = service(f"{unique} good".encode(), 9000, "127.0.0.1", host=unique[-8:].encode())
    await send_until(network, good, lambda: browser.services)
    assert [each.name for each in browser.services] == [f"{unique} good"]


async def test_foreign_goodbye_does_not_end_an_announcement(
    program: Program, network: Sender, unique: str
) -> None:
    announced = program().announce(
        ServiceAnnouncement(unique, {"_osc._udp": 9000}, listen="127.0.0.1")
    )
    await until(lambda: announced.addresses)
    network.send(service(unique.encode(), 9000, "127.0.0.1", ttl=0))
    await asyncio.sleep(1.5)  # a withdrawn service is forgotten after a second
    follower = program().follow(OSC, unique)
    assert (await follower.find(40)).port == 9000
    assert announced.name == unique


async def test_rival_for_every_name_does_not_cause_endless_renames(
    program: Program, network: Sender, unique: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publisher, "MAX_RENAMES", 2)
    monkeypatch.setattr(pool, "LOOK_INTERVAL", 0.1)
    discovery = program()
    announced = discovery.announce(
        ServiceAnnouncement(unique, {"_osc._udp": 9000}, listen="127.0.0.1")
    )
    names = [unique, f"{unique} (2)", f"{unique} (3)"]
    rivals = [service(each.encode(), 9, "127.0.0.1", host=b"zzz") for each in names]

    def is_last() -> bool:
        for rival in rivals:
            network.send(rival)
        return announced.name == names[-1] and bool(announced.addresses)

    await until(is_last, 60)
    # A second one takes longer to begin than several looks at the first one take.
    other = discovery.announce(
        ServiceAnnouncement(f"other {unique}", {"_osc._udp": 9000}, listen="127.0.0.1")
    )
    await until(lambda: is_last() and other.addresses, 60)
    assert announced.name == names[-1]


async def test_damaged_packets_change_nothing(
    program: Program, network: Sender, unique: str
) -> None:
    follower = program().follow(OSC, unique)
    good = service(unique.encode(), 9000, "127.0.0.1", host=unique[-8:].encode())
    chance = random.Random(18)
    loop = b"\xc0\x0c"  # a compressed name that points to itself
    packets = [
        response(record(loop, PTR, loop)),
        response(record(name(b"_osc", b"_udp", b"local"), PTR, b"\x3f")),
        response(record(name(b"x"), SRV, b"\0")),
        response(record(name(b"x"), A, b"\0\0\0")),
        b"\0" * 12 + b"\xff" * 1000,
        *(bytes(chance.choices(range(256), k=chance.randrange(1, 400))) for _ in range(300)),
    ]
    for n in range(300):
        damaged = bytearray(good)
        for _ in range(1 + n % 4):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        packets.append(bytes(damaged[: chance.randrange(1, len(damaged))]))
    for packet in packets:
        network.send(packet)
        await asyncio.sleep(0)
    await send_until(network, good, lambda: follower.current is not None)
    assert follower.current is not None
    assert follower.current.port == 9000
