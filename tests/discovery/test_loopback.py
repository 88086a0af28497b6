"""Programs that announce and find each other on loopback."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable

import pytest
from zeroconf.asyncio import AsyncZeroconf

from oscbridge import Discovery, NotConnected, ServiceAnnouncement
from oscbridge.discovery import interfaces
from oscbridge.discovery.interfaces import LocalInterface
from oscbridge.testing import until

Program = Callable[[], Discovery]

OSC = ("_osc._udp",)

pytestmark = pytest.mark.timeout(180)

OTHER_PROGRAM = """
import asyncio, sys
from oscbridge import Discovery, ServiceAnnouncement

async def main():
    discovery = Discovery(("127.0.0.1",))
    announced = discovery.announce(ServiceAnnouncement(
        sys.argv[1], {"_osc._udp": 9123, "_oscjson._tcp": 9124}, listen="127.0.0.1",
        properties={"txtvers": "1"}))
    await asyncio.to_thread(sys.stdin.readline)
    print(announced.name, flush=True)
    await discovery.close()

asyncio.run(main())
"""


def announcement(name: str, port: int = 9000) -> ServiceAnnouncement:
    return ServiceAnnouncement(name, {"_osc._udp": port}, listen="127.0.0.1")


async def test_two_processes_find_each_other(program: Program, unique: str) -> None:
    command = [sys.executable, "-c", OTHER_PROGRAM, unique]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as other:
        browser = program().browse(["_osc._udp", "_oscjson._tcp"], unique)
        await until(lambda: len(browser.services) == 2)
        first, second = browser.services
        assert (first.type, first.name, first.place) == ("_osc._udp", unique, "127.0.0.1:9123")
        assert (second.type, second.port) == ("_oscjson._tcp", 9124)
        assert first.properties == {"txtvers": "1"}
        assert (first.interface, browser.problem) == ("127.0.0.1", "")
        said, _ = await asyncio.to_thread(other.communicate, "\n")
        assert said == f"{unique}\n"
    await until(lambda: not browser.services)  # long before its records expire


async def test_taken_name_is_numbered(program: Program, unique: str) -> None:
    first = program().announce(announcement(unique))
    await until(lambda: first.addresses)
    second = program().announce(announcement(unique, 9001))
    await until(lambda: second.addresses)
    assert (first.name, second.name) == (unique, f"{unique} (2)")
    browser = program().browse(OSC, f"{unique}*")
    await until(lambda: len(browser.services) == 2)
    assert [each.port for each in browser.services] == [9000, 9001]


async def test_one_of_two_that_start_together_is_renamed(program: Program, unique: str) -> None:
    announced = [program().announce(announcement(unique, port)) for port in (9000, 9001)]
    await until(lambda: {each.name for each in announced} == {unique, f"{unique} (2)"}, 30)
    await until(lambda: all(each.addresses for each in announced))


async def test_names_within_one_program_are_numbered(program: Program, unique: str) -> None:
    discovery = program()
    announced = [discovery.announce(announcement(unique)) for _ in range(3)]
    await until(lambda: all(each.addresses for each in announced))
    assert {each.name for each in announced} == {unique, f"{unique} (2)", f"{unique} (3)"}


async def test_name_can_be_used_again_after_its_goodbye(program: Program, unique: str) -> None:
    discovery, browser = program(), program().browse(OSC, unique)
    for port in (9000, 9001):
        announced = discovery.announce(announcement(unique, port))
        await until(lambda port=port: [each.port for each in browser.services] == [port])
        assert announced.name == unique
        await announced.close()
        await until(lambda: not browser.services)


async def test_nothing_is_announced_after_its_goodbye(program: Program, unique: str) -> None:
    discovery, browser = program(), program().browse(OSC, f"{unique}*")
    other = discovery.announce(announcement(f"{unique} other"))  # they share an interface
    await until(lambda: other.addresses and browser.services)
    announced = discovery.announce(announcement(unique, 9001))
    await until(lambda: announced.addresses)
    await announced.close()  # before its announcement has been repeated
    await asyncio.sleep(3)
    assert [each.port for each in browser.services] == [9000]


async def test_sockets_are_closed_when_there_is_no_time_for_a_goodbye(
    program: Program, unique: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    discovery = program()
    announced = discovery.announce(announcement(unique))
    await until(lambda: announced.addresses)
    (responder,) = discovery._pool._responders.values()
    transports = [each.transport for each in responder.zeroconf.engine.readers]

    async def hang(_self: AsyncZeroconf) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(AsyncZeroconf, "async_unregister_all_services", hang)
    await discovery.close()
    assert [each.is_closing() for each in transports] == [True] * len(transports) != []


async def test_follower_follows_to_another_port_and_program(program: Program, unique: str) -> None:
    device, follower = program(), program().follow(OSC, f"{unique}*")
    places = aiter(follower)
    announced = device.announce(announcement(unique, 9000))
    found = await anext(places)
    assert found is not None
    assert found.port == 9000
    await announced.close()
    assert await anext(places) is None
    announced = device.announce(announcement(unique, 9001))
    found = await anext(places)
    assert found is not None
    assert found.port == 9001
    another = program().announce(announcement(f"{unique} b", 9002))
    await until(lambda: another.addresses)
    assert follower.current == found  # it stays with the first
    await announced.close()
    while found is None or found.port != 9002:
        found = await anext(places)
    await places.aclose()


async def test_missing_service_is_looked_for(program: Program, unique: str) -> None:
    follower = program().follow(OSC, unique)
    with pytest.raises(NotConnected, match=f"looking for '{unique}' in this network"):
        await follower.find(0.5)


async def test_doubted_service_that_has_vanished_is_gone(program: Program, unique: str) -> None:
    command = [sys.executable, "-c", OTHER_PROGRAM, unique]
    other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        follower = program().follow(OSC, unique)
        await follower.find(40)
        other.kill()  # without a goodbye
        other.communicate()
        follower.doubt()
        await until(lambda: follower.current is None)
    finally:
        other.kill()
        other.communicate()


async def test_doubted_service_that_answers_remains(program: Program, unique: str) -> None:
    announced = program().announce(announcement(unique))
    follower = program().follow(OSC, unique)
    before = await follower.find(40)
    follower.doubt()
    await asyncio.sleep(4)  # longer than it is asked
    assert follower.current == before
    assert announced.name == unique


async def test_address_that_this_machine_does_not_have_is_a_problem(
    program: Program, unique: str
) -> None:
    wanted = ServiceAnnouncement(unique, {"_osc._udp": 9000}, listen="192.0.2.99")
    announced = program().announce(wanted)
    await until(lambda: announced.problem)
    assert announced.problem == "no network interface"
    assert announced.addresses == ()


async def test_next_browser_tries_again_after_a_failure(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> list[LocalInterface]:
        raise ValueError("no idea")

    discovery = program()
    with monkeypatch.context() as patch:
        patch.setattr(interfaces, "list_interfaces", fail)
        first = discovery.browse(OSC)
        await until(lambda: first.problem)
    second = discovery.browse(OSC)
    async with asyncio.timeout(30):
        await second.begin()
    assert second.problem == ""
