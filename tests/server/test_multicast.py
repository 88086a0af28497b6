"""Multicast and broadcast reception; between two network namespaces too, where allowed."""

from __future__ import annotations

import asyncio
import os
import queue
import socket
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from network_namespaces import linked_namespaces

from oscbridge.dispatcher import Dispatcher
from oscbridge.osc import Message, encode_message
from oscbridge.osc_server import AsyncIOOSCUDPServer, BlockingOSCUDPServer, ThreadingOSCUDPServer

WAIT = 10.0
GROUP = "239.255.79.83"
every_kind = pytest.mark.parametrize("kind", ["blocking", "threading", "asyncio"])
Calls = queue.SimpleQueue[tuple[Any, ...]]


def osc(address: str, *args: Any) -> bytes:
    return encode_message(Message.of(address, *args))


@contextmanager
def serving(kind: str, host: str, port: int, interface: str, calls: Calls) -> Iterator[int]:
    """Serve on a thread; yields the port."""
    dispatcher = Dispatcher()
    dispatcher.map("/*", lambda *args: calls.put(args) or (args[0], "heard"))
    if kind == "asyncio":
        loop = asyncio.new_event_loop()
        aio = AsyncIOOSCUDPServer((host, port), dispatcher, loop)
        aio.multicast_interface = interface
        try:
            transport, _ = loop.run_until_complete(aio.create_serve_endpoint())
            thread = threading.Thread(target=loop.run_forever)
            thread.start()
            try:
                yield transport.get_extra_info("sockname")[1]
            finally:
                loop.call_soon_threadsafe(transport.close)
                loop.call_soon_threadsafe(loop.stop)
                thread.join(WAIT)
                loop.run_until_complete(asyncio.sleep(0))
        finally:
            loop.close()
        return
    base = {"blocking": BlockingOSCUDPServer, "threading": ThreadingOSCUDPServer}[kind]
    server = type("Server", (base,), {"multicast_interface": interface})((host, port), dispatcher)
    with server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join(WAIT)


@pytest.fixture
def sender(udp_socket: Callable[..., socket.socket]) -> socket.socket:
    """Sends to IPv4 groups through the loopback interface."""
    sock = udp_socket()
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
    return sock


@every_kind
def test_message_to_a_group_arrives_and_is_answered(kind: str, sender: socket.socket) -> None:
    calls: Calls = queue.SimpleQueue()
    with serving(kind, GROUP, 0, "127.0.0.1", calls) as port:
        sender.sendto(osc("/a", 1), (GROUP, port))
        assert calls.get(timeout=WAIT) == ("/a", 1)
        assert sender.recv(100) == osc("/a", "heard")


@every_kind
def test_all_servers_of_a_group_receive_a_message(kind: str, sender: socket.socket) -> None:
    first: Calls = queue.SimpleQueue()
    second: Calls = queue.SimpleQueue()
    with (
        serving(kind, GROUP, 0, "127.0.0.1", first) as port,
        serving("blocking", GROUP, port, "127.0.0.1", second),
    ):
        sender.sendto(osc("/a", 1), (GROUP, port))
        assert first.get(timeout=WAIT) == second.get(timeout=WAIT) == ("/a", 1)


@every_kind
def test_multicast_server_receives_nothing_else(kind: str, sender: socket.socket) -> None:
    calls: Calls = queue.SimpleQueue()
    with serving(kind, GROUP, 0, "127.0.0.1", calls) as port:
        sender.sendto(osc("/a", "to the host"), ("127.0.0.1", port))
        sender.sendto(osc("/a", "to another group"), ("239.255.79.84", port))
        sender.sendto(osc("/a", "to the group"), (GROUP, port))
        assert calls.get(timeout=WAIT) == ("/a", "to the group")


@every_kind
@pytest.mark.parametrize(
    ("host", "interface"),
    [("ff01::4f53%lo", ""), ("ff02::4f53%lo", ""), ("ff02::4f53", "lo"), ("ff05::4f53", "lo")],
)
def test_ipv6_group_is_joined_on_the_given_interface(kind: str, host: str, interface: str) -> None:
    # The loopback interface carries no IPv6 multicast: see below for messages.
    group = socket.inet_pton(socket.AF_INET6, host.partition("%")[0]).hex()

    def members() -> int:
        joined = (line.split() for line in Path("/proc/net/igmp6").read_text().splitlines())
        return sum(int(fields[3]) for fields in joined if fields[1:3] == ["lo", group])

    with serving(kind, host, 0, interface, queue.SimpleQueue()):
        assert members() >= 1


