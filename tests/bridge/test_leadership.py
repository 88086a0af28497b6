"""Main and backup: who delivers, and what becomes of the messages of the other one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from math import inf
from pathlib import Path
from typing import NamedTuple

import pytest

import oscbridge
from oscbridge import Message
from oscbridge.bridge.config.config import parse
from oscbridge.bridge.sinks.role import LEASE_CLOCK, Role
from oscbridge.bridge.sinks.role_gate import RoleGate, StandsBy
from oscbridge.testing import RunningBridge, running_bridge
from tests.support.lease_server import LeaseServer, Lessor, lessor_type

CONFIGURATION = """
[run]
leader = { endpoint = "hub", ttl = 1.0 }

[bridge.stage]
listen = "udp://127.0.0.1:0"

[endpoint.hub]
type = "lessor"

[endpoint.out]
type = "log"

[[route]]
from = "stage"
to   = "out"
"""


class Sent(NamedTuple):
    """A message that left a bridge."""

    at: float
    by: str
    message: Message


class Observer:
    """What leaves the bridges, with the time."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self.is_connected = True

    def type(self, name: str) -> type[oscbridge.Endpoint]:
        observer = self

        class Log(oscbridge.Endpoint):
            on_start = "retry"
            keeps_last_values = True

            async def connect(self) -> None:
                if not observer.is_connected:
                    raise oscbridge.NotConnected("switched off")

            async def send(self, message: Message) -> None:
                if not observer.is_connected:
                    raise oscbridge.NotConnected("switched off")
                observer.sent.append(Sent(time.monotonic(), name, message))

        return Log

    def by(self, name: str) -> list[Sent]:
        return [each for each in self.sent if each.by == name]


class Pair(NamedTuple):
    """Main and backup."""

    main: RunningBridge
    backup: RunningBridge
    main_lessor: type[Lessor]
    backup_lessor: type[Lessor]

    def send(self, *messages: Message) -> None:
        """Send messages to both, as a network would."""
        self.main.send("stage", *messages)
        self.backup.send("stage", *messages)


def role_of(bridge: RunningBridge) -> str:
    leader = bridge.status().leader
    assert leader is not None
    return leader.role


def holder_known_to(bridge: RunningBridge) -> str:
    leader = bridge.status().leader
    assert leader is not None
    return leader.holder


@asynccontextmanager
async def pair(observer: Observer, text: str = CONFIGURATION) -> AsyncIterator[Pair]:
    """Two bridges with one configuration, of which the main one leads."""
    server = LeaseServer()
    main, backup = lessor_type(server), lessor_type(server)
    async with running_bridge(text, {"lessor": main, "log": observer.type("main")}) as first:
        await first.until(lambda: role_of(first) == "leader")
        async with running_bridge(
            text, {"lessor": backup, "log": observer.type("backup")}
        ) as second:
            await second.until(lambda: holder_known_to(second))
            yield Pair(first, second, main, backup)


@pytest.fixture
def observer() -> Observer:
    return Observer()


@pytest.mark.parametrize("mode", ["asyncio", "threading", "forking"])
async def test_the_leader_delivers_and_the_backup_discards(observer: Observer, mode: str) -> None:
    text = CONFIGURATION.replace("[bridge.stage]", f'[bridge.stage]\nmode = "{mode}"')
    async with pair(observer, text) as both:
        both.send(Message.of("/a", 1), Message.of("/b", 2))
        await both.main.until(lambda: len(observer.sent) == 2)
        await both.backup.until(lambda: both.backup.endpoint_status("out").standby == 2)
        assert {each.by for each in observer.sent} == {"main"}
        status = both.backup.endpoint_status("out")
        assert (status.offered, status.sent, status.queued) == (2, 0, 0)
        assert dict(status.dropped) == {"standby": 2}
        assert not status.lost  # another bridge delivers them: nothing to worry about
        assert both.backup.status().problems == ()
        assert both.backup.route_status(1).messages.passed == 2  # its routes have their state
        last = both.backup._app.endpoints["out"].last_values()
        assert sorted(each.address for each in last) == ["/a", "/b"]
        assert not [line for line in both.backup.log if "lost" in line]


