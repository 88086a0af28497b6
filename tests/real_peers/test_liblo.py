"""liblo: its programs oscsend and oscdump, and the library for the features they lack."""

from __future__ import annotations

import asyncio
import ctypes
import time
from collections.abc import Callable, Iterator
from ctypes import c_char_p, c_int, c_int32, c_uint32, c_void_p
from typing import Any

import pytest
from ports import free_port
from waiting import wait_until

from oscbridge import IMMEDIATELY, IMPULSE, MIDI, Dispatcher, Message, TimeTag
from oscbridge.osc_bundle_builder import OscBundleBuilder
from oscbridge.tcp_client import AsyncSimpleTCPClient, SimpleTCPClient
from oscbridge.udp_client import SimpleUDPClient

HOST = "127.0.0.1"
END_ESC = b"\xc0\xdb\xdc\xdd\xc0"
"""Bytes that SLIP must escape."""
EARLY_NS = 15_000_000
"""liblo runs messages up to 10 ms before they are due."""

every_server = pytest.mark.parametrize("kind", ["blocking", "threading", "asyncio"])
every_mode = pytest.mark.parametrize("mode", ["1.0", "1.1"])
every_client = pytest.mark.parametrize("client", ["blocking", "asyncio"])

OSCSEND_ALL = ["/all", "ihfdsScmTFNI", "-5", str(2**40), "0.5", "0.1", "text ü", "sym", "c"]
OSCSEND_ALL += ["01903c7f"]
VALUES = [-5, 2**40, 0.5, 0.1, "text ü", "sym", "c", MIDI(1, 144, 60, 127)]
CONSTANTS = [True, False, None, IMPULSE]
ALL = Message("/all", "ihfdsScmTFNI", (*VALUES, *CONSTANTS))
ALL_AND_MORE = Message("/all", ALL.types + "bt", (*ALL.args, b"\x01\x02", IMMEDIATELY))
ALL_AND_MORE_DUMPED = (
    "/all ihfdsScmTFNIbt -5 1099511627776 0.500000 0.100000 \"text ü\" 'sym 'c' "
    "MIDI [0x01 0x90 0x3c 0x7f] #T #F Nil Infinitum [2b 0x1 0x2] 00000000.00000001"
)


def after(seconds: float) -> TimeTag:
    return TimeTag.from_unix_ns(time.time_ns() + round(seconds * 1e9))


# --- oscsend to our servers --------------------------------------------------------------------


@every_server
def test_every_type_of_oscsend_arrives(kind: str, udp_server: Any, inbox: Any, launch: Any) -> None:
    oscsend = launch("oscsend", HOST, udp_server(kind), *OSCSEND_ALL)
    assert inbox.take() == ALL
    assert oscsend.wait() == 0


@every_server
@pytest.mark.parametrize("mode", ["1.0", "auto"])
def test_oscsend_over_tcp_arrives_at_an_osc_1_0_server(
    kind: str, mode: str, tcp_server: Any, inbox: Any, launch: Any
) -> None:
    url = f"osc.tcp://{HOST}:{tcp_server(kind, mode)}/"
    oscsend = launch("oscsend", url, *OSCSEND_ALL)
    assert inbox.take() == ALL
    assert oscsend.wait() == 0


@every_server
def test_osc_1_1_server_recognises_the_length_prefixes_of_oscsend(
    kind: str, tcp_server: Any, dispatcher: Dispatcher, inbox: Any, launch: Any
) -> None:
    url = f"osc.tcp://{HOST}:{tcp_server(kind, '1.1')}/"
    assert launch("oscsend", url, *OSCSEND_ALL).wait() == 0
    wait_until(lambda: dispatcher.statistics.bad == {"wrong_framing": 1})
    assert len(inbox) == 0


@every_server
def test_pattern_of_oscsend_calls_all_matching_handlers(
    kind: str, udp_server: Any, dispatcher: Dispatcher, inbox: Any, launch: Any
) -> None:
    called: list[tuple[str, int]] = []
    for address in ("/ch/1/fader", "/ch/2/fader", "/ch/3/fader", "/ch/2/mute", "/ch/2/fader/x"):
        dispatcher.map(address, lambda _, value, own=address: called.append((own, value)))
    dispatcher.unmap("/*", inbox, needs_message=True)
    dispatcher.map("/done", inbox, needs_message=True)
    port = udp_server(kind)
    assert launch("oscsend", HOST, port, "/c?/[1-2]/{fader,knob}", "i", 7).wait() == 0
    assert launch("oscsend", HOST, port, "/done").wait() == 0
    inbox.take()
    assert called == [("/ch/1/fader", 7), ("/ch/2/fader", 7)]


