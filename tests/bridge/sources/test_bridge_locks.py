"""Access control and limits of a bridge, in every mode."""

from __future__ import annotations

import asyncio
import os
import resource
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from oscbridge import ConfigurationError, Message, encode_bundle, encode_message
from oscbridge.bridge.app import App
from oscbridge.net.url import OSCURL
from oscbridge.osc import TimeTag
from oscbridge.osc.framing import stream_encoder
from oscbridge.testing import until

WAIT = 20.0
MODES = ["asyncio", "blocking", "threading", *(["forking"] if hasattr(os, "fork") else [])]
Running = Callable[..., AbstractAsyncContextManager[App]]

every_mode = pytest.mark.parametrize("mode", MODES)
many_at_once = pytest.mark.parametrize("mode", [mode for mode in MODES if mode != "blocking"])


def config(mode: str, listen: str, *limits: str, bridge: str = "") -> str:
    return "\n".join(
        [
            f'[bridge.in]\nlisten = "{listen}"\nmode = "{mode}"\n{bridge}',
            *("[bridge.in.limits]", *limits),
            '[endpoint.out]\ntype = "collect"\n[[route]]\nfrom = "in"\nto = "out"',
        ]
    )


def out(app: App) -> Any:
    return app.endpoints["out"].endpoint


def opened(url: OSCURL, source: str) -> socket.socket:
    """A socket that talks to a server from an address of this machine."""
    family = socket.AF_INET6 if ":" in url.host else socket.AF_INET
    kind = socket.SOCK_DGRAM if url.scheme == "udp" else socket.SOCK_STREAM
    host = {"::": "::1", "0.0.0.0": "127.0.0.1"}.get(url.host, url.host)
    if url.host == "::" and "." in source:
        family, host = socket.AF_INET, "127.0.0.1"  # which arrives as ::ffff:127.0.0.1
    sock = socket.socket(family, kind)
    try:
        sock.bind((source, 0))
        sock.settimeout(WAIT)
        sock.connect((host, url.port))
    except BaseException:
        sock.close()
        raise
    return sock


class Sender:
    """A client at an address."""

    def __init__(self, app: App, source: str = "127.0.0.1") -> None:
        self._url = app.listeners["in"].address
        self.socket = opened(self._url, source)

    def send(self, *packets: bytes) -> None:
        for packet in packets:
            data = stream_encoder(self._url.framing)(packet) if self._url.framing else packet
            self.socket.sendall(data)

    async def ended(self) -> bool:
        """Wait until the server has ended the connection."""
        self.socket.setblocking(False)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(WAIT):
                return await loop.sock_recv(self.socket, 1) == b""
        except ConnectionError:
            return True

    def __enter__(self) -> Sender:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()


def message(address: str, *args: Any) -> bytes:
    return encode_message(Message.of(address, *args))


def refused(app: App, reason: str) -> int:
    statistics = app.dispatchers["in"].statistics
    return statistics.bad[reason] + statistics.closed[reason]


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.fixture
def nothing_left(running: Running) -> Callable[..., AbstractAsyncContextManager[App]]:
    """Runs a system, and checks that it leaves no descriptor, thread or task behind."""

    @asynccontextmanager
    async def run(text: str) -> AsyncIterator[App]:
        await asyncio.to_thread(int)  # the loop's own thread exists from now on
        before = descriptors(), len(asyncio.all_tasks())
        ours = {thread.ident for thread in threading.enumerate()}
        async with running(text) as app:
            yield app
        await until(lambda: (descriptors(), len(asyncio.all_tasks())) <= before)
        await until(
            lambda: (
                not [
                    each
                    for each in threading.enumerate()
                    if each.ident not in ours and not each.name.startswith("asyncio")
                ]
            )
        )

    return run


# --- networks ------------------------------------------------------------------------------------


@every_mode
@pytest.mark.parametrize("scheme", ["udp", "tcp", "tcp+1.0", "tcp+auto"])
async def test_address_outside_the_allow_list_is_rejected(
    scheme: str, mode: str, nothing_left: Running
) -> None:
    text = config(mode, f"{scheme}://127.0.0.1:0", bridge='allow = ["127.0.0.2", "10.0.0.0/8"]')
    async with nothing_left(text) as app:
        with Sender(app) as stranger, Sender(app, "127.0.0.2") as friend:
            try:
                stranger.send(message("/stranger"))
            except ConnectionError:
                assert scheme != "udp"  # it was closed already
            assert scheme == "udp" or await stranger.ended()
            await until(lambda: refused(app, "not_allowed") == 1)
            friend.send(message("/friend"))
            (arrived,) = await out(app).arrived(1)
            assert arrived.address == "/friend"
        statistics = app.dispatchers["in"].statistics
        await until(lambda: statistics.packets == 1)  # the packet from outside was not decoded


