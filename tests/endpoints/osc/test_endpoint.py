"""The OSC endpoint against real sockets: UDP, both framings of TCP, keepalive, multicast."""

from __future__ import annotations

import asyncio
import errno
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

import oscbridge
from oscbridge import (
    ConfigurationError,
    Dispatcher,
    Endpoint,
    Message,
    encode_bundle,
    encode_message,
)
from oscbridge.bridge.app import App
from oscbridge.bridge.config.config import parse
from oscbridge.bridge.sinks import connection
from oscbridge.endpoints.osc import tcp as tcp_link
from oscbridge.endpoints.osc.endpoint import OSCEndpoint
from oscbridge.osc import decode_message
from oscbridge.osc.framing import stream_decoder, stream_encoder
from oscbridge.osc_tcp_server import AsyncOSCTCPServer
from oscbridge.status.status import EndpointStatus
from oscbridge.testing import RunningBridge, running_bridge

Running = Callable[..., AbstractAsyncContextManager[App]]

WAIT = 10.0
HOST = "127.0.0.1"


@pytest.fixture(autouse=True)
def kinds(types: dict[str, type[Endpoint]]) -> None:
    types["osc"] = OSCEndpoint


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "FIRST_WAIT", 0.01)
    monkeypatch.setattr(connection, "LONGEST_WAIT", 0.02)


class Device:
    """A UDP socket on the test's own loop."""

    def __init__(self, host: str = HOST, port: int = 0) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.sock = socket.socket(family, socket.SOCK_DGRAM)
        self.sock.setblocking(False)
        self.sock.bind((host, port))
        self.port: int = self.sock.getsockname()[1]

    async def hear(self) -> tuple[Message, Any]:
        async with asyncio.timeout(WAIT):
            loop = asyncio.get_running_loop()
            data, client = await loop.sock_recvfrom(self.sock, 65_536)
        return decode_message(data), client

    async def heard(self, count: int = 1) -> list[Message]:
        return [(await self.hear())[0] for _ in range(count)]

    def say(self, message: Message, to: Any) -> None:
        self.sock.sendto(encode_message(message), to)


@pytest.fixture
def device() -> Iterator[Callable[..., Device]]:
    made: list[Device] = []

    def make(*args: Any) -> Device:
        made.append(Device(*args))
        return made[-1]

    yield make
    for each in made:
        each.sock.close()


CONFIGURATION = """
[endpoint.peer]
type = "osc"
to = "{to}"
{options}
[endpoint.seen]
type = "recording"
[[route]]
from = "peer"
to = "seen"
"""


@pytest.fixture
def bridged() -> Callable[..., AbstractAsyncContextManager[Bridged]]:
    """A running bridge with an OSC endpoint; replies of the peer are recorded."""

    @asynccontextmanager
    async def run(to: str, options: str = "") -> AsyncIterator[Bridged]:
        async with running_bridge(CONFIGURATION.format(to=to, options=options)) as bridge:
            yield Bridged(bridge)

    return run


class Bridged:
    """A running bridge whose endpoint ``peer`` is tested."""

    def __init__(self, bridge: RunningBridge) -> None:
        self._bridge = bridge
        endpoint = bridge.endpoint("peer")
        assert isinstance(endpoint, OSCEndpoint)
        self.endpoint = endpoint

    @property
    def status(self) -> EndpointStatus:
        return self._bridge.endpoint_status("peer")

    async def stop(self) -> None:
        await self._bridge.stop()

    def offer(self, *messages: Message) -> None:
        self._bridge.offer("peer", *messages)

    async def seen(self, count: int = 1) -> list[Message]:
        return await self._bridge.recording("seen").arrived(count)

    async def until(self, condition: Callable[[Bridged], object]) -> None:
        await self._bridge.until(lambda: condition(self), WAIT)


Bridging = Callable[..., AbstractAsyncContextManager[Bridged]]
Devices = Callable[..., Device]

