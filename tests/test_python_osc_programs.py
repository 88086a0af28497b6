"""Programs for python-osc run unchanged with oscbridge in their imports.

They follow the style of its documentation. Each runs with either library,
as a separate process, and must print the same.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from textwrap import dedent

import pytest

WAIT = 30.0
LIBRARIES = ("pythonosc", "oscbridge")

PROGRAMS = {
    "a simple client and a simple server": """
        import math
        import threading
        from pythonosc import osc_server, udp_client
        from pythonosc.dispatcher import Dispatcher

        done = threading.Event()

        def show_volume(address, args, volume):
            print(f"[{args[0]}] {volume}")

        def show_computed(address, args, volume):
            print(f"[{args[0]}] {args[1](volume):.3f}")

        def unknown(address, *args):
            print("unknown", address, args)

        dispatcher = Dispatcher()
        dispatcher.map("/filter", print)
        dispatcher.map("/volume", show_volume, "Volume")
        dispatcher.map("/logvolume", show_computed, "Log volume", math.log)
        dispatcher.map("/quit", lambda address: done.set())
        dispatcher.set_default_handler(unknown)
        server = osc_server.BlockingOSCUDPServer(("127.0.0.1", 0), dispatcher, timeout=10)
        print("serving on", server.server_address[0])
        thread = threading.Thread(target=server.serve_forever)
        thread.start()

        client = udp_client.SimpleUDPClient(*server.server_address, timeout=10)
        client.send_message("/filter", 0.5)
        client.send_message("/filter", [1, 2.0, "three", b"four", True, None, [5, ["six"]]])
        client.send_message("/filter", None)
        client.send_message("/filter", ())
        client.send_message("/volume", 0.25)
        client.send_message("/logvolume", 2)
        client.send_message("/nobody/listens", 1)
        client.send_message("/{filter,volume}", 7)
        client.send_message("/quit", None)
        done.wait(10)
        server.shutdown()
        thread.join()
        server.server_close()
        client.close()
    """,
    "a threading server": """
        import threading
        from pythonosc.dispatcher import Dispatcher
        from pythonosc.osc_server import ThreadingOSCUDPServer
        from pythonosc.udp_client import SimpleUDPClient

        seen = set()
        done = threading.Semaphore(0)

        def handler(address, *args):
            seen.add((address, args, threading.current_thread() is threading.main_thread()))
            done.release()

        dispatcher = Dispatcher()
        dispatcher.map("/synth/*", handler)
        with ThreadingOSCUDPServer(("127.0.0.1", 0), dispatcher) as server:
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            with SimpleUDPClient(*server.server_address) as client:
                for number in range(5):
                    client.send_message(f"/synth/{number}", number)
            for _ in range(5):
                done.acquire(timeout=10)
            server.shutdown()
            thread.join()
        print(sorted(seen))
    """,
    "handle_request, and requests that are refused": """
        from pythonosc.dispatcher import Dispatcher
        from pythonosc.osc_server import BlockingOSCUDPServer
        from pythonosc.udp_client import SimpleUDPClient

        class Server(BlockingOSCUDPServer):
            def verify_request(self, request, client_address):
                data, sock = request
                print("verify", len(data), client_address[0])
                return super().verify_request(request, client_address)

            def handle_timeout(self):
                print("timeout")

        dispatcher = Dispatcher()
        dispatcher.map("/a", print)
        with Server(("127.0.0.1", 0), dispatcher, timeout=0.05) as server:
            client = SimpleUDPClient(*server.server_address)
            client.send_message("/a", "text")
            server.handle_request()
            client._sock.sendto(b"nonsense", server.server_address)
            server.handle_request()
            server.handle_request()
            client.close()
    """,
    "an asyncio server alone": """
        import asyncio
        import socket
        import sys
        from pythonosc.dispatcher import Dispatcher
        from pythonosc.osc_server import AsyncIOOSCUDPServer
        from pythonosc.udp_client import SimpleUDPClient

        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind(("127.0.0.1", 0))
            address = sock.getsockname()

        dispatcher = Dispatcher()
        dispatcher.map("/filter*", print)
        dispatcher.map("/quit", lambda address: sys.exit())
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)

        def send():
            with SimpleUDPClient(*address) as client:
                client.send_message("/filter1", 1)
                client.send_message("/filter/two", 2.5)
                client.send_message("/quit", None)

        loop.call_later(0.2, send)
        server = AsyncIOOSCUDPServer(address, dispatcher, loop)
        server.serve()
        loop.run_forever()
    """,
    "an asyncio server beside other coroutines": """
        import asyncio
        from pythonosc.dispatcher import Dispatcher
        from pythonosc.osc_server import AsyncIOOSCUDPServer
        from pythonosc.udp_client import SimpleUDPClient

        def handler(address, *args):
            print(f"{address}: {args}")

        async def loop(address):
            with SimpleUDPClient(*address) as client:
                for number in range(3):
                    print("loop", number)
                    client.send_message("/number", number)
                    await asyncio.sleep(0.1)

        async def main():
            dispatcher = Dispatcher()
            dispatcher.map("/number", handler)
            server = AsyncIOOSCUDPServer(
                ("127.0.0.1", 0), dispatcher, asyncio.get_running_loop())
            transport, protocol = await server.create_serve_endpoint()
            await loop(transport.get_extra_info("sockname"))
            transport.close()

        asyncio.run(main())
    """,
    "a dispatcher by itself": """
        from pythonosc.dispatcher import Dispatcher, Handler
        from pythonosc.osc_message_builder import OscMessageBuilder

        def packet(address, *args):
            builder = OscMessageBuilder(address=address)
            for arg in args:
                builder.add_arg(arg)
            return builder.build()

        def plain(address, *args):
            return address, "plain", *args

        def fixed(address, args, *osc_args):
            return address, *args, *osc_args

        def reply(client, address, *args):
            return address, client[0], client[1]

        def fallback(address, *args):
            return "/fallback"

        dispatcher = Dispatcher()
        first = dispatcher.map("/a", plain)
        dispatcher.map("/a", fixed, 1, "two")
        dispatcher.map("/a/b", reply, needs_reply_address=True)
        dispatcher.map("/w/*", plain)
        dispatcher.set_default_handler(fallback)
        client = ("10.0.0.1", 5005)
        print(isinstance(first, Handler), first.args, first.needs_reply_address)
        for address in ("/a", "/a/b", "/w/x/y", "/none", "/a/?", "/{a,none}", "/[a-c]"):
            names = [each.callback.__name__ for each in dispatcher.handlers_for_address(address)]
            found = dispatcher.call_handlers_for_packet(packet(address, 3).dgram, client)
            print(address, names, found)
        print(first.invoke(client, packet("/direct", 1, 2)))
        dispatcher.set_default_handler(None)
        dispatcher.unmap("/a", first)
        dispatcher.unmap("/a", fixed, 1, "two")
        print(dispatcher.call_handlers_for_packet(packet("/a").dgram, client))
        try:
            dispatcher.unmap("/a", plain)
        except ValueError:
            print("not mapped")
        print(dispatcher.call_handlers_for_packet(b"nonsense", client))
    """,
    "building and reading bundles": """
        import time
        from pythonosc import osc_bundle, osc_bundle_builder, osc_message, osc_message_builder
        from pythonosc.osc_packet import OscPacket

        def show(content, depth=0):
            kind = type(content).__name__
            if isinstance(content, osc_bundle.OscBundle):
                print(" " * depth, kind, content.timestamp, content.num_contents, content.size)
                for inner in content:
                    show(inner, depth + 1)
            else:
                print(" " * depth, kind, content.address, content.params, content.size, content)

        bundle = osc_bundle_builder.OscBundleBuilder(osc_bundle_builder.IMMEDIATELY)
        message = osc_message_builder.OscMessageBuilder(address="/SYNC")
        message.add_arg(4.0)
        bundle.add_content(message.build())
        message.add_arg(2)
        bundle.add_content(message.build())
        message.add_arg("value")
        bundle.add_content(message.build())
        message.add_arg(b"\\x01\\x02\\x03")
        bundle.add_content(message.build())
        bundle.add_content(bundle.build())
        bundle = bundle.build()
        show(bundle)
        print(bundle.dgram.hex(), bundle.content(4).content(0).address)
        print(osc_bundle.OscBundle.dgram_is_bundle(bundle.dgram))
        print(osc_message.OscMessage.dgram_is_message(bundle.dgram))
        show(osc_bundle.OscBundle(bundle.dgram))

        later = osc_bundle_builder.OscBundleBuilder(2000000000.5)
        later.add_content(message.build())
        outer = osc_bundle_builder.OscBundleBuilder(1.0)
        outer.add_content(later.build())
        outer.add_content(message.build())
        show(outer.build())
        before = time.time()
        packet = OscPacket(outer.build().dgram)
        for timed in packet.messages:
            now = before <= timed.time <= time.time()
            print("now" if now else timed.time, timed.message.address, list(timed.message))
    """,
    "building messages, and errors": """
        from pythonosc import osc_bundle, osc_message, osc_packet
        from pythonosc import osc_bundle_builder as bundles
        from pythonosc import osc_message_builder as messages
        from pythonosc.osc_message_builder import OscMessageBuilder as Builder

        builder = Builder()
        builder.address = "/all"
        for value, kind in (
            (1, None), (2**40, None), (0.5, None), ("text", None), (b"blob", None),
            (True, None), (False, None), (None, None), ((0, 144, 60, 127), None),
            ([1, [2.0, "x"]], None), (3, Builder.ARG_TYPE_FLOAT), (4, Builder.ARG_TYPE_DOUBLE),
            (5, Builder.ARG_TYPE_INT64), (6, Builder.ARG_TYPE_INT), ("", Builder.ARG_TYPE_TRUE),
            ("", Builder.ARG_TYPE_FALSE), ("", Builder.ARG_TYPE_NIL),
            ([0, 1, 2, 3], Builder.ARG_TYPE_MIDI),
            ("text", Builder.ARG_TYPE_STRING), (b"b", Builder.ARG_TYPE_BLOB),
            ([1, 2], ["d", "i"]),
        ):
            builder.add_arg(value, kind)
        message = builder.build()
        print(builder.address, builder.args)
        print(message.dgram.hex(), message.size)
        for param in osc_message.OscMessage(message.dgram):
            print(list(param) if isinstance(param, tuple) else param)
        builder = Builder("/color")
        builder.add_arg(0x11223344, Builder.ARG_TYPE_RGBA)
        print(builder.build().params == [0x11223344])
        print(messages.build_msg("/x").params, messages.build_msg("/x", None).params)
        print(messages.build_msg("/x", [1, "a"]).dgram, messages.build_msg("/x", "a").dgram)

        for work, error in (
            (lambda: Builder().build(), messages.BuildError),
            (lambda: Builder("").build(), messages.BuildError),
            (lambda: Builder("/a").add_arg(object()), ValueError),
            (lambda: Builder("/a").add_arg(1, "?"), ValueError),
            (lambda: messages.build_msg("/a", 2**70), messages.BuildError),
            (lambda: osc_message.OscMessage(b"/a\\0\\0,i\\0\\0"), osc_message.ParseError),
            (lambda: osc_message.OscMessage(b""), osc_message.ParseError),
            (lambda: osc_bundle.OscBundle(b"#bundle\\0"), osc_bundle.ParseError),
            (lambda: osc_packet.OscPacket(b"nonsense"), osc_packet.ParseError),
            (lambda: osc_packet.OscPacket(b""), osc_packet.ParseError),
            (lambda: bundles.OscBundleBuilder("noon").build(), bundles.BuildError),
        ):
            try:
                work()
            except error:
                print("caught")
        wrong = bundles.OscBundleBuilder(bundles.IMMEDIATELY)
        wrong.add_content("text")
        try:
            wrong.build()
        except bundles.BuildError:
            print("caught")
    """,
    "single values of a datagram": """
        from pythonosc.parsing import osc_types

        data = osc_types.write_string("/a") + osc_types.write_string(",ifb")
        data += osc_types.write_int(-5) + osc_types.write_float(0.5) + osc_types.write_blob(b"xyz")
        address, index = osc_types.get_string(data, 0)
        tags, index = osc_types.get_string(data, index)
        number, index = osc_types.get_int(data, index)
        real, index = osc_types.get_float(data, index)
        blob, index = osc_types.get_blob(data, index)
        print(address, tags, number, real, blob, index == len(data))
        date = osc_types.write_date(1700000000.5)
        print(date, osc_types.get_date(date, 0), osc_types.get_timetag(date, 0))
        print(osc_types.get_date(osc_types.write_date(osc_types.IMMEDIATELY), 0))
        for work, error in (
            (lambda: osc_types.get_int(b"ab", 0), osc_types.ParseError),
            (lambda: osc_types.get_string(b"abcd", 0), osc_types.ParseError),
            (lambda: osc_types.write_int("x"), osc_types.BuildError),
        ):
            try:
                work()
            except error:
                print("caught")
    """,
    "a client that asks and is answered": """
        import threading
        from pythonosc.dispatcher import Dispatcher
        from pythonosc.osc_server import BlockingOSCUDPServer
        from pythonosc.udp_client import DispatchClient, SimpleUDPClient

        def greet(client, address, *args):
            return "/greeting", f"hello {args[0]}", client[0]

        served = Dispatcher()
        served.map("/greet", greet, needs_reply_address=True)
        served.map("/ping", lambda address: "/pong")
        served.map("/quiet", lambda address: None)
        server = BlockingOSCUDPServer(("127.0.0.1", 0), served)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()

        class Client(DispatchClient):
            dispatcher = Dispatcher()

        def answered(client, address, *args):
            print(client == (host, port), address, args)

        host, port = server.server_address
        with Client(host, port, timeout=0.5) as client:
            client.dispatcher.map("/greeting", answered, needs_reply_address=True)
            client.dispatcher.set_default_handler(lambda address, *args: print("other", address))
            client.send_message("/greet", "you")
            client.handle_messages()
            client.send_message("/ping", None)
            client.send_message("/quiet", None)
            client.handle_messages(0.5)
            client.send_message("/nobody", None)
            client.handle_messages(0.1)
        with SimpleUDPClient(host, port) as client:
            client.send_message("/ping", None)
            client.send_message("/greet", ["me", 1])
            for message in client.get_messages(0.5):
                print(message.address, message.params, message.size)
            print(client.receive(0.05))
            client.send_message("/ping", None)
            print(client.receive(5))
        server.shutdown()
        thread.join()
        server.server_close()
    """,
    "TCP": """
        import threading
        from pythonosc.dispatcher import Dispatcher
        from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
        from pythonosc.osc_message_builder import build_msg
        from pythonosc.osc_tcp_server import MODE_1_0, MODE_1_1, ThreadingOSCTCPServer
        from pythonosc.tcp_client import SimpleTCPClient, TCPClient, TCPDispatchClient

        for mode in (MODE_1_0, MODE_1_1):
            served = Dispatcher()
            served.map("/echo", lambda address, *args: ("/echoed", *args))
            served.map("/ping", lambda address: "/pong")
            server = ThreadingOSCTCPServer(("127.0.0.1", 0), served, mode)
            print(server.mode, server.dispatcher is served)
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            with SimpleTCPClient(*server.server_address, mode=mode) as client:
                client.send_message("/echo", [1, 2.5, "three", b"\\xc0\\xdb", None])
                for message in client.get_messages(0.5):
                    print(message.address, message.params)
                client.send_message("/echo")
                print(client.receive(5))
                bundle = OscBundleBuilder(IMMEDIATELY)
                bundle.add_content(build_msg("/echo", "in a bundle"))
                client.send(bundle.build())
                print(client.receive(5), client.receive(timeout=0.05))

            class Client(TCPDispatchClient):
                dispatcher = Dispatcher()

            with Client(*server.server_address, mode=mode, timeout=0.5) as client:
                client.dispatcher.map("/pong", print)
                client.dispatcher.map("/echoed", print)
                client.send_message("/ping")
                client.handle_messages()
                client.send_message("/echo", "x")
                client.handle_messages(timeout_sec=0.5)
            server.shutdown()
            thread.join()
            server.server_close()
        try:
            ThreadingOSCTCPServer(("127.0.0.1", 0), Dispatcher(), "2.0")
        except ValueError:
            print("no such mode")
    """,
    "TCP and asyncio": """
        import asyncio
        import socket
        from pythonosc.dispatcher import Dispatcher
        from pythonosc.osc_tcp_server import AsyncOSCTCPServer
        from pythonosc.tcp_client import (
            AsyncDispatchTCPClient, AsyncSimpleTCPClient, AsyncTCPClient)
        from pythonosc.osc_message_builder import build_msg

        async def double(address, number):
            await asyncio.sleep(0)
            return "/doubled", 2 * number

        async def show(address, *args):
            await asyncio.sleep(0)
            print(address, args)

        async def serving(port):
            for _ in range(100):
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except OSError:
                    await asyncio.sleep(0.05)
                else:
                    writer.close()
                    await writer.wait_closed()
                    return

        async def main(mode):
            class Client(AsyncDispatchTCPClient):
                dispatcher = Dispatcher()

            with socket.socket() as sock:
                sock.bind(("127.0.0.1", 0))
                port = sock.getsockname()[1]
            dispatcher = Dispatcher()
            dispatcher.map("/double", double)
            dispatcher.map("/ping", lambda address: "/pong")
            async with AsyncOSCTCPServer("127.0.0.1", port, dispatcher, mode) as server:
                task = asyncio.create_task(server.start())
                await serving(port)
                async with AsyncSimpleTCPClient("127.0.0.1", port, mode=mode) as client:
                    await client.send_message("/double", 21)
                    async for message in client.get_messages(0.5):
                        print(message.address, message.params)
                client = await Client("127.0.0.1", port, mode=mode, timeout=0.5)
                client.dispatcher.map("/pong", show)
                client.dispatcher.map("/doubled", show)
                await client.send(build_msg("/ping"))
                await client.handle_messages()
                await client.send(build_msg("/double", 4))
                await client.handle_messages(0.5)
                await client.close()
                client = await AsyncTCPClient("127.0.0.1", port, mode=mode)
                await client.send(build_msg("/ping"))
                print(await client.receive(5), await client.receive(timeout=0.05))
                await client.close()
            try:
                await task
            except asyncio.CancelledError:
                pass

        asyncio.run(main("1.0"))
        asyncio.run(main("1.1"))
    """,
}

UDP_SERVER = """
    import sys
    from pythonosc.dispatcher import Dispatcher
    from pythonosc.osc_server import BlockingOSCUDPServer

    def quit(address):
        sys.exit()

    dispatcher = Dispatcher()
    dispatcher.map("/add", lambda address, *args: ("/sum", sum(args)))
    dispatcher.map("/quit", quit)
    with BlockingOSCUDPServer(("127.0.0.1", 0), dispatcher) as server:
        print(server.server_address[1], flush=True)
        server.serve_forever()
