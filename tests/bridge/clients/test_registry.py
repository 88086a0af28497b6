"""The UDP clients of a bridge: who is registered, and for how long."""

from __future__ import annotations

import socket

import pytest

from oscbridge.bridge.clients.outgoing import Outgoing
from oscbridge.bridge.clients.registry import MAX_REFUSED, ClientRegistry, is_local
from oscbridge.bridge.clients.udp import UDPClientLink
from oscbridge.bridge.config.client_models import BridgeClientOptions
from oscbridge.net.allowlist import AllowList


class FullSocket(socket.socket):
    """A UDP socket whose send buffer is full; that of loopback never is."""

    def sendto(self, *_args: object) -> int:  # type: ignore[override]
        raise BlockingIOError


class Losses:
    """A sink that counts what clients miss."""

    def __init__(self) -> None:
        self.missed_by_reason: dict[str, int] = {}

    def welcome(self, client: object) -> None: ...

    def refused(self, text: str) -> None: ...

    def missed(self, reason: str, count: int, why: str) -> None:
        self.missed_by_reason[reason] = count


class Clock:
    """A clock that tests set."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def refused() -> list[str]:
    return []


def registry(clock: Clock, refused: list[str], *allow: str, **options: object) -> ClientRegistry:
    made = ClientRegistry(AllowList(allow), clock, refused.append)
    made.configure(BridgeClientOptions.model_validate(options), ())
    return made


def addresses(clients: ClientRegistry) -> list[object]:
    return [each.address for each in clients.current()]


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        *[(host, True) for host in ("127.0.0.1", "10.1.2.3", "192.168.0.9", "169.254.1.1")],
        *[(host, True) for host in ("::1", "fe80::1%eth0", "fd00::1", "::ffff:10.0.0.1")],
        *[(host, False) for host in ("8.8.8.8", "2001:4860::1", "::ffff:8.8.8.8", "name", "")],
    ],
)
def test_is_local_knows_loopback_link_local_and_private_addresses(
    host: str, expected: bool
) -> None:
    assert is_local(host) is expected


def test_public_sender_is_refused_and_reported_once(clock: Clock, refused: list[str]) -> None:
    clients = registry(clock, refused)
    for port in (1, 2):
        assert clients.add(("8.8.8.8", port)) is None
    assert addresses(clients) == []
    assert refused == ["8.8.8.8 as a client: not a local address; add it to 'allow'"]


def test_sender_that_is_not_in_the_allow_list_is_refused_with_that_reason(
    clock: Clock, refused: list[str]
) -> None:
    registry(clock, refused, "10.0.0.0/8").add(("127.0.0.2", 1))
    assert refused == ["127.0.0.2 as a client: not allowed; add it to 'allow'"]


def test_allow_list_admits_public_senders_and_no_others(clock: Clock, refused: list[str]) -> None:
    clients = registry(clock, refused, "8.8.8.0/24")
    assert clients.add(("8.8.8.8", 1)) == ("8.8.8.8", 1)
    assert clients.add(("127.0.0.1", 1)) is None
    assert len(refused) == 1


def test_full_registry_refuses_until_a_client_is_forgotten(
    clock: Clock, refused: list[str]
) -> None:
    clients = registry(clock, refused, max=1, forget=10)
    clients.add(("10.0.0.1", 1))
    assert clients.add(("10.0.0.2", 1)) is None
    clock.now += 11
    assert clients.add(("10.0.0.2", 1)) is not None
    assert addresses(clients) == [("10.0.0.2", 1)]


def test_renewed_client_is_not_forgotten(clock: Clock, refused: list[str]) -> None:
    clients = registry(clock, refused, forget=10)
    clients.add(("10.0.0.1", 1))
    clock.now += 9
    assert clients.renew(("10.0.0.1", 1), clock.now)
    clock.now += 9
    assert addresses(clients) == [("10.0.0.1", 1)]


def test_client_that_returns_after_it_was_silent_too_long_is_new(
    clock: Clock, refused: list[str]
) -> None:
    clients = registry(clock, refused, forget=10)
    clients.add(("10.0.0.1", 1))
    clock.now += 11
    assert not clients.renew(("10.0.0.1", 1), clock.now)
    assert clients.add(("10.0.0.1", 1)) == ("10.0.0.1", 1)


def test_reply_port_makes_one_client_of_all_ports_of_an_address(
    clock: Clock, refused: list[str]
) -> None:
    clients = registry(clock, refused, reply_port=9000)
    for port in range(1, 20):
        clients.add(("fe80::1", port, 0, 2))
    assert addresses(clients) == [("fe80::1", 9000, 0, 2)]


def test_unreachable_client_is_removed_but_a_static_one_stays(
    clock: Clock, refused: list[str]
) -> None:
    clients = registry(clock, refused)
    clients.configure(BridgeClientOptions(), [("10.0.0.9", 9)])
    clients.add(("10.0.0.1", 1))
    assert clients.remove(("10.0.0.1", 1))
    assert not clients.remove(("10.0.0.9", 9))
    assert addresses(clients) == [("10.0.0.9", 9)]


async def test_datagrams_that_find_no_room_in_the_send_buffer_are_counted() -> None:
    with FullSocket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        link, losses = UDPClientLink(sock, AllowList()), Losses()
        link.serve(BridgeClientOptions(), losses)
        for port in (1, 2):
            link.reported(("127.0.0.1", port), is_reachable=True)
        await link.send([Outgoing(b"/a\0\0,\0\0\0"), Outgoing(b"/b\0\0,\0\0\0", ("127.0.0.1", 1))])
    assert losses.missed_by_reason == {"send_buffer": 3}


def test_many_refused_senders_take_bounded_memory(clock: Clock, refused: list[str]) -> None:
    clients = registry(clock, refused)
    for number in range(3 * MAX_REFUSED):
        clients.add((f"8.8.{number // 256}.{number % 256}", 1))
    assert len(refused) == 3 * MAX_REFUSED
    assert addresses(clients) == []