# --- our clients to oscdump --------------------------------------------------------------------


@pytest.fixture
def oscdump(launch: Any) -> Any:
    """A ready oscdump, and its UDP port."""
    port = free_port()
    process = launch("oscdump", "-L", f"osc.udp://:{port}/")
    with SimpleUDPClient(HOST, port) as client:
        process.probe(lambda: client.send_message("/probe", None))
    return process, port


@pytest.fixture
def oscdump_tcp(launch: Any) -> Iterator[Any]:
    """An oscdump that accepts connections, and its TCP port."""
    port = free_port()
    process = launch("oscdump", "-L", f"osc.tcp://:{port}/")

    clients: list[SimpleTCPClient] = []

    def connects() -> bool:
        try:
            clients.append(SimpleTCPClient(HOST, port))
        except ConnectionRefusedError:
            return False
        return True

    wait_until(connects)
    yield process, port
    # Not earlier: liblo may lose the data of one connection while it closes another.
    clients[0].close()


def send_over_tcp(client: str, port: int, mode: str, messages: list[Message]) -> None:
    """Send messages on one connection."""

    async def send() -> None:
        async with AsyncSimpleTCPClient(HOST, port, mode=mode) as connection:
            for message in messages:
                await connection.send(message)

    if client == "asyncio":
        asyncio.run(send())
        return
    with SimpleTCPClient(HOST, port, mode=mode) as connection:
        for message in messages:
            connection.send(message)


def test_all_our_types_are_dumped(oscdump: Any) -> None:
    process, port = oscdump
    with SimpleUDPClient(HOST, port) as client:
        client.send(ALL_AND_MORE)
    assert process.find("(/all .*)")[1] == ALL_AND_MORE_DUMPED


def test_python_values_are_dumped(oscdump: Any) -> None:
    process, port = oscdump
    with SimpleUDPClient(HOST, port) as client:
        client.send_message("/values", [1, 0.5, "text", b"\x01", True, None])
        client.send_message("/none", None)
    assert process.find("(/values .*)")[1] == '/values ifsbTN 1 0.500000 "text" [1b 0x1] #T Nil'
    assert process.find("(/none.*)")[1].rstrip() == "/none"


def test_our_pattern_is_dumped_unchanged(oscdump: Any) -> None:
    process, port = oscdump
    with SimpleUDPClient(HOST, port) as client:
        client.send_message("/ch/*/[a-c]/{x,y}?", 1)
    assert process.find("(/ch.*)")[1] == "/ch/*/[a-c]/{x,y}? i 1"


def test_our_bundle_is_dumped_with_its_time_tag(oscdump: Any) -> None:
    process, port = oscdump
    due = after(0.3)
    bundle = OscBundleBuilder(due)
    for number in (1, 2):
        bundle.add_content(Message.of("/bundled", number))
    with SimpleUDPClient(HOST, port) as client:
        client.send(bundle.build())
    timetag = f"{due >> 32:08x}.{due & 0xFFFFFFFF:08x}"
    assert process.find("(.*bundled.*)")[1] == f"{timetag} /bundled i 1"
    assert time.time_ns() >= due.unix_ns() - EARLY_NS
    assert process.line() == f"{timetag} /bundled i 2"


@every_client
@every_mode
def test_messages_of_our_tcp_clients_are_dumped_in_order(
    client: str, mode: str, oscdump_tcp: Any
) -> None:
    process, port = oscdump_tcp
    numbered = [Message.of("/n", number, END_ESC) for number in range(20)]
    send_over_tcp(client, port, mode, [ALL_AND_MORE, *numbered])
    assert process.find("(/all .*)")[1] == ALL_AND_MORE_DUMPED
    blob = "[5b 0xc0 0xdb 0xdc 0xdd 0xc0]"
    for number in range(20):
        assert process.find("(/.*)")[1] == f"/n ib {number} {blob}"


# --- the library: SLIP, bundles, patterns on the receiving side, replies -----------------------

UDP, TCP = 0x1, 0x4


class LoTimeTag(ctypes.Structure):
    """lo_timetag."""

    _fields_ = (("sec", c_uint32), ("frac", c_uint32))

    @classmethod
    def of(cls, timetag: TimeTag) -> LoTimeTag:
        return cls(timetag >> 32, timetag & 0xFFFFFFFF)


LoHandler = ctypes.CFUNCTYPE(c_int, c_char_p, c_char_p, c_void_p, c_int, c_void_p, c_void_p)