"""

UDP_CLIENT = """
    import sys
    from pythonosc.udp_client import DispatchClient

    with DispatchClient("127.0.0.1", int(sys.argv[1])) as client:
        client.dispatcher.map("/sum", print)
        for number in range(3):
            client.send_message("/add", [number, 1.5])
        client.handle_messages(0.5)
        client.send_message("/quit", None)
"""

TCP_SERVER = """
    import os
    import sys
    from pythonosc.dispatcher import Dispatcher
    from pythonosc.osc_tcp_server import ThreadingOSCTCPServer

    def quit(address):
        os._exit(0)

    dispatcher = Dispatcher()
    dispatcher.map("/add", lambda address, *args: ("/sum", sum(args)))
    dispatcher.map("/quit", quit)
    with ThreadingOSCTCPServer(("127.0.0.1", 0), dispatcher, mode=sys.argv[1]) as server:
        print(server.server_address[1], flush=True)
        server.serve_forever()
"""

TCP_CLIENT = """
    import sys
    from pythonosc.tcp_client import TCPDispatchClient

    with TCPDispatchClient("127.0.0.1", int(sys.argv[1]), mode=sys.argv[2]) as client:
        client.dispatcher.map("/sum", print)
        for number in range(3):
            client.send_message("/add", [number, 1.5])
            client.handle_messages(0.5)
        client.send_message("/quit")
