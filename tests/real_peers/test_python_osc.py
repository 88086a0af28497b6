"""python-osc: its clients with our servers, our clients with its servers, and the replies."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
from pythonosc import osc_bundle_builder as their_bundle_builder
from pythonosc import osc_message_builder as their_message_builder
from pythonosc import osc_server as their_osc_server
from pythonosc import osc_tcp_server as their_osc_tcp_server
from pythonosc import tcp_client as their_tcp_client
from pythonosc import udp_client as their_udp_client
from pythonosc.dispatcher import Dispatcher as TheirDispatcher
from waiting import wait_until

from oscbridge import IMMEDIATELY, MIDI, Color, Message
from oscbridge import tcp_client as our_tcp_client
from oscbridge import udp_client as our_udp_client
from oscbridge.osc_bundle_builder import OscBundleBuilder
from oscbridge.osc_message_builder import OscMessageBuilder

HOST = "127.0.0.1"
WAIT = 10.0
VALUES: list[Any] = [
    1,
    0.5,
    "text ü",
    b"\x01\xc0\xdb\x00",
    True,
    False,
    None,
    2**40,
    [2, ["nested"]],
]
INFERRED = Message("/values", "ifsbTFNh[i[s]]", tuple(VALUES))
TYPED: list[tuple[Any, str]] = [
    (-1, "i"),
    (2**40, "h"),
    (0.5, "f"),
    (0.1, "d"),
    ("text", "s"),
    (b"\x01\x02", "b"),
]
TYPED += [(0x11223344, "r"), ((1, 144, 60, 127), "m"), (True, "T"), (False, "F"), (None, "N")]
TYPES = "".join(tag for _, tag in TYPED)

every_server = pytest.mark.parametrize("kind", ["blocking", "threading", "asyncio"])
every_mode = pytest.mark.parametrize("mode", ["1.0", "1.1"])
every_client = pytest.mark.parametrize("client", ["blocking", "asyncio"])


def typed(builder: Any) -> Any:
    """A message with every type that python-osc has, by a builder of theirs or ours."""
    for value, tag in TYPED:
        builder.add_arg(value, tag)
    return builder.build()


def bundled(builder: Any, message: Callable[..., Any]) -> Any:
    """A bundle of two messages, by a builder of theirs or ours."""
    for number in (1, 2):
        builder.add_content(message("/bundled", number))
    return builder.build()


def theirs(address: str, *values: Any) -> Any:
    return their_message_builder.build_msg(address, values)


# --- theirs to ours, over UDP ------------------------------------------------------------------


@every_server
def test_values_that_their_udp_client_sends_arrive(kind: str, udp_server: Any, inbox: Any) -> None:
    with their_udp_client.SimpleUDPClient(HOST, udp_server(kind)) as client:
        client.send_message("/values", VALUES)
        client.send_message("/one", "text")
        client.send_message("/none", None)
    assert inbox.take() == INFERRED
    assert inbox.take() == Message.of("/one", "text")
    assert inbox.take() == Message("/none", "", ())


@every_server
def test_address_without_a_slash_arrives_as_it_was_sent(
    kind: str, udp_server: Any, inbox: Any
) -> None:
    with their_udp_client.SimpleUDPClient(HOST, udp_server(kind)) as client:
        client.send_message("hello", 1)
    assert inbox.take() == Message.of("hello", 1)


@every_server
def test_every_type_of_their_builder_arrives(kind: str, udp_server: Any, inbox: Any) -> None:
    with their_udp_client.UDPClient(HOST, udp_server(kind)) as client:
        client.send(typed(their_message_builder.OscMessageBuilder("/typed")))
    values = [value for value, _ in TYPED]
    values[6:8] = [Color(0x11223344), MIDI(1, 144, 60, 127)]
    assert inbox.take() == Message("/typed", TYPES, tuple(values))


@every_server
def test_their_bundle_arrives_at_its_time_and_in_order(
    kind: str, udp_server: Any, inbox: Any
) -> None:
    with their_udp_client.UDPClient(HOST, udp_server(kind)) as client:
        due = time.time() + 0.3
        client.send(bundled(their_bundle_builder.OscBundleBuilder(due), theirs))
        client.send(theirs("/now"))
    assert inbox.take().address == "/now"
    for number in (1, 2):
        message = inbox.whole()
        assert time.time() >= message.timetag.unix()
        assert message.timetag.unix() == pytest.approx(due, abs=1e-6)
        assert message.args == (number,)


@every_server
def test_their_immediate_bundle_arrives_at_once_with_its_nested_bundle(
    kind: str, udp_server: Any, inbox: Any
) -> None:
    outer = their_bundle_builder.OscBundleBuilder(their_bundle_builder.IMMEDIATELY)
    inner = their_bundle_builder.OscBundleBuilder(their_bundle_builder.IMMEDIATELY)
    outer.add_content(bundled(inner, theirs))
    with their_udp_client.UDPClient(HOST, udp_server(kind)) as client:
        client.send(bundled(outer, theirs))
    found = [inbox.whole() for _ in range(4)]
    assert [message.args for message in found] == [(1,), (2,), (1,), (2,)]
    assert {message.timetag for message in found} == {IMMEDIATELY}


@every_server
def test_their_udp_client_gets_our_reply(kind: str, udp_server: Any) -> None:
    with their_udp_client.SimpleUDPClient(HOST, udp_server(kind)) as client:
        client.send_message("/ask", VALUES)
        reply = next(client.get_messages(WAIT))
    assert (reply.address, reply.params) == ("/answer", VALUES)


@every_server
def test_their_dispatch_client_handles_our_reply(kind: str, udp_server: Any) -> None:
    called = []
    with their_udp_client.DispatchClient(HOST, udp_server(kind)) as client:
        client.dispatcher = TheirDispatcher()
        client.dispatcher.map("/answer", lambda *args: called.append(args))
        client.send_message("/ask", 7)
        wait_until(lambda: client.handle_messages(0.05) or called)
    assert called == [("/answer", 7)]


# --- theirs to ours, over TCP ------------------------------------------------------------------


@every_server
@pytest.mark.parametrize("ours", ["same", "auto"])
@every_mode
def test_messages_of_their_tcp_client_arrive_and_get_replies(
    kind: str, ours: str, mode: str, tcp_server: Any, inbox: Any
) -> None:
    port = tcp_server(kind, mode if ours == "same" else ours)
    with their_tcp_client.SimpleTCPClient(HOST, port, mode=mode) as client:
        client.send_message("/values", VALUES)
        assert inbox.take() == INFERRED
        client.send_message("/ask", VALUES)
        reply = next(client.get_messages(WAIT))
    assert (reply.address, reply.params) == ("/answer", VALUES)


@every_server
@every_mode
def test_many_messages_on_their_connection_arrive_in_order(
    kind: str, mode: str, tcp_server: Any, inbox: Any
) -> None:
    with their_tcp_client.SimpleTCPClient(HOST, tcp_server(kind, mode), mode=mode) as client:
        for number in range(100):
            client.send_message("/n", [number, b"\xc0" * (number + 1)])
    for number in range(100):
        assert inbox.take() == Message("/n", "ib", (number, b"\xc0" * (number + 1)))


@every_server
@every_mode
def test_messages_of_their_asyncio_tcp_client_arrive_and_get_replies(
    kind: str, mode: str, tcp_server: Any, inbox: Any
) -> None:
    port = tcp_server(kind, mode)

    async def talk() -> Any:
        async with their_tcp_client.AsyncSimpleTCPClient(HOST, port, mode=mode) as client:
            await client.send_message("/ask", VALUES)
            async for message in client.get_messages(WAIT):
                return message
        return None

    reply = asyncio.run(talk())
    assert (reply.address, reply.params) == ("/answer", VALUES)
    assert inbox.take().args == tuple(VALUES)


@every_server
@every_mode
def test_their_bundle_arrives_over_tcp(kind: str, mode: str, tcp_server: Any, inbox: Any) -> None:
    builder = their_bundle_builder.OscBundleBuilder(their_bundle_builder.IMMEDIATELY)
    with their_tcp_client.TCPClient(HOST, tcp_server(kind, mode), mode=mode) as client:
        client.send(bundled(builder, theirs))
    assert [inbox.take().args for _ in range(2)] == [(1,), (2,)]


# --- ours to theirs ----------------------------------------------------------------------------


class TheirInbox:
    """A handler for one of their dispatchers."""

    def __init__(self, dispatcher: TheirDispatcher) -> None:
        self.calls: list[tuple[Any, ...]] = []
        dispatcher.map("/ask", lambda _address, *args: ("/answer", *args))
        dispatcher.set_default_handler(lambda *args: self.calls.append(args))


@pytest.fixture
def their_dispatcher() -> TheirDispatcher:
    return TheirDispatcher()


@pytest.fixture
def their_inbox(their_dispatcher: TheirDispatcher) -> TheirInbox:
    return TheirInbox(their_dispatcher)


@pytest.fixture
def their_udp_server(
    their_server: Any, their_dispatcher: TheirDispatcher, their_inbox: TheirInbox
) -> Callable[[str], int]:
    async def start() -> Any:
        loop = asyncio.get_running_loop()
        server = their_osc_server.AsyncIOOSCUDPServer((HOST, 0), their_dispatcher, loop)
        transport, _ = await server.create_serve_endpoint()

        async def close() -> None:
            transport.close()
            await asyncio.sleep(0)

        return transport.get_extra_info("sockname")[1], close

    def run(kind: str) -> int:
        if kind == "asyncio":
            return their_server(start)
        name = f"{kind.capitalize()}OSCUDPServer"
        return their_server(getattr(their_osc_server, name)((HOST, 0), their_dispatcher))

    return run


@pytest.fixture
def their_tcp_server(
    their_server: Any, their_dispatcher: TheirDispatcher, their_inbox: TheirInbox
) -> Callable[[str, str], int]:
    def run(kind: str, mode: str) -> int:
        async def start() -> Any:
            server = their_osc_tcp_server.AsyncOSCTCPServer(HOST, 0, their_dispatcher, mode)
            # Its start() binds and does not return.
            serving = asyncio.ensure_future(server.start())
            while not hasattr(server, "_server"):
                await asyncio.sleep(0.01)

            async def close() -> None:
                serving.cancel()
                await asyncio.gather(serving, return_exceptions=True)

            return server._server.sockets[0].getsockname()[1], close

        if kind == "asyncio":
            return their_server(start)
        make = getattr(their_osc_tcp_server, f"{kind.capitalize()}OSCTCPServer")
        return their_server(make((HOST, 0), their_dispatcher, mode))

    return run


@every_server
def test_our_values_arrive_at_their_udp_server(
    kind: str, their_udp_server: Any, their_inbox: TheirInbox
) -> None:
    with our_udp_client.SimpleUDPClient(HOST, their_udp_server(kind)) as client:
        client.send_message("/values", VALUES)
    wait_until(lambda: their_inbox.calls)
    assert their_inbox.calls == [("/values", *VALUES)]


@every_server
def test_every_type_of_our_builder_arrives_at_their_udp_server(
    kind: str, their_udp_server: Any, their_inbox: TheirInbox
) -> None:
    with our_udp_client.UDPClient(HOST, their_udp_server(kind)) as client:
        client.send(typed(OscMessageBuilder("/typed")))
    wait_until(lambda: their_inbox.calls)
    assert their_inbox.calls == [("/typed", *(value for value, _ in TYPED))]


@every_server
def test_our_bundle_arrives_at_their_udp_server_at_its_time(
    kind: str, their_udp_server: Any, their_inbox: TheirInbox
) -> None:
    with our_udp_client.UDPClient(HOST, their_udp_server(kind)) as client:
        due = time.time() + 0.2
        client.send(bundled(OscBundleBuilder(due), Message.of))
    wait_until(lambda: len(their_inbox.calls) == 2)
    assert time.time() >= due - 0.001
    assert their_inbox.calls == [("/bundled", 1), ("/bundled", 2)]


@every_server
def test_our_udp_client_gets_their_reply(kind: str, their_udp_server: Any) -> None:
    with our_udp_client.SimpleUDPClient(HOST, their_udp_server(kind)) as client:
        client.send_message("/ask", VALUES)
        reply = next(client.get_messages(WAIT))
    assert reply.message == INFERRED._replace(address="/answer")


@every_server
def test_our_dispatch_client_handles_their_reply(kind: str, their_udp_server: Any) -> None:
    called = []
    with our_udp_client.DispatchClient(HOST, their_udp_server(kind)) as client:
        client.dispatcher.map("/answer", lambda *args: called.append(args))
        client.send_message("/ask", 7)
        wait_until(lambda: client.handle_messages(0.05) or called)
    assert called == [("/answer", 7)]


@every_server
@every_mode
def test_our_tcp_client_sends_to_their_server_and_gets_its_reply(
    kind: str, mode: str, their_tcp_server: Any, their_inbox: TheirInbox
) -> None:
    port = their_tcp_server(kind, mode)
    with our_tcp_client.SimpleTCPClient(HOST, port, mode=mode) as client:
        client.send(typed(OscMessageBuilder("/typed")))
        wait_until(lambda: their_inbox.calls)
        assert their_inbox.calls == [("/typed", *(value for value, _ in TYPED))]
        client.send_message("/ask", VALUES)
        reply = next(client.get_messages(WAIT))
    assert reply.message == INFERRED._replace(address="/answer")


@every_server
@every_mode
def test_our_asyncio_tcp_client_sends_to_their_server_and_gets_its_reply(
    kind: str, mode: str, their_tcp_server: Any, their_inbox: TheirInbox
) -> None:
    port = their_tcp_server(kind, mode)

    async def talk() -> Any:
        async with our_tcp_client.AsyncSimpleTCPClient(HOST, port, mode=mode) as client:
            await client.send(typed(OscMessageBuilder("/typed")))
            await asyncio.to_thread(wait_until, lambda: their_inbox.calls)
            await client.send_message("/ask", VALUES)
            async for message in client.get_messages(WAIT):
                return message
        return None

    assert asyncio.run(talk()).message == INFERRED._replace(address="/answer")
    assert their_inbox.calls == [("/typed", *(value for value, _ in TYPED))]


@every_server
@every_mode
@every_client
def test_our_dispatching_tcp_clients_handle_their_reply(
    kind: str, mode: str, client: str, their_tcp_server: Any
) -> None:
    port = their_tcp_server(kind, mode)
    called: list[tuple[Any, ...]] = []

    async def talk() -> None:
        ours = our_tcp_client.AsyncDispatchTCPClient(HOST, port, mode=mode)
        async with ours as connection:
            connection.dispatcher.map("/answer", lambda *args: called.append(args))
            await connection.send(Message.of("/ask", 7))
            while not called:
                await connection.handle_messages(0.05)

    if client == "asyncio":
        asyncio.run(talk())
    else:
        with our_tcp_client.TCPDispatchClient(HOST, port, mode=mode) as connection:
            connection.dispatcher.map("/answer", lambda *args: called.append(args))
            connection.send_message("/ask", 7)
            wait_until(lambda: connection.handle_messages(0.05) or called)
    assert called == [("/answer", 7)]


@every_server
@every_mode
def test_our_bundle_arrives_at_their_tcp_server(
    kind: str, mode: str, their_tcp_server: Any, their_inbox: TheirInbox
) -> None:
    with our_tcp_client.TCPClient(HOST, their_tcp_server(kind, mode), mode=mode) as client:
        client.send(bundled(OscBundleBuilder(IMMEDIATELY), Message.of))
        wait_until(lambda: len(their_inbox.calls) == 2)
    assert their_inbox.calls == [("/bundled", 1), ("/bundled", 2)]