SIGNATURES: dict[str, tuple[Any, list[Any]]] = {
    "lo_address_new_with_proto": (c_void_p, [c_int, c_char_p, c_char_p]),
    "lo_address_set_stream_slip": (c_int, [c_void_p, c_int]),
    "lo_address_errstr": (c_char_p, [c_void_p]),
    "lo_address_free": (None, [c_void_p]),
    "lo_message_new": (c_void_p, []),
    "lo_message_add_int32": (c_int, [c_void_p, c_int32]),
    "lo_message_add_string": (c_int, [c_void_p, c_char_p]),
    "lo_message_add_timetag": (c_int, [c_void_p, LoTimeTag]),
    "lo_message_add_blob": (c_int, [c_void_p, c_void_p]),
    "lo_message_free": (None, [c_void_p]),
    "lo_blob_new": (c_void_p, [c_int32, c_char_p]),
    "lo_blob_free": (None, [c_void_p]),
    "lo_bundle_new": (c_void_p, [LoTimeTag]),
    "lo_bundle_add_message": (c_int, [c_void_p, c_char_p, c_void_p]),
    "lo_bundle_free_recursive": (None, [c_void_p]),
    "lo_send_message": (c_int, [c_void_p, c_char_p, c_void_p]),
    "lo_send_message_from": (c_int, [c_void_p, c_void_p, c_char_p, c_void_p]),
    "lo_send_bundle": (c_int, [c_void_p, c_void_p]),
    "lo_server_new_with_proto": (c_void_p, [c_char_p, c_int, c_void_p]),
    "lo_server_add_method": (c_void_p, [c_void_p, c_char_p, c_char_p, LoHandler, c_void_p]),
    "lo_server_get_port": (c_int, [c_void_p]),
    "lo_server_recv_noblock": (c_int, [c_void_p, c_int]),
    "lo_server_free": (None, [c_void_p]),
}


@pytest.fixture(scope="module")
def liblo() -> Any:
    try:
        library = ctypes.CDLL("liblo.so.7")
    except OSError as error:
        raise AssertionError("liblo.so.7 is missing: install liblo-dev") from error
    for name, (result, arguments) in SIGNATURES.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


class Sender:
    """A ``lo_address``: a target of liblo."""

    def __init__(self, liblo: Any, proto: int, port: int, slip: bool) -> None:
        self._lo = liblo
        self._address = liblo.lo_address_new_with_proto(proto, HOST.encode(), b"%d" % port)
        if slip:
            liblo.lo_address_set_stream_slip(self._address, 1)

    def _message(self, *args: Any) -> Any:
        message = self._lo.lo_message_new()
        for value in args:
            match value:
                case TimeTag():
                    self._lo.lo_message_add_timetag(message, LoTimeTag.of(value))
                case int():
                    self._lo.lo_message_add_int32(message, value)
                case str():
                    self._lo.lo_message_add_string(message, value.encode())
                case bytes():
                    blob = self._lo.lo_blob_new(len(value), value)
                    self._lo.lo_message_add_blob(message, blob)
                    self._lo.lo_blob_free(blob)
        return message

    def _check(self, sent: int) -> None:
        assert sent > 0, self._lo.lo_address_errstr(self._address)

    def send(self, address: str, *args: Any, server: Any = None) -> None:
        """Send a message; with ``server``, from its port."""
        message = self._message(*args)
        if server is None:
            sent = self._lo.lo_send_message(self._address, address.encode(), message)
        else:
            sent = self._lo.lo_send_message_from(self._address, server, address.encode(), message)
        self._lo.lo_message_free(message)
        self._check(sent)

    def send_bundle(self, timetag: TimeTag, *messages: tuple[Any, ...]) -> None:
        bundle = self._lo.lo_bundle_new(LoTimeTag.of(timetag))
        for address, *args in messages:
            self._lo.lo_bundle_add_message(bundle, address.encode(), self._message(*args))
        sent = self._lo.lo_send_bundle(self._address, bundle)
        self._lo.lo_bundle_free_recursive(bundle)
        self._check(sent)

    def free(self) -> None:
        self._lo.lo_address_free(self._address)


@pytest.fixture
def sender(liblo: Any) -> Iterator[Callable[..., Sender]]:
    made: list[Sender] = []

    def make(proto: int, port: int, slip: bool = False) -> Sender:
        made.append(Sender(liblo, proto, port, slip))
        return made[-1]

    yield make
    for each in made:
        each.free()


