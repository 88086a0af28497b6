"""Services that come and go while they are asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import cast

from oscbridge.discovery.activity import DiscoveryActivity
from oscbridge.discovery.finder import ServiceFinder
from oscbridge.discovery.interfaces import LocalInterface
from oscbridge.discovery.responder import OnRecord, Responder
from oscbridge.discovery.services import DiscoveredService
from oscbridge.testing import until

LAN = LocalInterface("192.168.1.5", 24, "eth0")
OSC = "_osc._udp"
DESK = f"Desk.{OSC}.local."


class Browser:
    """What an interface gives to who looks for services."""

    async def async_cancel(self) -> None:
        """Nothing is left."""


class Network:
    """A network with one interface, where a test supplies the answers."""

    hosts: Sequence[str] = ()
    interface = LAN

    def __init__(self) -> None:
        self.heard: OnRecord | None = None
        self.answers = asyncio.Event()
        self.asked = 0
        self.is_broken = False

    async def acquire(self, interface: LocalInterface) -> Responder:
        return cast(Responder, self)

    async def release(self, responder: Responder) -> None:
        """It stays."""

    def remove(self, activity: DiscoveryActivity) -> None:
        """Interfaces never change."""

    def browse(self, types: Sequence[str], on_record: OnRecord) -> Browser:
        self.heard = on_record
        return Browser()

    async def resolve(self, type_name: str, full_name: str) -> DiscoveredService:
        self.asked += 1
        await self.answers.wait()
        if self.is_broken:
            raise ValueError("nonsense")
        return DiscoveredService(type_name, "Desk", "192.168.1.9", 9000, "desk", {}, LAN.address)


async def found_by(network: Network, on_change: Callable[[], None]) -> ServiceFinder:
    finder = ServiceFinder(network, [OSC], "*", on_change)
    finder.look([LAN])
    await finder.begun.wait()
    assert network.heard is not None
    return finder


async def test_service_that_returns_while_it_is_asked_for_is_found() -> None:
    network = Network()
    finder = await found_by(network, lambda: None)
    assert network.heard is not None
    network.heard(OSC, DESK, False)
    await until(lambda: network.asked)
    network.heard(OSC, DESK, True)
    network.heard(OSC, DESK, False)
    network.answers.set()
    await until(lambda: finder.services)
    await finder.close()


async def test_change_is_reported_when_a_question_fails() -> None:
    network, changes = Network(), asyncio.Queue[int]()
    finder = await found_by(network, lambda: changes.put_nowait(len(finder.services)))
    assert network.heard is not None
    network.answers.set()
    network.heard(OSC, DESK, False)
    assert await changes.get() == 1
    network.is_broken = True
    network.heard(OSC, DESK, False)
    async with asyncio.timeout(10):
        assert await changes.get() == 0
    await finder.close()