@every_kind
def test_missing_interface_is_an_error(kind: str) -> None:
    for group, interface in [(GROUP, "192.0.2.1"), ("ff02::4f53", "none0")]:
        with pytest.raises(OSError), serving(kind, group, 0, interface, queue.SimpleQueue()):
            pass


# --- between two network namespaces -------------------------------------------------------------

namespaces = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0,
    reason="needs network namespaces, and root to make them (as in CI)",
)

SERVER = """
import asyncio, sys
from oscbridge.dispatcher import Dispatcher
from oscbridge.osc_server import *

kind, host, interface = sys.argv[1:]
dispatcher = Dispatcher()
dispatcher.map("/end", lambda address: sys.exit())
dispatcher.map("/*", lambda client, address, *args: print(client[0], address, *args, flush=True),
               needs_reply_address=True)
if kind == "blocking":
    BlockingOSCUDPServer.multicast_interface = interface
    server = BlockingOSCUDPServer((host, 9000), dispatcher)
    print("bound", flush=True)
    server.serve_forever()
else:
    AsyncIOOSCUDPServer.multicast_interface = interface
    loop = asyncio.new_event_loop()
    server = AsyncIOOSCUDPServer((host, 9000), dispatcher, loop)
    loop.run_until_complete(server.create_serve_endpoint())
    print("bound", flush=True)
    loop.run_forever()
"""

SENDER = """
import socket, sys
from oscbridge.osc import Message, encode_message

to, interface = sys.argv[1:]
family = socket.AF_INET6 if ":" in to else socket.AF_INET
with socket.socket(family, socket.SOCK_DGRAM) as sock:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    where = (to, 9000)
    if family == socket.AF_INET6:
        where = (to, 9000, 0, socket.if_nametoindex(interface))
    for address in ("/hello", "/end"):
        sock.sendto(encode_message(Message.of(address)), where)
"""


@pytest.fixture
def networks() -> Iterator[tuple[str, str]]:
    """Two network namespaces, 10.83.0.1 and 10.83.0.2, with a cable between them."""
    with linked_namespaces(
        "osc",
        "addr add 10.83.0.{number}/24 brd 10.83.0.255 dev veth0",
        "addr add fd83::{number}/64 dev veth0 nodad",
        "link set lo up",
        "link set veth0 up",
        "route add 239.0.0.0/8 dev veth0",
        "route add 255.255.255.255 dev veth0",
    ) as names:
        yield names


@namespaces
@pytest.mark.parametrize("kind", ["blocking", "asyncio"])
@pytest.mark.parametrize(
    ("host", "interface", "to", "source"),
    [
        ("0.0.0.0", "", "10.83.0.255", "10.83.0.1"),
        ("0.0.0.0", "", "255.255.255.255", "10.83.0.1"),
        (GROUP, "", GROUP, "10.83.0.1"),
        (GROUP, "10.83.0.2", GROUP, "10.83.0.1"),
        ("ff02::4f53%veth0", "", "ff02::4f53", "fe80::"),
        ("ff02::4f53", "veth0", "ff02::4f53", "fe80::"),
        ("ff05::4f53", "veth0", "ff05::4f53", "fd83::1"),
    ],
    ids=["broadcast to the network", "broadcast to all", "group", "group on an interface",
         "IPv6 group", "IPv6 group on an interface", "IPv6 group of the site"],
)  # fmt: skip
def test_broadcast_is_received_from_the_network(
    kind: str, host: str, interface: str, to: str, source: str, networks: tuple[str, str]
) -> None:
    near, far = (["ip", "netns", "exec", name, sys.executable, "-c"] for name in networks)
    with subprocess.Popen(
        [*far, SERVER, kind, host, interface], stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stdout is not None
            assert server.stdout.readline() == "bound\n"
            wait_for_link(networks[0], to)
            subprocess.run([*near, SENDER, to, "veth0"], check=True, timeout=WAIT)
            client, address = server.stdout.readline().split()
            assert client.startswith(source)
            assert address == "/hello"
            assert server.wait(WAIT) == 0
        finally:
            server.kill()


def wait_for_link(network: str, to: str) -> None:
    """A link-local address is usable only after duplicate address detection."""
    if ":" not in to:
        return
    code = textwrap.dedent(
        """
        import subprocess, time
        for _ in range(500):
            shown = subprocess.run(["ip", "-6", "addr", "show", "dev", "veth0"],
                                   capture_output=True, text=True).stdout
            if "fe80::" in shown and "tentative" not in shown:
                break
            time.sleep(0.02)
        else:
            raise SystemExit("the link has no address: " + shown)
        """
    )
    subprocess.run(
        ["ip", "netns", "exec", network, sys.executable, "-c", code], check=True, timeout=WAIT
    )