NUMBERS = [Message("/n", "i", (number,)) for number in range(200)]


# --- UDP ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", [HOST, "::1"])
async def test_each_message_is_sent_as_its_own_packet_with_its_types(
    host: str, bridged: Bridging, device: Devices
) -> None:
    mixer = device(host)
    messages = [Message("/a", "hf", (1, 1.0)), Message("/b", "[iT]s", ([1, True], "x"))]
    shown = f"[{host}]" if ":" in host else host
    async with bridged(f"udp://{shown}:{mixer.port}") as bridge:
        bridge.offer(*messages, *NUMBERS)
        assert await mixer.heard(202) == [*messages, *NUMBERS]
        await bridge.until(lambda b: b.status.sent == 202)
        assert bridge.status.dropped == {}


async def test_replies_to_the_sending_port_enter_the_routes(
    bridged: Bridging, device: Devices
) -> None:
    mixer = device()
    async with bridged(f"udp://{HOST}:{mixer.port}") as bridge:
        bridge.offer(Message("/info"))
        _, client = await mixer.hear()
        mixer.say(Message("/info", "s", ("X32",)), client)
        (message,) = await bridge.seen()
    assert message[:3] == ("/info", "s", ("X32",))
    assert message.origin is not None
    assert message.origin.source == "peer"
    assert message.origin.peer == (HOST, mixer.port)


async def test_endpoint_sends_from_its_listen_port(bridged: Bridging, device: Devices) -> None:
    mixer, free = device(), device()
    free.sock.close()
    options = f'listen = "{HOST}:{free.port}"'
    async with bridged(f"udp://{HOST}:{mixer.port}", options) as bridge:
        assert bridge.endpoint.describe() == f"udp://{HOST}:{mixer.port} from :{free.port}"
        bridge.offer(Message("/x"))
        assert (await mixer.hear())[1] == (HOST, free.port)
        device().say(Message("/y"), (HOST, free.port))  # other senders are received there as well
        assert (await bridge.seen())[0].address == "/y"


async def test_port_in_use_is_logged_and_retried(
    bridged: Bridging, device: Devices, caplog: pytest.LogCaptureFixture
) -> None:
    mixer, taken = device(), device()
    async with bridged(f"udp://{HOST}:{mixer.port}", f'listen = "{HOST}:{taken.port}"') as bridge:
        assert bridge.status.problem.startswith("address already in use")
        assert bridge.endpoint.describe() == f"udp://{HOST}:{mixer.port}"
        bridge.offer(Message("/x"))
        taken.sock.close()
        assert await mixer.heard() == [Message("/x")]
    assert "not connected: address already in use" in caplog.text


async def test_host_name_is_resolved(bridged: Bridging, device: Devices) -> None:
    mixer = device()
    async with bridged(f"udp://localhost:{mixer.port}") as bridge:
        bridge.offer(Message("/x"))
        assert await mixer.heard() == [Message("/x")]


async def test_unknown_host_name_is_logged_and_retried(bridged: Bridging) -> None:
    async with bridged("udp://no-such-host.invalid:9000") as bridge:
        assert "unknown host" in bridge.status.problem
        bridge.offer(Message("/x"))


async def test_missing_listener_stops_nothing(bridged: Bridging, device: Devices) -> None:
    gone = device()
    gone.sock.close()
    async with bridged(f"udp://{HOST}:{gone.port}") as bridge:
        for number in range(20):
            bridge.offer(NUMBERS[number])
            await bridge.until(lambda b, n=number: b.status.sent == n + 1)
        mixer = device(HOST, gone.port)
        bridge.offer(Message("/x"))
        _, client = await mixer.hear()
        mixer.say(Message("/y"), client)
        await bridge.seen()
        assert (bridge.status.connected, bridge.status.dropped) == (True, {})