"""

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a program with a library instead of python-osc."""
    started: list[subprocess.Popen[str]] = []

    def start(text: str, library: str, *args: str) -> subprocess.Popen[str]:
        warnings = ["-W", "error"] if library == "oscbridge" else []
        text = dedent(text).replace("pythonosc", library)
        process = subprocess.Popen(
            [sys.executable, *warnings, "-c", text, *args],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def output_of(process: subprocess.Popen[str]) -> str:
    output, errors = process.communicate(timeout=WAIT)
    assert "Traceback" not in errors
    assert "Warning" not in errors
    assert process.returncode == 0
    return output


@pytest.mark.parametrize("name", PROGRAMS)
def test_program_prints_the_same_with_either_library(start: Start, name: str) -> None:
    theirs, ours = (start(PROGRAMS[name], library) for library in LIBRARIES)
    expected = output_of(theirs)
    assert expected
    assert output_of(ours) == expected


SUMS = "/sum 1.5\n/sum 2.5\n/sum 3.5\n"


@pytest.mark.parametrize("client", LIBRARIES)
@pytest.mark.parametrize("server", LIBRARIES)
def test_programs_of_both_libraries_interoperate_over_udp(
    start: Start, server: str, client: str
) -> None:
    serving = start(UDP_SERVER, server)
    assert serving.stdout is not None
    port = serving.stdout.readline().strip()
    assert output_of(start(UDP_CLIENT, client, port)) == SUMS
    assert serving.wait(WAIT) == 0


@pytest.mark.parametrize("mode", ["1.0", "1.1"])
@pytest.mark.parametrize("client", LIBRARIES)
@pytest.mark.parametrize("server", LIBRARIES)
def test_programs_of_both_libraries_interoperate_over_tcp(
    start: Start, server: str, client: str, mode: str
) -> None:
    serving = start(TCP_SERVER, server, mode)
    assert serving.stdout is not None
    port = serving.stdout.readline().strip()
    assert output_of(start(TCP_CLIENT, client, port, mode)) == SUMS
    assert serving.wait(WAIT) == 0