async def test_the_backup_takes_over_when_the_lease_is_not_renewed(observer: Observer) -> None:
    async with pair(observer) as both:
        both.main_lessor.is_cut = True
        began = time.monotonic()
        while not observer.by("backup"):
            both.send(Message.of("/tick", time.monotonic()))
            await asyncio.sleep(0.005)
            assert time.monotonic() - began < 5
        assert role_of(both.backup) == "leader"
        assert role_of(both.main) == "standby"
        assert max(e.at for e in observer.by("main")) < min(e.at for e in observer.by("backup"))
        warnings = both.main.status().warnings
        text = "endpoint.hub: the server cannot be reached"
        assert f"leader: nothing is known about the lease: {text}" in warnings
        assert 'oscbridge_leader{key="main"} 0.0' in both.main.metrics()
        assert 'oscbridge_leader_takeovers_total{key="main"} 1.0' in both.backup.metrics()


async def test_the_former_leader_stands_by_when_it_returns(observer: Observer) -> None:
    async with pair(observer) as both:
        both.main_lessor.is_cut = True
        await both.backup.until(lambda: role_of(both.backup) == "leader")
        both.main_lessor.is_cut = False
        await both.main.until(lambda: holder_known_to(both.main))
        assert role_of(both.main) == "standby"
        assert both.main.status().warnings == ()
        both.send(Message("/a"))
        await both.backup.until(lambda: observer.by("backup"))
        await both.main.until(lambda: both.main.endpoint_status("out").standby)
        assert not observer.by("main")


async def test_a_lease_that_is_over_is_noticed_at_the_moment_of_sending() -> None:
    sent: list[Message] = []

    class Log(oscbridge.Endpoint):
        async def send(self, message: Message) -> None:
            sent.append(message)

    role = Role()
    gate = RoleGate(Log("out", oscbridge.Options()), role)
    role.until = LEASE_CLOCK() + 60
    await gate.send(Message("/in_time"))
    role.until = LEASE_CLOCK()  # no timer has run, as after SIGCONT
    with pytest.raises(StandsBy):
        await gate.send(Message("/late"))
    with pytest.raises(StandsBy):
        await gate.send_batch([Message("/late")])
    assert [each.address for each in sent] == ["/in_time"]


async def test_a_blocked_loop_sends_nothing_after_the_lease(observer: Observer) -> None:
    async with pair(observer) as both:
        both.main_lessor.is_cut = both.backup_lessor.is_cut = True
        runner = both.main._app.endpoints["out"]
        time.sleep(1.0)  # the loop is blocked until the lease is over: nobody has noticed
        assert both.main._app.leadership._role is not None
        assert both.main._app.leadership._role.is_leader
        runner.offer(Message("/late"))
        await both.main.until(lambda: both.main.endpoint_status("out").standby == 1)
        assert not observer.sent
        both.main_lessor.is_cut = both.backup_lessor.is_cut = False


async def test_waiting_messages_are_dropped_with_the_role(observer: Observer) -> None:
    async with pair(observer) as both:
        observer.is_connected = False
        both.main.send("stage", *(Message.of("/a", number) for number in range(10)))
        await both.main.until(lambda: both.main.endpoint_status("out").offered == 10)
        await both.main.until(lambda: not both.main.endpoint_status("out").connected)
        both.main_lessor.is_cut = True
        await both.main.until(lambda: role_of(both.main) == "standby")
        both.main_lessor.is_cut = False
        both.backup_lessor.is_cut = True
        observer.is_connected = True
        await both.main.until(lambda: role_of(both.main) == "leader")
        both.main.send("stage", Message("/new"))
        await both.main.until(lambda: observer.sent)
        assert [each.message.address for each in observer.sent] == ["/new"]
        assert dict(both.main.endpoint_status("out").dropped) == {"standby": 10}