class FailingSocket(socket.socket):
    """A UDP socket whose first sends fail with the given errors."""

    def __init__(self, sock: socket.socket, errors: list[OSError | None]) -> None:
        super().__init__(sock.family, sock.type, sock.proto, sock.detach())
        self.setblocking(False)
        self.errors = errors

    def sendto(self, data: Any, to: Any) -> int:  # type: ignore[override]
        error = self.errors.pop(0) if self.errors else None
        if error is not None:
            raise error
        return super().sendto(data, to)


class Sockets:
    """The UDP sockets that endpoints open; ``errors`` are those of the next one's first sends."""

    def __init__(self) -> None:
        self.opened: list[socket.socket] = []
        self.errors: list[OSError | None] = []
        self._open = oscbridge.open_udp_socket

    def open(self, *args: Any) -> socket.socket:
        sock = FailingSocket(self._open(*args), self.errors)
        self.errors = []
        self.opened.append(sock)
        return sock


@pytest.fixture
def sockets(monkeypatch: pytest.MonkeyPatch) -> Sockets:
    """Records the UDP sockets of endpoints, and lets their sends fail."""
    made = Sockets()
    monkeypatch.setattr(oscbridge, "open_udp_socket", made.open)
    return made


async def test_late_connection_refused_error_loses_no_message(
    bridged: Bridging, device: Devices, sockets: Sockets
) -> None:
    mixer = device()
    sockets.errors = [ConnectionRefusedError(), None, ConnectionResetError()]
    async with bridged(f"udp://{HOST}:{mixer.port}") as bridge:
        bridge.offer(*NUMBERS[:3])
        assert await mixer.heard(3) == NUMBERS[:3]
        assert bridge.status.dropped == {}


@pytest.mark.parametrize("number", [errno.EAGAIN, errno.ENOBUFS])
async def test_full_system_buffer_delays_and_loses_nothing(
    number: int, bridged: Bridging, device: Devices, sockets: Sockets
) -> None:
    mixer = device()
    sockets.errors = [None, OSError(number, "no room"), None]
    async with bridged(f"udp://{HOST}:{mixer.port}") as bridge:
        bridge.offer(*NUMBERS[:5])
        assert await mixer.heard(5) == NUMBERS[:5]
        await bridge.until(lambda b: b.status.sent == 5)
        assert bridge.status.dropped == {}


async def test_unreachable_network_reconnects_and_loses_nothing(
    bridged: Bridging, device: Devices, sockets: Sockets
) -> None:
    mixer = device()
    sockets.errors = [None, OSError(errno.ENETUNREACH, "unreachable")]
    async with bridged(f"udp://{HOST}:{mixer.port}") as bridge:
        bridge.offer(*NUMBERS[:5])
        assert await mixer.heard(5) == NUMBERS[:5]
        assert len(sockets.opened) == 2
        await bridge.until(lambda b: b.status.sent == 5)
        assert bridge.status.dropped == {}


@pytest.mark.parametrize("size", [65_500, 70_000])
async def test_oversized_message_is_counted_and_the_rest_of_the_burst_arrives(
    size: int, bridged: Bridging, device: Devices, caplog: pytest.LogCaptureFixture
) -> None:
    mixer = device()
    async with bridged(f"udp://{HOST}:{mixer.port}") as bridge:
        bridge.offer(
            NUMBERS[0],
            Message("/large", "b", (bytes(size),)),
            NUMBERS[1],
            Message("no slash"),
            NUMBERS[2],
        )
        assert await mixer.heard(3) == NUMBERS[:3]
        await bridge.until(lambda b: b.status.sent == 3)
        assert bridge.status.dropped == {"bad": 2}
    assert f"1 message lost: {size + 16} bytes exceed the maximum size of a datagram" in caplog.text


async def test_bad_packet_from_the_peer_is_counted(bridged: Bridging, device: Devices) -> None:
    mixer = device()
    async with bridged(f"udp://{HOST}:{mixer.port}") as bridge:
        bridge.offer(Message("/x"))
        _, client = await mixer.hear()
        mixer.sock.sendto(b"junk", client)
        mixer.say(Message("/good"), client)
        await bridge.seen()
        assert bridge.status.received.bad == {"address": 1}