@every_mode
@pytest.mark.parametrize("scheme", ["udp", "tcp"])
async def test_allow_list_applies_to_ipv6(scheme: str, mode: str, running: Running) -> None:
    for allow, count in (("127.0.0.1", 0), ("::1", 1)):
        text = config(mode, f"{scheme}://[::1]:0", bridge=f'allow = ["{allow}"]')
        async with running(text) as app:
            with Sender(app, "::1") as sender:
                if count or scheme == "udp":
                    sender.send(message("/x"))
                if count:
                    await out(app).arrived(1)
                await until(lambda: refused(app, "not_allowed") == 1 - count)  # noqa: B023


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode != "asyncio"])
@pytest.mark.parametrize("scheme", ["udp", "tcp"])
async def test_ipv4_on_an_ipv6_socket_is_matched_as_ipv4(
    scheme: str, mode: str, running: Running
) -> None:
    text = config(mode, f"{scheme}://[::]:0", bridge='allow = ["127.0.0.0/8"]')
    async with running(text) as app:
        with Sender(app, "127.0.0.1") as sender:
            sender.send(message("/x"))
            await out(app).arrived(1)


@every_mode
async def test_flood_from_outside_the_allow_list_is_counted_and_logged_once(
    mode: str, running: Running, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    text = config(mode, "udp://127.0.0.1:0", bridge='allow = ["127.0.0.2"]')
    async with running(text) as app:
        with Sender(app) as stranger, Sender(app, "127.0.0.2") as friend:
            for part in range(10):
                for _ in range(100):
                    stranger.send(message("/x"))
                await until(lambda: refused(app, "not_allowed") == 100 * (part + 1))  # noqa: B023
            friend.send(message("/y"))
            (arrived,) = await out(app).arrived(1)
            assert arrived.address == "/y"
    said = caplog.text + capfd.readouterr().err
    assert 1 <= said.count("127.0.0.1 is not in 'allow'") <= 2


async def test_host_bit_in_a_network_is_an_error_with_a_fix(
    make_app: Callable[..., App],
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        make_app(config("asyncio", "udp://127.0.0.1:0", bridge='allow = ["10.0.0.1/8"]'))
    assert str(caught.value) == (
        "test.toml: bridge.in.allow = ['10.0.0.1/8']: '10.0.0.1/8' is not a network, "
        "as it has bits set after its prefix; did you mean '10.0.0.0/8', or '10.0.0.1' alone?"
    )


# --- limits of a packet --------------------------------------------------------------------------


def nested(depth: int) -> bytes:
    return message("/x") if not depth else encode_bundle([nested(depth - 1)])


TOO_MUCH = [
    ("max_packet_size = 64", message("/x", "x" * 64), "max_packet_size", "max_packet_size"),
    ("max_depth = 3", nested(4), "max_depth", ""),
    ("max_type_tags = 5", message("/x", *range(6)), "max_type_tags", ""),
    ("max_arguments = 5", message("/x", *range(6)), "max_arguments", ""),
    ("max_address_length = 10", message("/" + "x" * 10), "max_address_length", ""),
    ("max_route_calls = 3", encode_bundle([message("/x")] * 4), "max_route_calls", ""),
]


@every_mode
@pytest.mark.parametrize("scheme", ["udp", "tcp"])
@pytest.mark.parametrize(("limit", "packet", "reason", "framed"), TOO_MUCH)
async def test_packet_above_a_limit_is_dropped_and_counted(
    limit: str, packet: bytes, reason: str, framed: str, scheme: str, mode: str, running: Running
) -> None:
    async with running(config(mode, f"{scheme}://127.0.0.1:0", limit)) as app:
        with Sender(app) as sender:
            sender.send(packet)
            expected = framed if framed and scheme == "tcp" else reason
            await until(lambda: app.dispatchers["in"].statistics.bad[expected] == 1)
            if framed and scheme == "tcp":
                assert await sender.ended()
                sender.socket.close()
                sender.__init__(app)  # type: ignore[misc]
            sender.send(message("/ok"))
            (arrived,) = await out(app).arrived(1)
            assert arrived.address == "/ok"


def test_invalid_limit_is_an_error(make_app: Callable[..., App]) -> None:
    for limit, says in {
        "max_depth = 101": "bridge.in.limits.max_depth = 101: must be at most 100",
        "max_connections = 0": "bridge.in.limits.max_connections = 0: must be at least 1",
        'idle_timeout = "long"': "bridge.in.limits.idle_timeout = 'long': expected a number",
        'too_early = "wait"': "bridge.in.limits.too_early = 'wait': expected 'run' or 'drop'",
        "max_dept = 1": "bridge.in.limits.max_dept: unknown key; did you mean 'max_depth'?",
    }.items():
        with pytest.raises(ConfigurationError) as caught:
            make_app(config("asyncio", "udp://127.0.0.1:0", limit))
        assert str(caught.value).startswith(f"test.toml: {says}")


@every_mode
@pytest.mark.parametrize("limit", ["max_pending = 2\nhorizon = 3600.0", "horizon = 5.0"])
async def test_message_too_early_is_dropped_and_counted(
    limit: str, mode: str, running: Running
) -> None:
    text = config(mode, "udp://127.0.0.1:0", limit, 'too_early = "drop"')
    async with running(text) as app:
        with Sender(app) as sender:
            due = TimeTag.from_unix_ns(time.time_ns() + 60 * 10**9)
            sender.send(*[encode_bundle([message("/x")], due)] * 4)
            few = 2 if "pending" in limit else 4
            await until(lambda: app.dispatchers["in"].statistics.dropped == {"too_early": few})
            sender.send(message("/now"))
            (arrived,) = await out(app).arrived(1)
            assert arrived.address == "/now"


# --- timeouts of a client ------------------------------------------------------------------------


@every_mode
async def test_silent_connection_is_closed(mode: str, running: Running) -> None:
    async with running(config(mode, "tcp://127.0.0.1:0", "idle_timeout = 0.2")) as app:
        with Sender(app) as silent:
            assert await silent.ended()
        await until(lambda: refused(app, "idle_timeout") == 1)
        with Sender(app) as sender:
            sender.send(message("/x"))
            await out(app).arrived(1)


@every_mode
@pytest.mark.parametrize(
    ("scheme", "start"), [("tcp", b"\xc0/x"), ("tcp+1.0", b"\0\0\x10\0/x"), ("tcp+auto", b"/x")]
)
async def test_endless_frame_ends_the_connection(
    scheme: str, start: bytes, mode: str, running: Running
) -> None:
    text = config(mode, f"{scheme}://127.0.0.1:0", "packet_timeout = 0.3")
    async with running(text) as app:
        with Sender(app) as slow:
            slow.socket.sendall(start)
            loop = asyncio.get_running_loop()
            slow.socket.setblocking(False)
            async with asyncio.timeout(WAIT):
                while not refused(app, "packet_timeout"):
                    try:
                        await loop.sock_sendall(slow.socket, b"x")  # it is never idle
                    except ConnectionError:
                        break
                    await asyncio.sleep(0.02)
            assert await slow.ended()
        await until(lambda: refused(app, "packet_timeout") == 1)
        with Sender(app) as sender:
            sender.send(message("/x"))
            await out(app).arrived(1)


# --- limits of connections -----------------------------------------------------------------------


@many_at_once
async def test_connections_of_one_address_leave_room_for_others(
    mode: str, nothing_left: Running
) -> None:
    text = config(mode, "tcp://127.0.0.1:0", "max_connections_per_address = 2")
    async with nothing_left(text) as app:
        with Sender(app, "127.0.0.2") as one, Sender(app, "127.0.0.2") as two:
            for sender in (one, two):
                sender.send(message("/greedy"))
            await out(app).arrived(2)
            with Sender(app, "127.0.0.2") as three:
                assert await three.ended()
            await until(lambda: refused(app, "max_connections_per_address") == 1)
            with Sender(app) as other:
                other.send(message("/other"))
                await out(app).arrived(3)
            one.socket.close()
            await until(lambda: app.listeners["in"].connections == 1)
            with Sender(app, "127.0.0.2") as again:
                again.send(message("/again"))
                await out(app).arrived(4)


@contextmanager
def room_for(count: int) -> Iterator[int]:
    """The number of sockets that can be opened: ``count``, if the system allows it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + 1_000
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))
    try:
        yield min(count, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 1_000)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.load
@many_at_once
@pytest.mark.parametrize(
    ("limits", "most"),
    [(["max_connections = 6", "max_connections_per_address = 3"], 3), ([], 16)],
)
async def test_five_thousand_connections_do_no_harm(
    limits: list[str], most: int, mode: str, nothing_left: Running
) -> None:
    with room_for(5_000) as count:
        async with nothing_left(config(mode, "tcp://127.0.0.1:0", *limits)) as app:
            listener = app.listeners["in"]
            with Sender(app) as before, ExitStack() as crowd:
                before.send(message("/x", 1))
                await out(app).arrived(1)
                idle = descriptors()

                def attack() -> None:
                    for _ in range(count):
                        try:
                            crowd.enter_context(opened(listener.address, "127.0.0.2"))
                        except ConnectionError:
                            pass  # it was rejected

                attacking = asyncio.create_task(asyncio.to_thread(attack))
                sent = 1
                while not attacking.done():
                    sent += 1
                    before.send(message("/x", sent))
                    await asyncio.sleep(0.02)
                await attacking
                with Sender(app) as late:
                    late.send(message("/late"))
                    await out(app).arrived(sent + 1)
                assert listener.problem == ""
                await until(lambda: refused(app, "max_connections_per_address") == count - most)
                assert listener.connections <= most + 2
                crowd.close()
                await until(lambda: descriptors() <= idle)
                await until(lambda: listener.connections == 1)
