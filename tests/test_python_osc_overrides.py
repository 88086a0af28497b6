"""Programs that subclass, override, patch, copy or inspect python-osc run with oscbridge.

As in test_python_osc_programs.py, each must print the same with either library.
"""

from __future__ import annotations

import subprocess
import sys
from textwrap import dedent

import pytest

WAIT = 30.0

PROGRAMS = {
    "a dispatcher is pickled and copied": """
        import copy
        import multiprocessing
        import pickle
        from pythonosc.dispatcher import Dispatcher
        from pythonosc.osc_message_builder import build_msg

        def work(queue, dispatcher):
            for value in dispatcher.call_handlers_for_packet(build_msg("/a", 1).dgram, ("h", 1)):
                queue.append(value)

        def show(address, fixed, *args):
            return address, *fixed, *args

        def rest(address, *args):
            return "/rest"

        class Mine(Dispatcher):
            label = "none"

        dispatcher = Mine(strict_timing=False)
        dispatcher.label = "stage"
        dispatcher.map("/a", show, "x")
        dispatcher.map("/w/*", show, [1])
        dispatcher.set_default_handler(rest)
        work([], dispatcher)
        for each in (
            pickle.loads(pickle.dumps(dispatcher)), copy.deepcopy(dispatcher),
            copy.copy(dispatcher),
        ):
            found = []
            work(found, each)
            print(type(each).__name__, each.label, each._strict_timing, found)
            for address in ("/w/x/y", "/w/*", "/other"):
                packet = build_msg(address, 2).dgram
                print(each.call_handlers_for_packet(packet, ("h", 1)))
            if each._map is not dispatcher._map:
                each.map("/new", rest)
        print(list(dispatcher.handlers_for_address("/a"))[0].args, "/new" in dispatcher._map)
        message = pickle.loads(pickle.dumps(build_msg("/a", [1, "x", None])))
        print(message.address, message.params, copy.deepcopy(message).dgram)
    """,
    "the map is inspected and changed like a dictionary": """
        from pythonosc.dispatcher import Dispatcher
        from pythonosc.osc_message_builder import build_msg

        dispatcher = Dispatcher()
        for address in ("/a", "/b", "/a", "/c/*"):
            dispatcher.map(address, lambda address, *args: address)
        print(isinstance(dispatcher._map, dict), list(dispatcher._map), len(dispatcher._map))
        print("/a" in dispatcher._map, "/x" in dispatcher._map, dispatcher._map.get("/x"))
        for address, handlers in sorted(dispatcher._map.items()):
            print(address, len(handlers), handlers[0].callback.__name__)

        def call(address):
            return dispatcher.call_handlers_for_packet(build_msg(address).dgram, ("h", 1))

        print(call("/a"), call("/c/d"))
        print(len(dispatcher._map.pop("/a")), call("/a"))
        del dispatcher._map["/c/*"]
        print(call("/c/d"), call("/b"))
        dispatcher._map.clear()
        print(call("/b"), list(dispatcher._map))
    """,
    "a dispatcher whose methods are overridden": """
        import socket
        import threading
        from pythonosc.dispatcher import Dispatcher
        from pythonosc.osc_server import BlockingOSCUDPServer, ThreadingOSCUDPServer
        from pythonosc.udp_client import SimpleUDPClient

        class Logging(Dispatcher):
            def call_handlers_for_packet(self, data, client_address):
                print("packet", len(data), client_address[0])
                return super().call_handlers_for_packet(data, client_address)

        class Everything(Dispatcher):
            def handlers_for_address(self, address_pattern):
                print("asked for", address_pattern)
                yield from super().handlers_for_address("/a")

        for kind in (Logging, Everything):
            for server_kind in (BlockingOSCUDPServer, ThreadingOSCUDPServer):
                done = threading.Semaphore(0)
                dispatcher = kind()
                dispatcher.map("/a", lambda address, *args: ("/got", address))
                with server_kind(("127.0.0.1", 0), dispatcher) as server:
                    thread = threading.Thread(target=server.serve_forever)
                    thread.start()
                    with SimpleUDPClient(*server.server_address, timeout=5) as client:
                        for _ in range(2):
                            client.send_message("/a", 1)
                            print(client.receive())
                    server.shutdown()
                    thread.join()

        dispatcher = Dispatcher()
        dispatcher.map("/a", print)
        dispatcher.call_handlers_for_packet = lambda data, client: [("/p", print("patched"))]
        with BlockingOSCUDPServer(("127.0.0.1", 0), dispatcher, timeout=5) as server:
            with SimpleUDPClient(*server.server_address) as client:
                client.send_message("/a", 1)
            server.handle_request()
    """,
    "a server whose methods are overridden": """
        import sys
        from pythonosc.dispatcher import Dispatcher
        from pythonosc.osc_server import BlockingOSCUDPServer
        from pythonosc.udp_client import SimpleUDPClient

        class Server(BlockingOSCUDPServer):
            left = 3

            def get_request(self):
                request, client = super().get_request()
                print("get", len(request[0]), request[1] is self.socket)
                return request, client

            def process_request(self, request, client_address):
                print("process", len(request[0]))
                super().process_request(request, client_address)

            def finish_request(self, request, client_address):
                print("finish", client_address[0])
                super().finish_request(request, client_address)

            def shutdown_request(self, request):
                print("shutdown", len(request[0]))

            def handle_error(self, request, client_address):
                print("error", repr(sys.exc_info()[1]), client_address[0])

            def service_actions(self):
                pass

        def fails(address, *args):
            raise RuntimeError("broken")

        dispatcher = Dispatcher()
        dispatcher.map("/a", print)
        dispatcher.map("/fails", fails)
        with Server(("127.0.0.1", 0), dispatcher, timeout=5) as server:
            with SimpleUDPClient(*server.server_address) as client:
                for address in ("/a", "/fails", "/a"):
                    client.send_message(address, "text")
                    server.handle_request()
    """,
    "an error handler that raises ends the server": """
        import threading
        from pythonosc.dispatcher import Dispatcher
        from pythonosc.osc_server import BlockingOSCUDPServer
        from pythonosc.udp_client import SimpleUDPClient

        class Strict(BlockingOSCUDPServer):
            calls = 0

            def handle_error(self, request, client_address):
                self.calls += 1
                raise

        dispatcher = Dispatcher()
        dispatcher.map("/divide", lambda address, *args: 1 / 0)
        with Strict(("127.0.0.1", 0), dispatcher) as server:
            with SimpleUDPClient(*server.server_address) as client:
                client.send_message("/divide", 1)
            try:
                server.serve_forever()
            except ZeroDivisionError as error:
                print("ended by", error, server.calls)
    """,
    "a request handler class is replaced": """
        import socketserver
        from pythonosc import osc_server, osc_tcp_server
        from pythonosc.dispatcher import Dispatcher
        from pythonosc.osc_server import BlockingOSCUDPServer
        from pythonosc.udp_client import SimpleUDPClient

        class Handler(osc_server._UDPHandler):
            def handle(self):
                print("handle", self.request[0][:2], self.client_address[0])
                super().handle()

        dispatcher = Dispatcher()
        dispatcher.map("/a", print)
        with BlockingOSCUDPServer(("127.0.0.1", 0), dispatcher, timeout=5) as server:
            print(issubclass(server.RequestHandlerClass, socketserver.BaseRequestHandler))
            server.RequestHandlerClass = Handler
            with SimpleUDPClient(*server.server_address) as client:
                client.send_message("/a", "text")
            server.handle_request()
        print(issubclass(osc_tcp_server._TCPHandler1_0, socketserver.BaseRequestHandler))
    """,
    "a handler of a threading server shuts it down": """
        import threading
        import time
        from pythonosc.dispatcher import Dispatcher
        from pythonosc.osc_server import ThreadingOSCUDPServer
        from pythonosc.osc_tcp_server import ThreadingOSCTCPServer
        from pythonosc.tcp_client import SimpleTCPClient
        from pythonosc.udp_client import SimpleUDPClient

        for server_kind, client_kind in (
            (ThreadingOSCUDPServer, SimpleUDPClient), (ThreadingOSCTCPServer, SimpleTCPClient),
        ):
            dispatcher = Dispatcher()
            took = []

            def stop(address, *args):
                begun = time.monotonic()
                server.shutdown()
                took.append(time.monotonic() - begun < 2)

            dispatcher.map("/stop", stop)
            server = server_kind(("127.0.0.1", 0), dispatcher)
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            with client_kind(*server.server_address) as client:
                client.send_message("/stop", 1)
                thread.join(10)
            print(thread.is_alive())
            server.server_close()
            while not took:
                time.sleep(0.01)
            print(took)
    """,
    "attributes of servers": """
        import socketserver
        from pythonosc.dispatcher import Dispatcher
        from pythonosc import osc_server, osc_tcp_server

        for kind in (
            osc_server.ThreadingOSCUDPServer, osc_tcp_server.ThreadingOSCTCPServer,
            osc_server.ForkingOSCUDPServer, osc_tcp_server.ForkingOSCTCPServer,
        ):
            threading = issubclass(kind, socketserver.ThreadingMixIn)
            print(kind.__name__, threading, issubclass(kind, socketserver.ForkingMixIn))
            print(kind.block_on_close, getattr(kind, "daemon_threads", "-"))
            print(getattr(kind, "max_children", "-"), hasattr(kind, "collect_children"))

        class Server(osc_server.ThreadingOSCUDPServer):
            daemon_threads = True
            block_on_close = False

        with Server(("127.0.0.1", 0), Dispatcher()) as server:
            print(server.timeout, server.dispatcher is server._dispatcher, server.fileno() > 2)

        class Reusing(osc_server.BlockingOSCUDPServer):
            allow_reuse_address = True

        with Reusing(("127.0.0.1", 0), Dispatcher()) as first:
            with Reusing(first.server_address, Dispatcher()) as second:
                print(second.server_address == first.server_address)
        with osc_server.BlockingOSCUDPServer(("127.0.0.1", 0), Dispatcher()) as first:
            try:
                osc_server.BlockingOSCUDPServer(first.server_address, Dispatcher())
            except OSError as error:
                print(type(error).__name__)
    """,
    "a program reads the socket itself": """
        import threading
        import time
        from pythonosc.dispatcher import Dispatcher
        from pythonosc.osc_server import BlockingOSCUDPServer
        from pythonosc.udp_client import SimpleUDPClient

        with BlockingOSCUDPServer(("127.0.0.1", 0), Dispatcher()) as server:
            with SimpleUDPClient(*server.server_address, timeout=5) as client:
                threading.Timer(0.3, client.send_message, ("/a", 1)).start()
                data, address = server.socket.recvfrom(1024)
                print(data)
                timer = threading.Timer(0.3, server.socket.sendto, (b"answer", address))
                timer.start()
                print(client._sock.recv(1024))
    """,
    "a client whose methods are overridden": """
        import threading
        from pythonosc.dispatcher import Dispatcher
        from pythonosc.osc_server import BlockingOSCUDPServer
        from pythonosc.udp_client import DispatchClient, SimpleUDPClient

        class Logging(SimpleUDPClient):
            def send(self, content):
                print("send", content.address, content.params, content.dgram, content.size)
                super().send(content)

            def receive(self, timeout=None):
                data = super().receive(timeout)
                print("receive", data)
                return data

        dispatcher = Dispatcher()
        dispatcher.map("/ask", lambda address, *args: ("/answer", *args))
        with BlockingOSCUDPServer(("127.0.0.1", 0), dispatcher) as server:
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            host, port = server.server_address
            with Logging(host, 9) as client:
                client._port = port
                client.send_message("/ask", [1, 0.1, "x", None, True, b"b", [2, [3]]])
                print([message.params for message in client.get_messages(0.3)])
            DispatchClient.dispatcher.map("/answer", print)
            with DispatchClient(host, port) as first, DispatchClient(host, port) as second:
                print(first.dispatcher is second.dispatcher is DispatchClient.dispatcher)
                first.send_message("/ask", 5)
                first.handle_messages(0.3)
            server.shutdown()
            thread.join()
    """,
    "time tags, keyword names and defaults": """
        import datetime
        import inspect
        import socket
        from pythonosc import tcp_client, udp_client
        from pythonosc.osc_message import OscMessage
        from pythonosc.parsing import osc_types

        message = OscMessage(b"/t\\0\\0,t\\0\\0\\xe6\\x00\\x00\\x00\\x40\\x00\\x00\\x00")
        (when, fraction), = message.params
        print(when, fraction, isinstance(when, datetime.datetime), when.tzinfo)
        for name, val in (
            ("string", "x"), ("int", 1), ("int64", 2), ("float", 0.5), ("double", 0.5),
            ("blob", b"x"), ("rgba", 3), ("midi", (1, 2, 3, 4)),
        ):
            print(name, getattr(osc_types, f"write_{name}")(val=val))
        print(osc_types.write_date(system_time=0))
        for kind in (tcp_client.TCPClient, tcp_client.AsyncTCPClient, udp_client.UDPClient):
            print(inspect.signature(kind).parameters["family"].default)
        print(tcp_client.AsyncTCPClient("127.0.0.1", 1).family == socket.AF_INET)
    """,
    "an asyncio TCP server whose methods are overridden": """
        import asyncio
        import socket
        from pythonosc.dispatcher import Dispatcher
        from pythonosc.osc_tcp_server import AsyncOSCTCPServer
        from pythonosc.tcp_client import AsyncSimpleTCPClient

        class Server(AsyncOSCTCPServer):
            async def handle(self, reader, writer):
                print("connected", writer.get_extra_info("peername")[0])
                await super().handle(reader, writer)
                print("disconnected")

            async def handle1_0(self, reader, writer, client_address):
                print("1.0 from", client_address[0])
                await super().handle1_0(reader, writer, client_address)

            async def handle_1_1(self, reader, writer, client_address):
                print("1.1 from", client_address[0])
                await super().handle_1_1(reader, writer, client_address)

        async def main(mode):
            with socket.socket() as sock:
                sock.bind(("127.0.0.1", 0))
                port = sock.getsockname()[1]
            dispatcher = Dispatcher()

            async def double(address, number):
                return "/doubled", 2 * number

            dispatcher.map("/double", double)
            server = Server("127.0.0.1", port, dispatcher, mode)
            task = asyncio.create_task(server.start())
            await asyncio.sleep(0.3)
            async with AsyncSimpleTCPClient("127.0.0.1", port, mode=mode) as client:
                await client.send_message("/double", 21)
                async for message in client.get_messages(0.3):
                    print(message.address, message.params)
            await asyncio.sleep(0.2)
            await server.stop()
            try:
                await task
            except asyncio.CancelledError:
                pass

        asyncio.run(main("1.0"))
        asyncio.run(main("1.1"))
    """,
    "TCP servers whose methods are overridden": """
        import sys
        import threading
        from pythonosc import osc_tcp_server
        from pythonosc.dispatcher import Dispatcher
        from pythonosc.osc_tcp_server import BlockingOSCTCPServer, ThreadingOSCTCPServer
        from pythonosc.tcp_client import SimpleTCPClient

        class Steps:
            def get_request(self):
                request, client = super().get_request()
                print("get", client[0])
                return request, client

            def verify_request(self, request, client_address):
                print("verify", client_address[0])
                return super().verify_request(request, client_address)

            def process_request(self, request, client_address):
                print("process", client_address[0])
                super().process_request(request, client_address)

            def finish_request(self, request, client_address):
                print("finish", request.getpeername()[0] == client_address[0])
                super().finish_request(request, client_address)

            def shutdown_request(self, request):
                print("shutdown")
                super().shutdown_request(request)
                ended.set()

            def handle_error(self, request, client_address):
                print("error", repr(sys.exc_info()[1]), client_address[0])

        class Blocking(Steps, BlockingOSCTCPServer):
            pass

        class Threading(Steps, ThreadingOSCTCPServer):
            pass

        class Handler(osc_tcp_server._TCPHandler1_1):
            def handle(self):
                print("handler", self.client_address[0])
                super().handle()

        for kind in (Blocking, Threading):
            for handler in (None, Handler):
                ended = threading.Event()
                dispatcher = Dispatcher()
                dispatcher.map("/echo", lambda address, *args: ("/echoed", *args))
                dispatcher.map("/fails", lambda address, *args: 1 / 0)
                server = kind(("127.0.0.1", 0), dispatcher)
                if handler is not None:
                    server.RequestHandlerClass = handler
                thread = threading.Thread(target=server.serve_forever)
                thread.start()
                with SimpleTCPClient(*server.server_address) as client:
                    client.send_message("/echo", [1, "x"])
                    print(client.receive(5))
                    client.send_message("/fails", 1)
                ended.wait(5)
                server.shutdown()
                thread.join()
                server.server_close()
    """,
    "TCP clients and dispatchers whose methods are overridden": """
        import asyncio
        import socket
        import threading
        from pythonosc.dispatcher import Dispatcher
        from pythonosc.osc_tcp_server import AsyncOSCTCPServer, ThreadingOSCTCPServer
        from pythonosc.tcp_client import AsyncDispatchTCPClient, TCPDispatchClient

        class Logging(TCPDispatchClient):
            dispatcher = Dispatcher()

            def send(self, content):
                print("send", content.address, content.params)
                super().send(content)

            def receive(self, timeout=None):
                packets = super().receive(timeout)
                print("receive", packets)
                return packets

        class Async(AsyncDispatchTCPClient):
            dispatcher = Dispatcher()

            async def receive(self, timeout=None):
                packets = await super().receive(timeout)
                print("receive", packets)
                return packets

        class Counting(Dispatcher):
            async def async_call_handlers_for_packet(self, data, client_address):
                print("packet", len(data))
                return await super().async_call_handlers_for_packet(data, client_address)

        async def main():
            with socket.socket() as sock:
                sock.bind(("127.0.0.1", 0))
                port = sock.getsockname()[1]
            dispatcher = Counting()
            dispatcher.map("/echo", lambda address, *args: ("/echoed", *args))
            server = AsyncOSCTCPServer("127.0.0.1", port, dispatcher)
            task = asyncio.create_task(server.start())
            await asyncio.sleep(0.3)
            async with Async("127.0.0.1", port) as client:
                client.dispatcher.map("/echoed", print)
                from pythonosc.osc_message_builder import build_msg
                await client.send(build_msg("/echo", 5))
                await client.handle_messages(0.3)
            await server.stop()
            try:
                await task
            except asyncio.CancelledError:
                pass

        served = Dispatcher()
        served.map("/echo", lambda address, *args: ("/echoed", *args))
        server = ThreadingOSCTCPServer(("127.0.0.1", 0), served)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        with Logging(*server.server_address) as client:
            client.dispatcher.map("/echoed", print)
            client.send_message("/echo", [1, "x"])
            client.handle_messages(0.3)
        server.shutdown()
        thread.join()
        server.server_close()
        asyncio.run(main())
    """,
    "mocks as handlers": """
        from unittest import mock
        from pythonosc import udp_client
        from pythonosc.dispatcher import Dispatcher
        from pythonosc.osc_message_builder import build_msg

        handler = mock.MagicMock(return_value=None)
        dispatcher = Dispatcher()
        dispatcher.map("/a", handler)
        dispatcher.call_handlers_for_packet(build_msg("/a", [1, "x"]).dgram, ("h", 1))
        print(handler.call_args_list)
        with mock.patch("pythonosc.udp_client.socket.socket") as made:
            udp_client.SimpleUDPClient("127.0.0.1", 9).send_message("/a", 1)
        print(made.return_value.sendto.call_args)
    """,
}


def output_of(text: str, library: str) -> str:
    warnings = ["-W", "error"] if library == "oscbridge" else []
    result = subprocess.run(
        [sys.executable, *warnings, "-c", dedent(text).replace("pythonosc", library)],
        capture_output=True,
        text=True,
        timeout=WAIT,
        check=False,
    )
    assert "Traceback" not in result.stderr, result.stderr
    assert "Warning" not in result.stderr, result.stderr
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.parametrize("name", PROGRAMS)
def test_program_prints_the_same_with_either_library(name: str) -> None:
    expected = output_of(PROGRAMS[name], "pythonosc")
    assert expected
    assert output_of(PROGRAMS[name], "oscbridge") == expected