async def test_burst_from_the_peer_arrives_completely_and_in_order(
    bridged: Bridging, device: Devices
) -> None:
    mixer = device()
    async with bridged(f"udp://{HOST}:{mixer.port}") as bridge:
        bridge.offer(Message("/x"))
        _, client = await mixer.hear()
        for message in NUMBERS:
            mixer.say(message, client)
        assert [m.args for m in await bridge.seen(200)] == [m.args for m in NUMBERS]


async def test_endpoint_works_on_a_loop_without_socket_readers(
    bridged: Bridging, device: Devices, sockets: Sockets, monkeypatch: pytest.MonkeyPatch
) -> None:
    mixer = device()
    sockets.errors = [BlockingIOError()]
    loop = asyncio.get_running_loop()

    def refuse(*_: object) -> None:
        raise NotImplementedError

    with monkeypatch.context() as patch:
        patch.setattr(loop, "add_reader", refuse, raising=False)
        patch.setattr(loop, "add_writer", refuse, raising=False)
        context = bridged(f"udp://{HOST}:{mixer.port}")
        bridge = await context.__aenter__()
        bridge.offer(Message("/x"))
        await bridge.until(lambda b: b.status.sent == 1)
    _, client = await mixer.hear()
    mixer.say(Message("/y"), client)
    await bridge.seen()
    await context.__aexit__(None, None, None)


async def test_endpoint_receives_after_an_error_on_a_loop_without_socket_readers(
    bridged: Bridging, device: Devices, monkeypatch: pytest.MonkeyPatch
) -> None:
    mixer, loop = device(), asyncio.get_running_loop()
    errors = [ConnectionResetError(errno.ECONNRESET, "reset"), OSError(errno.ENETRESET, "expired")]
    receive = loop.sock_recvfrom

    def refuse(*_: object) -> None:
        raise NotImplementedError

    async def fail_first(sock: socket.socket, size: int) -> tuple[bytes, Any]:
        if errors and sock.getsockname()[1] != mixer.port:
            raise errors.pop()
        return await receive(sock, size)

    with monkeypatch.context() as patch:
        patch.setattr(loop, "add_reader", refuse, raising=False)
        patch.setattr(loop, "sock_recvfrom", fail_first, raising=False)
        context = bridged(f"udp://{HOST}:{mixer.port}")
        bridge = await context.__aenter__()
        bridge.offer(Message("/x"))
        _, client = await mixer.hear()
        mixer.say(Message("/y"), client)
        await bridge.seen()
    assert not errors
    await context.__aexit__(None, None, None)


# --- keepalive ---------------------------------------------------------------------------------


async def test_keepalive_keeps_a_mixer_sending(bridged: Bridging, device: Devices) -> None:
    mixer = device()
    options = 'keepalive = { send = "/xremote", every = 0.1 }'
    async with bridged(f"udp://{HOST}:{mixer.port}", options) as bridge:
        for number in range(
            5
        ):  # each change is sent to the peers that have asked since the last one
            message, client = await mixer.hear()
            assert message == Message("/xremote")
            mixer.say(Message("/ch/01/mix/fader", "f", (number / 4,)), client)
        faders = [message.args[0] for message in await bridge.seen(5)]
        assert faders == [0.0, 0.25, 0.5, 0.75, 1.0]
        assert bridge.status.sent == 0  # not a message of a route


async def test_keepalive_can_have_arguments(bridged: Bridging, device: Devices) -> None:
    mixer = device()
    options = """keepalive = { send = '/subscribe 50 0.5 "a b" true', every = 3600 }"""
    async with bridged(f"udp://{HOST}:{mixer.port}", options):
        assert await mixer.heard() == [Message("/subscribe", "ifsT", (50, 0.5, "a b", True))]