class LoServer:
    """A ``lo_server`` with methods, which records their calls."""

    def __init__(self, liblo: Any, *methods: str) -> None:
        self._lo = liblo
        self.handle = liblo.lo_server_new_with_proto(None, UDP, None)
        self.port = liblo.lo_server_get_port(self.handle)
        self.calls: list[tuple[str, str]] = []
        self._callbacks = [self._method(address) for address in methods]

    def _method(self, address: str) -> Any:
        def note(_path: Any, types: bytes, *_rest: Any) -> int:
            self.calls.append((address, types.decode()))
            return 0

        callback = LoHandler(note)
        self._lo.lo_server_add_method(self.handle, address.encode(), None, callback, None)
        return callback

    def receive(self, count: int) -> list[tuple[str, str]]:
        """The called methods with the types of their arguments, once there are ``count``."""
        deadline = time.monotonic() + 10
        while len(self.calls) < count and time.monotonic() < deadline:
            self._lo.lo_server_recv_noblock(self.handle, 100)
        return self.calls

    def free(self) -> None:
        self._lo.lo_server_free(self.handle)


@pytest.fixture
def lo_server(liblo: Any) -> Iterator[Callable[..., LoServer]]:
    made: list[LoServer] = []

    def make(*methods: str) -> LoServer:
        made.append(LoServer(liblo, *methods))
        return made[-1]

    yield make
    for each in made:
        each.free()


@every_server
@pytest.mark.parametrize(
    ("slip", "mode"), [(False, "1.0"), (False, "auto"), (True, "1.1"), (True, "auto")]
)
def test_both_framings_of_liblo_arrive(
    kind: str, slip: bool, mode: str, tcp_server: Any, inbox: Any, sender: Any
) -> None:
    liblo = sender(TCP, tcp_server(kind, mode), slip)
    for number in range(5):
        liblo.send("/n", number, END_ESC, "c0 does not end")
    for number in range(5):
        assert inbox.take() == Message("/n", "ibs", (number, END_ESC, "c0 does not end"))


@every_server
def test_blobs_and_time_tags_of_liblo_arrive(
    kind: str, udp_server: Any, inbox: Any, sender: Any
) -> None:
    timetag = TimeTag(0x12345678_9ABCDEF0)
    sender(UDP, udp_server(kind)).send("/bt", b"\x00\x01\x02", timetag)
    assert inbox.take() == Message("/bt", "bt", (b"\x00\x01\x02", timetag))


@every_server
def test_bundle_of_liblo_is_handled_at_its_time_and_in_order(
    kind: str, udp_server: Any, inbox: Any, sender: Any
) -> None:
    liblo = sender(UDP, udp_server(kind))
    due = after(0.3)
    liblo.send_bundle(due, ("/later", 1), ("/later", 2))
    liblo.send("/now")
    assert inbox.take() == Message("/now", "", ())
    for number in (1, 2):
        message = inbox.whole()
        assert TimeTag.from_unix_ns(time.time_ns()) >= due
        assert (message.address, message.args, message.timetag) == ("/later", (number,), due)


@every_server
@pytest.mark.parametrize("slip", [False, True], ids=["length", "slip"])
def test_immediate_bundle_of_liblo_is_handled_at_once(
    kind: str, slip: bool, tcp_server: Any, inbox: Any, sender: Any
) -> None:
    liblo = sender(TCP, tcp_server(kind, "auto"), slip)
    liblo.send_bundle(IMMEDIATELY, ("/a", 1), ("/b", "two"))
    assert inbox.take() == Message.of("/a", 1)
    assert inbox.take() == Message.of("/b", "two")


@every_server
def test_liblo_receives_the_reply_at_its_sending_port(
    kind: str, udp_server: Any, sender: Any, lo_server: Any
) -> None:
    server = lo_server("/answer")
    sender(UDP, udp_server(kind)).send("/ask", 1, "two", b"three", server=server.handle)
    assert server.receive(1) == [("/answer", "isb")]


def test_liblo_calls_methods_that_match_our_pattern(lo_server: Any) -> None:
    server = lo_server("/ch/1/fader", "/ch/2/fader", "/ch/3/fader", "/ch/2/mute", "/done")
    with SimpleUDPClient(HOST, server.port) as client:
        client.send_message("/c?/[1-2]/{fader,knob}", 7)
        client.send_message("/done", None)
    assert server.receive(3) == [("/ch/1/fader", "i"), ("/ch/2/fader", "i"), ("/done", "")]


def test_liblo_handles_our_bundle_at_its_time(lo_server: Any) -> None:
    server = lo_server("/later", "/now")
    due = after(0.3)
    bundle = OscBundleBuilder(due)
    bundle.add_content(Message.of("/later", 1))
    with SimpleUDPClient(HOST, server.port) as client:
        client.send(bundle.build())
        client.send_message("/now", None)
    assert server.receive(1) == [("/now", "")]
    assert server.receive(2)[1:] == [("/later", "i")]
    assert time.time_ns() >= due.unix_ns() - EARLY_NS
