"""The forking servers. They run in separate programs, because this process has threads."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest
from forking_program import UDP, ForkingProgram

from oscbridge.osc import Argument, Message, TimeTag, encode_bundle, encode_message
from oscbridge.osc.framing import encode_slip

Start = Callable[[str], ForkingProgram]

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="os.fork is not available here")
pytestmark = needs_fork

TCP = 'server = ForkingOSCTCPServer(("127.0.0.1", 0), dispatcher)\n'


def osc(address: str, *args: Argument) -> bytes:
    return encode_message(Message.of(address, *args))


def soon(seconds: float) -> TimeTag:
    return TimeTag.from_unix_ns(time.time_ns() + round(seconds * 1e9))


# --- UDP ----------------------------------------------------------------------------------------


def test_each_packet_is_handled_in_its_own_process(start: Start, sender: socket.socket) -> None:
    program = start(UDP)
    pids = []
    for _ in range(20):
        sender.sendto(osc("/pid"), program.address)
        data, source = sender.recvfrom(1_000)
        assert source == program.address  # the reply comes from the server's own port
        pids.append(int.from_bytes(data[-4:], "big"))
    assert len(set(pids)) == 20
    assert program.pid not in pids


def test_handler_changes_nothing_in_the_server(start: Start, sender: socket.socket) -> None:
    program = start(
        """
        count = []
        dispatcher.map("/count", lambda address: count.append(1) or ("/count", len(count)))
        """
        + UDP
    )
    for _ in range(3):
        sender.sendto(osc("/count"), program.address)
        assert sender.recv(1_000) == osc("/count", 1)


def test_bundle_is_handled_in_one_process(start: Start, sender: socket.socket) -> None:
    program = start(UDP)
    sender.sendto(encode_bundle([osc("/pid")] * 3), program.address)
    assert len({sender.recv(1_000) for _ in range(3)}) == 1


def test_output_of_a_child_is_written_once(start: Start, sender: socket.socket) -> None:
    program = start(
        """
        def prints(address, n):
            print("child", n)  # never flushed

        class Printing(ForkingOSCUDPServer):
            def process_request(self, request, client_address):
                print("parent")  # waits in the buffer when the child is forked
                super().process_request(request, client_address)

        dispatcher.map("/n", prints)
        """
        + UDP.replace("ForkingOSCUDPServer", "Printing")
    )
    for n in range(10):
        sender.sendto(osc("/n", n), program.address)
    lines = [program.line() for _ in range(20)] + program.stop()[:-2]
    assert sorted(lines) == sorted([f"child {n}" for n in range(10)] + ["parent"] * 10)


def test_max_children_bounds_the_processes_and_a_burst_waits_in_the_socket(
    start: Start, sender: socket.socket
) -> None:
    program = start(
        """
        dispatcher.map("/slow", lambda address, n: (time.sleep(0.05), say("done", n)) and None)
        ForkingOSCUDPServer.max_children = 4
        """
        + UDP
    )
    most = 0
    for n in range(40):
        sender.sendto(osc("/slow", n), program.address)
    done = []
    while len(done) < 40:
        most = max(most, len(program.children()))
        done += program.lines_so_far()
    assert sorted(done) == sorted(f"done {n}" for n in range(40))
    assert 1 < most <= 4


def test_every_child_is_reaped(start: Start, sender: socket.socket) -> None:
    program = start(UDP)
    for _ in range(100):
        sender.sendto(osc("/pid"), program.address)
    for _ in range(100):
        sender.recv(1_000)
    program.until_no_children()
    assert program.stop()[0] == "failed 0 alive 0"


@pytest.mark.parametrize(
    "death",
    ["os._exit(1)", "os.kill(os.getpid(), signal.SIGKILL)", "sys.exit(3)", "sys.exit('why')",
     "sys.exit(256 + 7)", "sys.exit(1 << 40 | 1)"],
)  # fmt: skip
def test_dead_child_costs_one_message_and_is_counted(
    death: str, start: Start, sender: socket.socket
) -> None:
    program = start(f'dispatcher.map("/die", lambda address: {death})\n' + UDP)
    for _ in range(3):
        sender.sendto(osc("/die"), program.address)
        sender.sendto(osc("/pid"), program.address)
        sender.recv(1_000)
    program.until_no_children()
    assert program.stop()[0] == "failed 3 alive 0"


def test_handler_that_exits_without_a_code_has_not_failed(
    start: Start, sender: socket.socket
) -> None:
    program = start('dispatcher.map("/exit", lambda address: (say("exits"), sys.exit()))\n' + UDP)
    sender.sendto(osc("/exit"), program.address)
    assert program.line() == "exits"
    program.until_no_children()
    assert program.stop()[0] == "failed 0 alive 0"


def test_invalid_and_unmatched_packets_start_no_process(
    start: Start, sender: socket.socket
) -> None:
    program = start(
        """
        forks = []
        real_fork = os.fork
        os.fork = lambda: forks.append(1) or real_fork()
        dispatcher.map("/forks", lambda address: ("/forks", len(forks)))
        """
        + UDP
    )
    for data in (b"", b"nope", b"/a\0\0,x\0\0", b"#bundle\0", osc("/nobody"), osc("/no/*")):
        for _ in range(10):
            sender.sendto(data, program.address)
    sender.sendto(osc("/forks"), program.address)
    assert sender.recv(1_000) == osc("/forks", 1)
    assert program.stop()[1] == "21 20 {'address': 20, 'type': 10, 'bundle': 10} {}"


def test_future_bundle_waits_in_the_parent_and_runs_once(
    start: Start, sender: socket.socket
) -> None:
    program = start(
        """
        dispatcher.map("/at", lambda address, n: ("/at", n, time.time_ns(), os.getpid()),)
        """.replace("time.time_ns()", "float(time.time())")
        + UDP
    )
    due = soon(0.6)
    sender.sendto(encode_bundle([osc("/print", "later")], due), program.address)
    for _ in range(5):  # children forked while it waits must not run it
        sender.sendto(osc("/pid"), program.address)
        sender.recv(1_000)
    program.until_no_children()
    assert time.time_ns() < due.unix_ns()
    assert program.line() == "later"
    assert time.time_ns() >= due.unix_ns()
    program.until_no_children()
    assert program.stop()[0] == "failed 0 alive 0"


def test_messages_of_a_future_bundle_run_in_order_in_one_process(
    start: Start, sender: socket.socket
) -> None:
    program = start('dispatcher.map("/n", lambda address, n: ("/n", n, os.getpid()))\n' + UDP)
    sender.sendto(encode_bundle([osc("/n", n) for n in range(5)], soon(0.1)), program.address)
    replies = [sender.recv(1_000) for _ in range(5)]
    assert [reply[8 + 3] for reply in replies] == list(range(5))
    assert len({reply[-4:] for reply in replies}) == 1


@pytest.mark.parametrize("too_early", ["run", "drop"])
def test_too_early_messages_start_no_waiting_process(
    too_early: str, start: Start, sender: socket.socket
) -> None:
    program = start(
        f"""
        from oscbridge.dispatch.scheduler import Scheduler
        dispatcher.scheduler = Scheduler(0, too_early="{too_early}")
        """
        + UDP
    )
    sender.sendto(encode_bundle([osc("/say", "far")], soon(1_000)), program.address)
    sender.sendto(osc("/say", "now"), program.address)
    lines = {program.line()} if too_early == "drop" else {program.line(), program.line()}
    assert lines == ({"now"} if too_early == "drop" else {"far", "now"})
    program.until_no_children()


def test_verify_request_decides_before_there_is_a_process(
    start: Start, sender: socket.socket
) -> None:
    program = start(
        """
        class Choosy(ForkingOSCUDPServer):
            def verify_request(self, request, client_address):
                return b"bad" not in request[0]
        """
        + UDP.replace("ForkingOSCUDPServer", "Choosy")
    )
    sender.sendto(osc("/say", "bad"), program.address)
    sender.sendto(osc("/say", "good"), program.address)
    assert program.line() == "good"
    assert program.stop() == ["failed 0 alive 0", "1 0 {'refused': 1} {}"]


def test_packets_from_outside_allow_start_no_process(
    start: Start, sender: socket.socket, udp_socket: Callable[..., socket.socket]
) -> None:
    program = start(UDP + 'server.allow = AllowList(["127.0.0.2"])\n')
    sender.sendto(osc("/say", "stranger"), program.address)
    udp_socket("127.0.0.2").sendto(osc("/say", "friend"), program.address)
    assert program.line() == "friend"
    assert program.stop() == ["failed 0 alive 0", "1 0 {'not_allowed': 1} {}"]


def test_failed_fork_is_counted_and_the_server_continues(
    start: Start, sender: socket.socket
) -> None:
    program = start(
        """
        forks = []
        real_fork = os.fork
        def fork():
            forks.append(1)
            if len(forks) <= 2:
                say("refused")
                raise BlockingIOError(11, "no more processes")
            return real_fork()
        os.fork = fork
        dispatcher.map("/failed", lambda address: ("/failed", dispatcher.statistics.failed))
        """
        + UDP
    )
    sender.sendto(osc("/pid"), program.address)
    sender.sendto(encode_bundle([osc("/pid")], soon(0.1)), program.address)
    assert [program.line() for _ in range(2)] == ["refused", "refused"]
    sender.sendto(osc("/failed"), program.address)
    assert sender.recv(1_000) == osc("/failed", 2)


def test_broken_output_stream_does_not_stop_the_server(start: Start, sender: socket.socket) -> None:
    program = start(
        """
        class Broken:
            def write(self, text):
                pass

            def flush(self):
                raise BrokenPipeError

        out = sys.stdout
        sys.stdout = Broken()

        def say(*words):
            print(*words, file=out, flush=True)

        """
        + UDP
    )
    sender.sendto(osc("/pid"), program.address)
    sender.recv(1_000)
    program.until_no_children()


@pytest.mark.parametrize("server", [UDP, TCP], ids=["udp", "tcp"])
def test_closing_ends_children_that_never_return(server: str, start: Start) -> None:
    program = start(
        """
        def forever(address):
            say("begun")
            while True:
                time.sleep(60)

        def ignores(address):
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            forever(address)

        dispatcher.map("/forever", forever)
        dispatcher.map("/ignores", ignores)
        ForkingOSCUDPServer.stop_timeout = ForkingOSCTCPServer.stop_timeout = 0.1
        """
        + server
    )
    sockets = []
    for address in ("/forever", "/ignores", "/forever"):
        if server == UDP:
            sockets.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            sockets[-1].connect(program.address)
            sockets[-1].send(osc(address))
        else:
            sockets.append(socket.create_connection(program.address))
            sockets[-1].sendall(b"\xc0" + osc(address) + b"\xc0")
        assert program.line() == "begun"
    started = time.monotonic()
    lines = program.stop()
    assert time.monotonic() - started < 10
    assert lines[0] == "failed 3 alive 0"
    for sock in sockets:
        sock.close()


@pytest.mark.parametrize("server", [UDP, TCP], ids=["udp", "tcp"])
def test_ctrl_c_leaves_no_process(server: str, start: Start) -> None:
    program = start(
        'dispatcher.map("/wait", lambda address: (say("begun"), time.sleep(60)))\n' + server
    )
    kind = socket.SOCK_DGRAM if server == UDP else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.connect(program.address)
        sock.send(osc("/wait") if server == UDP else b"\xc0" + osc("/wait") + b"\xc0")
        assert program.line() == "begun"
        os.killpg(program.pid, signal.SIGINT)  # like a terminal: to all processes
        assert program.wait()[0] == "failed 1 alive 0"


def test_interrupts_during_a_fork_make_no_second_parent(
    start: Start, sender: socket.socket
) -> None:
    program = start(
        """
        signal.signal(signal.SIGTERM, lambda *args: os.write(1, b"interrupted\\n"))
        real_fork = os.fork
        def fork():
            os.kill(os.getpid(), signal.SIGTERM)  # between the fork and all that follows
            pid = real_fork()
            if pid == 0:
                os.kill(os.getpid(), signal.SIGTERM)
            return pid
        os.fork = fork
        """
        + UDP
    )
    for _ in range(5):
        sender.sendto(osc("/say", "handled"), program.address)
    assert [program.line() for _ in range(5)] == ["interrupted"] * 5  # the parent, and no child
    program.until_no_children()
    assert program.stop()[0] == "failed 5 alive 0"


# --- TCP ----------------------------------------------------------------------------------------

Connect = Callable[..., Any]


@pytest.mark.parametrize(
    ("mode", "wire"), [("1.0", "1.0"), ("1.1", "1.1"), ("auto", "1.0"), ("auto", "1.1")]
)
def test_each_connection_is_served_in_its_own_process(
    mode: str, wire: str, start: Start, connect: Connect
) -> None:
    program = start(TCP.replace(", dispatcher)", f', dispatcher, mode="{mode}")'))
    clients = [connect(program.address, wire) for _ in range(5)]
    pids = []
    for _ in range(2):
        for client in clients:
            client.send("/pid")
        pids.append([client.receive().args[0] for client in clients])
    assert pids[0] == pids[1]
    assert len(set(pids[0]) | {program.pid}) == 6
    for client in clients:
        client.finish()
        assert client.is_ended()
    program.until_no_children()
    assert program.stop()[0] == "failed 0 alive 0"


def test_connections_above_max_children_are_rejected_and_counted(
    start: Start, connect: Connect
) -> None:
    program = start("ForkingOSCTCPServer.max_children = 2\n" + TCP)
    guests = [connect(program.address) for _ in range(2)]
    for guest in guests:
        guest.send("/pid")
        guest.receive()
    assert connect(program.address).is_ended()
    guests[0].finish()
    assert guests[0].is_ended()
    guests[1].send("/pid")
    guests[1].receive()
    assert program.stop()[1] == "0 0 {} {'max_connections': 1}"


def test_client_outside_allow_starts_no_process(start: Start, connect: Connect) -> None:
    program = start(TCP + 'server.allow = AllowList(["127.0.0.2"])\n')
    assert connect(program.address).is_ended()
    with socket.create_connection(program.address, source_address=("127.0.0.2", 0)) as friend:
        friend.sendall(encode_slip(osc("/pid")))
        assert b"/pid" in friend.recv(100)
    program.until_no_children()
    assert program.stop() == ["failed 0 alive 0", "0 0 {} {'not_allowed': 1}"]


def test_one_address_leaves_processes_for_others(start: Start, connect: Connect) -> None:
    program = start(TCP + "server.limits = StreamLimits(max_connections_per_address=1)\n")
    guest = connect(program.address)
    guest.send("/pid")
    guest.receive()
    assert connect(program.address).is_ended()
    with socket.create_connection(program.address, source_address=("127.0.0.2", 0)) as other:
        other.sendall(encode_slip(osc("/pid")))
        assert b"/pid" in other.recv(100)
    assert program.stop()[1] == "0 0 {} {'max_connections_per_address': 1}"


def test_max_children_closes_and_counts_further_connections(start: Start, connect: Connect) -> None:
    program = start(
        """
        real_fork = os.fork
        def fork():
            os.fork = real_fork
            raise BlockingIOError(11, "no more processes")
        os.fork = fork
        dispatcher.map("/failed", lambda address: ("/failed", dispatcher.statistics.failed))
        """
        + TCP
    )
    assert connect(program.address).is_ended()
    client = connect(program.address)
    client.send("/failed")
    assert client.receive() == Message.of("/failed", 1)


def test_future_bundle_over_tcp_runs_at_its_time_in_its_process(
    start: Start, connect: Connect
) -> None:
    program = start(TCP)
    client = connect(program.address)
    due = soon(0.3)
    client.send_packet(encode_bundle([osc("/pid")], due), osc("/pid"))
    client.finish()  # its messages wait nevertheless
    pids = [client.receive().args[0]]
    assert time.time_ns() < due.unix_ns()
    program.until_no_children()
    assert time.time_ns() >= due.unix_ns()
    assert pids != [program.pid]


def test_killed_child_ends_only_its_connection(start: Start, connect: Connect) -> None:
    program = start(TCP)
    first, second = connect(program.address), connect(program.address)
    first.send("/pid")
    second.send("/pid")
    second.receive()
    os.kill(first.receive().args[0], signal.SIGKILL)
    assert first.is_ended()
    second.send("/pid")
    second.receive()
    assert program.stop()[0] == "failed 2 alive 0"  # the second was ended by the stop