# --- multicast and broadcast -------------------------------------------------------------------

GROUP = "239.255.79.85"


@pytest.fixture
def member() -> Iterator[Callable[[], socket.socket]]:
    """Makes sockets that have joined the group on the loopback interface."""
    made: list[socket.socket] = []

    def make() -> socket.socket:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.append(sock)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setblocking(False)
        sock.bind((GROUP, made[0].getsockname()[1] if len(made) > 1 else 0))
        member = socket.inet_aton(GROUP) + socket.inet_aton(HOST)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
        return sock

    yield make
    for sock in made:
        sock.close()


async def receive(sock: socket.socket) -> tuple[Message, Any]:
    async with asyncio.timeout(WAIT):
        data, client = await asyncio.get_running_loop().sock_recvfrom(sock, 65_536)
    return decode_message(data), client


async def test_all_members_of_a_multicast_group_receive_and_can_send(
    bridged: Bridging, member: Callable[[], socket.socket]
) -> None:
    members = [member(), member()]
    port = members[0].getsockname()[1]
    async with bridged(f"udp://{GROUP}:{port}", f'interface = "{HOST}"') as bridge:
        bridge.offer(Message("/x"))
        for sock in members:
            message, client = await receive(sock)
            assert message == Message("/x")
            with Device().sock as other:
                other.sendto(encode_message(Message("/y")), client)
        assert [m.address for m in await bridge.seen(2)] == ["/y", "/y"]


async def test_endpoint_does_not_receive_its_own_multicast(
    bridged: Bridging, member: Callable[[], socket.socket]
) -> None:
    sock = member()
    port = sock.getsockname()[1]
    options = f'interface = "{HOST}"\nlisten = "{GROUP}:{port}"'
    async with bridged(f"udp://{GROUP}:{port}", options) as bridge:
        bridge.offer(Message("/own"))
        message, _ = await receive(sock)
        assert message == Message("/own")
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(HOST))
        with Device().sock as other:
            other.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(HOST))
            other.sendto(encode_message(Message("/other")), (GROUP, port))
        assert [m.address for m in await bridge.seen()] == ["/other"]


async def test_multicast_hops_sets_the_time_to_live(bridged: Bridging, sockets: Sockets) -> None:
    for options, hops in (("", 1), ("max_hops = 7", 7)):
        async with bridged(f"udp://{GROUP}:9", options):
            sock = sockets.opened[-1]
            assert sock.getsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL) == hops


async def test_endpoint_can_send_to_a_broadcast_address(bridged: Bridging) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.bind(("127.255.255.255", 0))
        port = sock.getsockname()[1]
        async with bridged(f"udp://127.255.255.255:{port}") as bridge:
            bridge.offer(Message("/all"))
            assert (await receive(sock))[0] == Message("/all")


# --- TCP ---------------------------------------------------------------------------------------


class Server:
    """A TCP peer: its received packets and its connections."""

    def __init__(self, wire: str) -> None:
        self.wire = wire
        self.messages: asyncio.Queue[Message] = asyncio.Queue()
        self.writers: asyncio.Queue[asyncio.StreamWriter] = asyncio.Queue()
        self.reading = asyncio.Event()
        self.reading.set()
        self._stack = AsyncExitStack()
        self.port = 0

    async def start(self, port: int = 0) -> None:
        server = await asyncio.start_server(self._serve, HOST, port, limit=4_096)
        self.port = server.sockets[0].getsockname()[1]
        self._server = server

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.put_nowait(writer)
        framing = stream_decoder(self.wire)
        try:
            while await self.reading.wait() and (data := await reader.read(4_096)):
                for packet in framing.feed(data):
                    self.messages.put_nowait(decode_message(packet))
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def connection(self) -> asyncio.StreamWriter:
        async with asyncio.timeout(WAIT):
            return await self.writers.get()

    async def heard(self, count: int) -> list[Message]:
        async with asyncio.timeout(WAIT):
            return [await self.messages.get() for _ in range(count)]

    def stop(self) -> None:
        self._server.close()

    def say(self, writer: asyncio.StreamWriter, *messages: Message) -> None:
        encode = stream_encoder(self.wire)
        writer.write(b"".join(encode(encode_message(message)) for message in messages))


