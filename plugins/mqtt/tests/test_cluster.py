"""Several bridges at a cluster of brokers, one of which is killed."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from programs import find_program

from oscbridge import Message
from oscbridge.testing import free_port, until
from tests.support.nats_cluster import NATSServer

ELECTION = 40.0
"""Seconds within which the nodes elect a leader, also on a busy machine."""

MOST = 0.7
"""The share of messages that must reach everybody. nats-server 2.9 itself loses single ones:
a bare paho at the same node misses the same."""

TRIES = 4
"""How often messages are sent: while the nodes agree again, one of them may leave out most."""


class MQTTNode(NATSServer):
    """One nats-server with MQTT."""

    def __init__(self, folder: Path, route: int, routes: str) -> None:
        self.mqtt_port = free_port()
        super().__init__(
            folder,
            'jetstream { store_dir: "store" }',
            f'mqtt {{ listen: "127.0.0.1:{self.mqtt_port}" }}',
            f'cluster {{ name: stage, listen: "127.0.0.1:{route}", routes: [{routes}] }}',
            name=folder.name,
            program=find_program("nats-server"),
        )

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.mqtt_port}"


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[list[MQTTNode]]:
    """Three nodes."""
    ports = [free_port() for _ in range(3)]
    routes = ", ".join(f'"nats://127.0.0.1:{port}"' for port in ports)
    nodes = [MQTTNode(tmp_path / f"n{index}", port, routes) for index, port in enumerate(ports)]
    for node in nodes:
        node.launch()
    yield nodes
    for node in nodes:
        node.end()


@pytest.mark.load
async def test_cluster_keeps_delivering_after_a_node_is_killed(
    cluster: list[MQTTNode], start: Any
) -> None:
    """One bridge publishes, the others subscribe; each knows all nodes."""
    urls = [node.url for node in cluster]

    def options(name: str, first: int) -> str:
        nodes = [*urls[first:], *urls[:first]]
        return f'version = "3.1.1"\nqos = 1\nclient_id = "{name}"\nbroker = {json.dumps(nodes)}\n'

    publisher = await start("", options("publisher", 0), connected=False)
    subscribers = [
        await start(
            "", options(f"subscriber{index}", index) + 'subscribe = ["show/#"]', connected=False
        )
        for index in range(3)
    ]
    bridges = [publisher, *subscribers]
    await until(lambda: all(bridge.status.connected for bridge in bridges), ELECTION)
    [victim] = [node for node in cluster if node.url == publisher.endpoint.describe()]
    seen: list[set[int]] = [set(), set(), set()]

    async def collect(index: int) -> None:
        while True:
            seen[index].add((await subscribers[index].received.get()).args[0])

    def passed(sent: range) -> bool:
        return all(len(found.intersection(sent)) > len(sent) * MOST for found in seen)

    async def ready(mark: int) -> None:
        """Wait until all are subscribed: during an election the nodes reject it."""

        turns = itertools.count()

        def marked() -> bool:
            if next(turns) % 20 == 0:
                publisher.offer(Message.of("/show/n", mark))
            return all(mark in found for found in seen)

        await until(marked, ELECTION)

    async def deliver(sent: range) -> None:
        for _ in range(TRIES):
            publisher.offer(*[Message.of("/show/n", n) for n in sent])
            with contextlib.suppress(AssertionError):
                await until(lambda: passed(sent), ELECTION / TRIES)
                return
        raise AssertionError([len(found.intersection(sent)) for found in seen])

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(collect(index)) for index in range(3)]
        await ready(-1)
        await deliver(range(200))
        victim.end()
        publisher.offer(*[Message.of("/show/n", n) for n in range(200, 400)])
        await ready(-2)
        await deliver(range(400, 600))
        for task in tasks:
            task.cancel()
    assert publisher.drops.total() == 0
    assert publisher.endpoint.describe() != victim.url


@pytest.mark.parametrize("version", ["5", "3.1.1"])
async def test_shared_subscription_distributes_messages(
    broker: Any, start: Any, version: str
) -> None:
    options = f'version = "{version}"\nqos = 1\nclient_id = '
    desks = [
        await start(broker, f'{options}"desk{index}"\nsubscribe = ["$share/desks/tasks/#"]')
        for index in range(3)
    ]
    source = await start(broker, f'{options}"source"')
    source.offer(*[Message.of("/tasks/n", n) for n in range(300)])
    await until(lambda: sum(desk.received.qsize() for desk in desks) == 300)
    assert all(desk.received.qsize() > 50 for desk in desks)
    found = [desk.received.get_nowait() for desk in desks for _ in range(desk.received.qsize())]
    assert sorted(message.args[0] for message in found) == list(range(300))
