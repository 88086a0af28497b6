"""The policy ``spool`` across reloads and kills."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from spool_harness import WAIT, Sink, SinkRoute, offer, until, value

from oscbridge import (
    Endpoint,
    NotConnected,
)
from oscbridge.bridge.app import App
from oscbridge.bridge.config.config import parse
from oscbridge.bridge.sinks.spool import index as index_module
from oscbridge.bridge.sinks.spool.database import SpoolDatabase
from oscbridge.dispatcher import Dispatcher
from oscbridge.testing import OscbridgeProcess, running_process

# --- reload ------------------------------------------------------------------------------------

Running = Callable[..., AbstractAsyncContextManager[App]]

RELOAD = """
[bridge.in]
listen = "udp://127.0.0.1:0"
[endpoint.out]
type = "{type}"
mark = {mark}
policy = "spool"
on_start = "retry"
spool.path = "{path}"
[[route]]
from = "in"
to = "out"
sink = {{ topic = "a" }}
"""


async def test_reload_that_replaces_the_endpoint_hands_over_its_messages(
    running: Running, types: dict[str, type[Endpoint]], path: Path
) -> None:
    types["sink"] = Sink
    before = RELOAD.format(type="sink", mark=1, path=path)
    async with running(before) as app:
        old = app.endpoints["out"]
        assert isinstance(old.endpoint, Sink)
        old.endpoint.up = False
        old.endpoint.host.connection_lost(NotConnected("away"))
        route = app.routes[0].stateful.out({"n": "1"})
        for number in range(1_000):
            route(value(number).message)
        reloading = asyncio.ensure_future(
            app.reload(parse(before.replace("= 1", "= 2"), types, "x"))
        )
        number = 1_000
        while not reloading.done():
            app.routes[0].stateful.out({"n": "1"})(value(number).message)
            number += 1
            await asyncio.sleep(0.001)
        await reloading
        new = app.endpoints["out"]
        assert new is not old
        sink = new.endpoint
        assert isinstance(sink, Sink)
        await until(lambda: len(sink.messages) >= number)
        assert sink.values == [*range(number)]
        assert sink.messages[0][1:] == (SinkRoute(topic="a"), {"n": "1"})
        assert old.drops == new.drops == {}
        assert old.offered == old.queued + old.sent


async def test_rejected_reload_leaves_the_spool_unchanged(
    running: Running, types: dict[str, type[Endpoint]], path: Path
) -> None:
    types["sink"] = Sink
    text = RELOAD.format(type="sink", mark=1, path=path)
    async with running(text) as app:
        taken = app.listeners["in"].address.port
        other = text.replace("mark = 1", "mark = 2") + (
            f'[bridge.more]\nlisten = "udp://127.0.0.1:{taken}"\n'
        )
        with pytest.raises(Exception, match="already in use"):
            await app.reload(parse(other, types, "x"))
        delivery = app.endpoints["out"]
        offer(delivery, *range(5))
        await until(lambda: delivery.sent == 5)


# --- kill -9 -----------------------------------------------------------------------------------

BRIDGE = """
[bridge.in]
listen = "tcp://127.0.0.1:0"
[endpoint.out]
type = "osc"
to = "tcp://127.0.0.1:{port}"
policy = "spool"
on_start = "retry"
queue = 100000
[endpoint.out.spool]
path = "out.spool"
[[route]]
from = "in"
to = "out"
"""


Start = Callable[[int], OscbridgeProcess]
Connect = Callable[..., Any]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts the program with an endpoint at a port; all have the same spool."""
    with ExitStack() as stack:
        yield lambda port: stack.enter_context(
            running_process(BRIDGE.format(port=port), folder=tmp_path)
        )


def send(client: Any, *numbers: int) -> None:
    for number in numbers:
        client.send("/n", number)


class Receiver:
    """An OSC server over TCP that records the numbers that it receives."""

    def __init__(self, serve_tcp: Callable[..., object]) -> None:
        self.values: list[int] = []
        self._more = threading.Condition()
        dispatcher = Dispatcher()
        dispatcher.map("/n", self._take)
        self.port: int = serve_tcp("blocking", dispatcher, "1.1").address[1]  # type: ignore[attr-defined]

    def _take(self, _address: str, number: int) -> None:
        with self._more:
            self.values.append(number)
            self._more.notify()

    def wait_for(self, condition: Callable[[], bool]) -> None:
        with self._more:
            assert self._more.wait_for(condition, WAIT), self.values[-5:]


def test_killed_bridge_loses_no_safe_message_and_keeps_order(
    start: Start, connect: Connect, serve_tcp: Callable[..., object]
) -> None:
    receiver = Receiver(serve_tcp)
    first = start(receiver.port)
    client = connect(("127.0.0.1", first.port("in")))

    def work() -> None:
        with suppress(OSError):  # it is killed
            send(client, *range(1_000_000))

    sending = threading.Thread(target=work)
    sending.start()
    receiver.wait_for(lambda: len(receiver.values) > 2_000)
    first.stop(signal.SIGKILL)
    sending.join(WAIT)
    # The server reads a connection to its end before it serves the next.
    second = start(receiver.port)
    send(connect(("127.0.0.1", second.port("in"))), -1)
    receiver.wait_for(lambda: receiver.values[-1] == -1)
    values = receiver.values[:-1]
    seams = [index for index in range(1, len(values)) if values[index] != values[index - 1] + 1]
    assert values[0] == 0
    assert len(seams) <= 1
    for seam in seams:
        assert values[seam] <= values[seam - 1]  # some are delivered twice, none is missing
        # At most the window and a batch, as deleting may have lagged behind.
        assert values[seam - 1] - values[seam] < index_module.WINDOW + 2_048
    assert max(values) >= 2_000


def test_messages_on_disk_when_the_bridge_is_killed_are_delivered_after_it(
    start: Start,
    connect: Connect,
    serve_tcp: Callable[..., object],
    udp_socket: Callable[..., object],
    tmp_path: Path,
) -> None:
    receiver = Receiver(serve_tcp)
    closed = udp_socket().getsockname()[1]  # type: ignore[attr-defined]
    first = start(closed)
    client = connect(("127.0.0.1", first.port("in")))
    log = tmp_path / "out.spool-wal"
    sent = 0
    sizes: set[int] = set()
    while len(sizes) < 20:  # several transactions
        sizes.add(log.stat().st_size)
        send(client, *range(sent, sent + 20))
        sent += 20
        threading.Event().wait(0.002)
    first.stop(signal.SIGKILL)
    store = SpoolDatabase(tmp_path / "out.spool")
    safe = store.last
    store.close()
    assert 0 < safe <= sent
    second = start(receiver.port)
    send(connect(("127.0.0.1", second.port("in"))), -1)
    receiver.wait_for(lambda: receiver.values[-1:] == [-1])
    assert receiver.values == [*range(safe), -1]