@pytest.fixture
async def server() -> AsyncIterator[Callable[..., Awaitable[Server]]]:
    made: list[Server] = []

    async def make(wire: str = "1.1") -> Server:
        made.append(Server(wire))
        await made[-1].start()
        return made[-1]

    yield make
    for each in made:
        each.stop()
        while not each.writers.empty():
            each.writers.get_nowait().close()
    await asyncio.sleep(0)


Servers = Callable[..., Awaitable[Server]]
every_wire = pytest.mark.parametrize(("scheme", "wire"), [("tcp", "1.1"), ("tcp+1.0", "1.0")])


@every_wire
async def test_tcp_messages_arrive_in_order_in_both_directions(
    scheme: str, wire: str, bridged: Bridging, server: Servers
) -> None:
    peer = await server(wire)
    async with bridged(f"{scheme}://{HOST}:{peer.port}") as bridge:
        writer = await peer.connection()
        near = writer.get_extra_info("peername")
        assert bridge.endpoint.describe() == f"{scheme}://{HOST}:{peer.port} from :{near[1]}"
        bridge.offer(*NUMBERS)
        assert await peer.heard(200) == NUMBERS
        peer.say(writer, *NUMBERS)
        seen = await bridge.seen(200)
    assert [m.args for m in seen] == [m.args for m in NUMBERS]
    assert seen[0].origin is not None
    assert seen[0].origin[:2] == ("peer", (HOST, peer.port))


@every_wire
async def test_endpoint_exchanges_messages_with_our_own_server(
    scheme: str, wire: str, bridged: Bridging
) -> None:
    dispatcher = Dispatcher()
    dispatcher.map("/ask", lambda _address, value: ("/answer", value))
    async with AsyncOSCTCPServer(HOST, 0, dispatcher, wire) as peer:
        await peer.listen()
        port = peer.sockets[0].getsockname()[1]
        async with bridged(f"{scheme}://{HOST}:{port}") as bridge:
            bridge.offer(*(Message("/ask", "i", (n,)) for n in range(50)))
            assert [m.args[0] for m in await bridge.seen(50)] == list(range(50))


async def test_peer_that_is_down_at_the_start_is_connected_later(
    bridged: Bridging, device: Devices, server: Servers
) -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
    async with bridged(f"tcp://{HOST}:{port}") as bridge:
        assert bridge.status.problem == "connection refused; nothing listens there"
        bridge.offer(*NUMBERS)
        peer = Server("1.1")
        await peer.start(port)
        assert await peer.heard(200) == NUMBERS
        peer.stop()
        (await peer.connection()).close()


@pytest.mark.parametrize("how", ["close", "abort"])
async def test_connection_closed_by_the_peer_is_reopened(
    how: str, bridged: Bridging, server: Servers, caplog: pytest.LogCaptureFixture
) -> None:
    peer = await server()
    options = 'keepalive = { send = "/alive", every = 3600 }'
    async with bridged(f"tcp://{HOST}:{peer.port}", options) as bridge:
        first = await peer.connection()
        assert await peer.heard(1) == [Message("/alive")]
        getattr(first.transport, how)()
        second = await peer.connection()
        assert await peer.heard(1) == [Message("/alive")]  # again, from the start
        bridge.offer(Message("/x"))
        assert await peer.heard(1) == [Message("/x")]
        peer.say(second, Message("/y"))
        await bridge.seen()
    assert "not connected: " in caplog.text