async def test_messages_on_disk_wait_for_the_role(observer: Observer, tmp_path: Path) -> None:
    spool = f'policy = "spool"\nspool = {{ path = "{tmp_path}/out.spool" }}'
    text = CONFIGURATION.replace('type = "log"', f'type = "log"\n{spool}')
    observer.is_connected = False
    server = LeaseServer()
    lessor = lessor_type(server)
    async with running_bridge(text, {"lessor": lessor, "log": observer.type("main")}) as bridge:
        await bridge.until(lambda: role_of(bridge) == "leader")
        bridge.send("stage", Message("/kept"))
        await bridge.until(lambda: bridge.endpoint_status("out").queued == 1)
        lessor.is_cut = True
        # Sinks accept messages for a moment after the lease is over.
        await bridge.until(lambda: any("stands by now" in line for line in bridge.log))
        bridge.send("stage", Message("/of_the_other"))
        await bridge.until(lambda: bridge.endpoint_status("out").standby == 1)
        observer.is_connected = True
        await bridge.until(lambda: bridge.endpoint_status("out").connected)
        assert bridge.endpoint_status("out").queued + bridge.endpoint_status("out").in_flight == 1
        assert not observer.sent
        lessor.is_cut = False
        await bridge.until(lambda: observer.sent)
        assert [each.message.address for each in observer.sent] == ["/kept"]


async def test_a_send_in_progress_is_ended_with_the_lease(observer: Observer) -> None:
    cancelled = asyncio.Event()

    class Slow(oscbridge.Endpoint):
        async def send(self, message: Message) -> None:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                cancelled.set()
                raise

    server = LeaseServer()
    lessor = lessor_type(server)
    async with running_bridge(CONFIGURATION, {"lessor": lessor, "log": Slow}) as bridge:
        await bridge.until(lambda: role_of(bridge) == "leader")
        bridge.send("stage", Message("/long"))
        await bridge.until(lambda: bridge.endpoint_status("out").in_flight == 1)
        lessor.is_cut = True
        await asyncio.wait_for(cancelled.wait(), 5)
        await bridge.until(lambda: bridge.endpoint_status("out").standby == 1)


async def test_a_stop_lets_the_backup_lead_at_once(observer: Observer) -> None:
    async with pair(observer, CONFIGURATION.replace("1.0", "30.0")) as both:
        both.main.send("stage", Message("/last"))
        await both.main.stop()
        await both.backup.until(lambda: role_of(both.backup) == "leader", 5)
        assert [each.message.address for each in observer.by("main")] == ["/last"]


async def test_hand_over_by_hand(observer: Observer) -> None:
    async with pair(observer) as both:
        backup = both.backup.status().leader
        assert backup is not None
        assert await both.main._app.leadership.hand_over() == backup.name
        assert (role_of(both.main), role_of(both.backup)) == ("standby", "leader")
        with pytest.raises(oscbridge.OSCBridgeError, match=f"not lead: {backup.name} does"):
            await both.main._app.leadership.hand_over()