async def test_peer_with_broken_framing_is_counted_and_reconnected(
    bridged: Bridging, server: Servers
) -> None:
    peer = await server("1.0")
    async with bridged(f"tcp+1.0://{HOST}:{peer.port}") as bridge:
        first = await peer.connection()
        peer.say(first, Message("/before"))
        first.write(b"\xff\xff\xff\xff")
        await peer.connection()
        assert [m.address for m in await bridge.seen()] == ["/before"]
        assert bridge.status.received.bad == {"negative_length": 1}


async def test_endless_frame_takes_bounded_memory(bridged: Bridging, server: Servers) -> None:
    peer = await server("1.1")
    async with bridged(f"tcp://{HOST}:{peer.port}") as bridge:
        first = await peer.connection()
        first.write(b"\xc0" + bytes(1_100_000))
        await peer.connection()
        assert bridge.status.received.bad == {"max_packet_size": 1}


async def test_packet_truncated_by_a_disconnect_is_counted(
    bridged: Bridging, server: Servers
) -> None:
    peer = await server("1.1")
    async with bridged(f"tcp://{HOST}:{peer.port}") as bridge:
        first = await peer.connection()
        first.write(b"\xc0/cut")
        first.close()
        await peer.connection()
        assert bridge.status.received.bad == {"truncated": 1}


async def test_stalled_peer_fills_the_send_queue_and_then_receives_everything(
    bridged: Bridging, server: Servers
) -> None:
    peer = await server()
    peer.reading.clear()
    blob = bytes(4_000)
    async with bridged(f"tcp://{HOST}:{peer.port}", 'policy = "block"') as bridge:
        await peer.connection()
        total = 3_000
        bridge.offer(*(Message("/n", "ib", (n, blob)) for n in range(total)))
        link: Any = bridge.endpoint._link
        await bridge.until(lambda _b: not link._room.is_set())
        assert link._transport.get_write_buffer_size() < 100_000
        peer.reading.set()
        assert [m.args[0] for m in await peer.heard(total)] == list(range(total))
        await bridge.until(lambda b: b.status.sent == total)
        assert bridge.status.dropped == {}


async def test_peer_stalled_for_too_long_is_reconnected(
    bridged: Bridging, server: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tcp_link, "SEND_TIMEOUT", 0.05)
    peer = await server()
    peer.reading.clear()
    async with bridged(f"tcp://{HOST}:{peer.port}") as bridge:
        (await peer.connection()).transport.pause_reading()
        bridge.offer(*(Message("/n", "b", (bytes(4_000),)) for _ in range(3_000)))
        await peer.connection()
        assert bridge.status.received.bad == {}


@pytest.mark.parametrize("ends", ["device", "bridge"])
async def test_messages_that_have_not_left_when_the_connection_ends_are_counted_as_missed(
    ends: str, bridged: Bridging
) -> None:
    with socket.create_server((HOST, 0)) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        port = server.getsockname()[1]
        async with bridged(f"tcp://{HOST}:{port}") as bridge:
            loop = asyncio.get_running_loop()
            server.setblocking(False)
            device, _ = await loop.sock_accept(server)
            link: Any = bridge.endpoint._link
            link._transport.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096
            )
            sent = 0
            while not link._transport.get_write_buffer_size():
                bridge.offer(Message("/n", "b", (bytes(1_000),)))
                sent += 1
                await bridge.until(lambda b: b.status.sent == sent)  # noqa: B023
            for _ in range(20):  # they stay in the transport
                bridge.offer(Message("/n", "b", (bytes(1_000),)))
            sent += 20
            await bridge.until(lambda b: b.status.sent == sent)
            with device:
                if ends == "device":
                    device.shutdown(socket.SHUT_WR)
                    await bridge.until(lambda b: b.status.client_dropped)
                else:
                    await bridge.stop()
                whole = len(stream_decoder("1.1").feed(await read_all(device)))
            missed = bridge.status.client_dropped["disconnected"]
            assert missed > 10
            assert (bridge.status.sent, whole + missed) == (sent, sent)