async def test_without_a_successor_the_leader_leads_again(
    observer: Observer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oscbridge.bridge.leadership.HAND_OVER_TIMEOUT", 0.3)
    async with pair(observer) as both:
        both.backup_lessor.is_cut = True
        with pytest.raises(oscbridge.OSCBridgeError, match="no other bridge took over"):
            await both.main._app.leadership.hand_over()
        await both.main.until(lambda: role_of(both.main) == "leader")


async def test_a_reload_adds_and_removes_the_leader(observer: Observer) -> None:
    alone = CONFIGURATION.replace('leader = { endpoint = "hub", ttl = 1.0 }', "")
    lessor = lessor_type(LeaseServer())
    lessor.is_cut = True
    async with running_bridge(alone, {"lessor": lessor, "log": observer.type("main")}) as bridge:
        assert bridge.status().leader is None
        await bridge.reload(CONFIGURATION)
        assert role_of(bridge) == "standby"
        bridge.send("stage", Message("/standby"))
        await bridge.until(lambda: bridge.endpoint_status("out").standby == 1)
        await bridge.reload(alone)
        assert bridge.status().leader is None
        bridge.send("stage", Message("/alone"))
        await bridge.until(lambda: observer.sent)
        assert [each.message.address for each in observer.sent] == ["/alone"]


def problems() -> Iterator[tuple[str, str]]:
    yield (
        CONFIGURATION.replace('endpoint = "hub"', 'endpoint = "hup"'),
        ("run.leader.endpoint = 'hup': unknown endpoint; did you mean 'hub'?"),
    )
    yield (
        CONFIGURATION.replace('endpoint = "hub"', 'endpoint = "out"'),
        (
            "run.leader.endpoint = 'out': type log grants no leases; "
            "name an endpoint of a type that does, e.g. nats"
        ),
    )
    yield (
        CONFIGURATION.replace('type = "lessor"', 'type = "lessor"\non_start = "ignore"'),
        (
            "run.leader.endpoint = 'hub': not with on_start = \"ignore\": without it neither "
            'bridge delivers; use "retry"'
        ),
    )
    yield CONFIGURATION.replace("ttl = 1.0", "ttl = 0.5"), "run.leader.ttl = 0.5"
    yield CONFIGURATION.replace("ttl = 1.0", 'key = "a.b"'), "run.leader.key = 'a.b'"


@pytest.mark.parametrize(("text", "expected"), list(problems()))
def test_problems_of_the_configuration(text: str, expected: str) -> None:
    types = {"lessor": lessor_type(LeaseServer()), "log": Observer().type("main")}
    with pytest.raises(oscbridge.ConfigurationError) as caught:
        parse(text, types, "test.toml")
    assert expected in str(caught.value)


async def test_a_lease_is_kept_while_the_endpoint_reports_another_problem(
    observer: Observer,
) -> None:
    lessor = lessor_type(LeaseServer())
    async with running_bridge(
        CONFIGURATION, {"lessor": lessor, "log": observer.type("main")}
    ) as bridge:
        await bridge.until(lambda: role_of(bridge) == "leader")
        bridge.endpoint("hub").host.unreachable("the stream is missing")
        began = LEASE_CLOCK()
        await bridge.until(lambda: LEASE_CLOCK() - began > 1.5)  # longer than a lease lasts
        assert role_of(bridge) == "leader"


async def test_an_answer_without_a_holder_does_not_end_a_lease(observer: Observer) -> None:
    async with pair(observer) as both:
        both.main_lessor.is_undecided = True
        await both.main.until(lambda: both.main_lessor.undecided >= 2)
        assert role_of(both.main) == "leader"
        both.main.send("stage", Message("/meanwhile"))
        await both.main.until(lambda: observer.by("main"))
        await both.backup.until(lambda: role_of(both.backup) == "leader")  # it was not renewed
        assert role_of(both.main) == "standby"
        assert both.main._app.leadership.takeovers == 1


async def test_a_reload_that_changes_only_the_time_keeps_the_lease(observer: Observer) -> None:
    async with pair(observer) as both:
        leadership = both.main._app.leadership
        since = leadership.since
        both.main_lessor.is_cut = True  # nothing is granted meanwhile
        await both.main.reload(CONFIGURATION.replace("1.0", "2.0"))
        assert role_of(both.main) == "leader"
        assert (leadership.since, leadership.holder) == (since, leadership.name)
        both.main.send("stage", Message("/meanwhile"))
        await both.main.until(lambda: observer.by("main"))
        await both.backup.until(lambda: role_of(both.backup) == "leader")
        assert role_of(both.main) == "standby"  # its time was that of the old lease
        assert leadership.takeovers == 1


async def test_a_shorter_lease_ends_in_time_without_an_answer(observer: Observer) -> None:
    text = CONFIGURATION.replace("1.0", "30.0")
    async with pair(observer, text) as both:
        role = both.main._app.leadership._role
        assert role is not None
        assert role.until - LEASE_CLOCK() > 20
        both.main_lessor.is_cut = True
        began = LEASE_CLOCK()
        await both.main.reload(CONFIGURATION)
        assert role_of(both.main) == "leader"
        assert role.until <= LEASE_CLOCK() + 0.8
        await both.main.until(lambda: role_of(both.main) == "standby")
        assert LEASE_CLOCK() - began < 20


async def test_a_lease_of_another_time_is_renewed(observer: Observer) -> None:
    async with pair(observer) as both:
        await both.main.reload(CONFIGURATION.replace("1.0", "1.5"))
        role = both.main._app.leadership._role
        assert role is not None
        await both.main.until(lambda: role.until - LEASE_CLOCK() > 1.0)
        assert role_of(both.main) == "leader"
        assert both.main._app.leadership.takeovers == 1


@pytest.mark.parametrize("leader", ['leader = { endpoint = "hub", key = "b", ttl = 30.0 }', ""])
async def test_a_reload_that_names_another_lease_releases_the_old_one(
    observer: Observer, leader: str
) -> None:
    text = CONFIGURATION.replace("1.0", "30.0")
    async with pair(observer, text) as both:
        old = 'leader = { endpoint = "hub", ttl = 30.0 }'
        await both.main.reload(text.replace(old, leader))
        await both.backup.until(lambda: role_of(both.backup) == "leader", 5)
        if leader:
            await both.main.until(lambda: role_of(both.main) == "leader")


async def test_a_send_in_progress_is_ended_before_the_old_lease_is_released() -> None:
    cancelled = asyncio.Event()

    class Slow(oscbridge.Endpoint):
        async def send(self, message: Message) -> None:
            try:
                await asyncio.sleep(60)
            finally:
                cancelled.set()

    server = LeaseServer()
    types = {"lessor": lessor_type(server), "log": Slow}
    async with running_bridge(CONFIGURATION, types) as bridge:
        await bridge.until(lambda: role_of(bridge) == "leader")
        bridge.send("stage", Message("/long"))
        await bridge.until(lambda: bridge.endpoint_status("out").in_flight == 1)
        await bridge.reload(CONFIGURATION.replace("ttl", 'key = "b", ttl'))
        await bridge.until(lambda: "main" not in server.leases)
        assert cancelled.is_set()


async def test_a_task_that_a_plugin_cancels_is_started_again(observer: Observer) -> None:
    async with pair(observer) as both:
        task = both.main._app.leadership._task
        assert task is not None
        task.cancel()
        await asyncio.wait([task])
        began = LEASE_CLOCK()
        await both.main.until(lambda: LEASE_CLOCK() - began > 1.5)  # longer than a lease lasts
        assert role_of(both.main) == "leader"
        assert both.main._app.leadership.takeovers == 1


async def test_a_send_that_began_as_the_role_was_lost_is_not_repeated() -> None:
    role = Role()
    role.until, role.is_leader = inf, True
    failed, may_connect = asyncio.Event(), asyncio.Event()
    sent: list[str] = []

    def lose() -> None:
        role.until, role.is_leader = -inf, False
        runner.role_changed()

    class Log(oscbridge.Endpoint):
        async def connect(self) -> None:
            if failed.is_set():
                await may_connect.wait()

        async def send(self, message: Message) -> None:
            sent.append(message.address)
            if not failed.is_set():
                asyncio.get_running_loop().call_soon(lose)  # before the task of the sender runs
                await asyncio.sleep(0.01)
                failed.set()
                raise oscbridge.NotConnected("switched off")

    text = CONFIGURATION.replace('leader = { endpoint = "hub", ttl = 1.0 }', "")
    types = {"lessor": lessor_type(LeaseServer()), "log": Log}
    async with running_bridge(text, types) as bridge:
        runner = bridge._app.endpoints["out"]
        runner.follow(role)
        bridge.send("stage", Message("/old"))
        await bridge.until(lambda: failed.is_set() and not runner.is_open)
        role.until, role.is_leader = inf, True
        runner.role_changed()
        may_connect.set()
        bridge.send("stage", Message("/new"))
        await bridge.until(lambda: "/new" in sent)
        assert sent == ["/old", "/new"]
        assert dict(bridge.endpoint_status("out").dropped) == {"standby": 1}