async def test_messages_are_not_sent_by_a_connection_that_the_peer_has_just_reset() -> None:
    missed: list[int] = []
    with socket.create_server((HOST, 0)) as server:
        link = await tcp_link.connect_tcp(
            oscbridge.OSCURL.parse(f"tcp://{HOST}:{server.getsockname()[1]}"),
            on_packet=lambda _packet, _peer: None,
            on_bad=lambda _error, _peer: None,
            on_lost=lambda _error: None,
            on_missed=lambda _reason, count, _why: missed.append(count),
        )
        device, _ = server.accept()
    device.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    device.close()  # the loop has no time to notice it before the next line
    with pytest.raises(oscbridge.PartialDelivery) as caught:
        await link.send([encode_message(each) for each in NUMBERS[:3]])
    assert list(caught.value.accepted) == []
    await link.close()
    assert missed == []


async def read_all(sock: socket.socket) -> bytes:
    sock.setblocking(False)
    data = b""
    async with asyncio.timeout(WAIT):
        while more := await asyncio.get_running_loop().sock_recv(sock, 65_536):
            data += more
    return data


async def test_message_that_cannot_be_encoded_is_counted_and_the_others_arrive(
    bridged: Bridging, server: Servers
) -> None:
    peer = await server()
    async with bridged(f"tcp://{HOST}:{peer.port}") as bridge:
        bridge.offer(NUMBERS[0], Message("no slash"), NUMBERS[1])
        assert await peer.heard(2) == NUMBERS[:2]
        assert bridge.status.dropped == {"bad": 1}


async def test_stop_sends_written_messages_first(bridged: Bridging, server: Servers) -> None:
    peer = await server()
    async with bridged(f"tcp://{HOST}:{peer.port}") as bridge:
        bridge.offer(*NUMBERS)
    assert await peer.heard(200) == NUMBERS


async def test_bundle_from_the_peer_enters_the_routes_message_by_message(
    bridged: Bridging, server: Servers
) -> None:
    peer = await server()
    async with bridged(f"tcp://{HOST}:{peer.port}") as bridge:
        writer = await peer.connection()
        writer.write(stream_encoder("1.1")(encode_bundle([encode_message(m) for m in NUMBERS[:3]])))
        assert [m.args for m in await bridge.seen(3)] == [(0,), (1,), (2,)]


# --- options -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "failure"),
    [
        ("", "endpoint.x.to: missing key"),
        ('to = "udp://h:0"', "endpoint.x.to = 'udp://h:0': port must be at least 1"),
        ('to = "tcp+auto://h:1"', "a client must choose the framing"),
        ('to = "http://h:1"', "unknown transport 'http'"),
        (
            'to = "tcp://h:1"\nlisten = "h:2"',
            "endpoint.x.listen = 'h:2': available only for udp://",
        ),
        ('to = "udp://1.2.3.4:1"\nlisten = "[::1]:2"', "must both be IPv4, or both be IPv6"),
        ('to = "udp://h:1"\nmax_hops = 256', "endpoint.x.max_hops = 256: must be at most 255"),
        ('to = "udp://h:1"\nkeepalive = { send = "/x" }', "endpoint.x.keepalive.every"),
        ('to = "udp://h:1"\nkeepalive = { send = "x", every = 8 }', "must start with '/'"),
        (
            'to = "udp://h:1"\nkeepalive = { send = "/{0}", every = 8 }',
            "placeholders are not available here",
        ),
        ('to = "udp://h:1"\nkeepalive = { send = "/a*", every = 8 }', "keepalive.send = '/a*'"),
        ('to = "udp://h:1"\nkeepalive = { send = "/a", every = 0.01 }', "must be at least 0.1"),
    ],
)
def test_unusable_options_are_problems(
    options: str, failure: str, types: dict[str, type[Endpoint]]
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse(f'[endpoint.x]\ntype = "osc"\n{options}', types, "test.toml")
    assert failure in str(caught.value)
    assert "\n" not in str(caught.value)
