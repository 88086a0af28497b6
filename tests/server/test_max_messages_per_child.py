"""A forking server whose children handle several messages each."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from forking_program import UDP, ForkingProgram
from udp_sockets import udp_socket
from waiting import wait_until

from oscbridge.osc import Argument, Message, encode_bundle, encode_message

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="one message per child elsewhere")

Start = Callable[[str], ForkingProgram]
LIMITS = "server.max_messages_per_child, server.max_children = {}, {}\n"
ONE_CHILD, TWO, SEVERAL = (
    UDP.replace("\n", "; ") + LIMITS.format(1_000, count) for count in (1, 2, 4)
)
DEATHS = {
    "exit": "os._exit(1)",
    "SIGKILL": "os.kill(os.getpid(), signal.SIGKILL)",
    "SIGSEGV": "os.kill(os.getpid(), signal.SIGSEGV)",
    "sys.exit": "sys.exit(3)",
}


def osc(address: str, *args: Argument) -> bytes:
    return encode_message(Message.of(address, *args))


def pid_of(reply: bytes) -> int:
    return int.from_bytes(reply[-4:], "big")


def ask(program: ForkingProgram, sender: socket.socket) -> int:
    """The process ID of the child that handles the next message."""
    sender.sendto(osc("/pid"), program.address)
    return pid_of(sender.recv(1_000))


def is_asleep(pid: int) -> bool:
    """Whether a process waits in a system call."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "S"


def test_child_handles_messages_up_to_the_limit(start: Start, sender: socket.socket) -> None:
    program = start(UDP + LIMITS.format(5, 1))
    pids = [ask(program, sender) for _ in range(15)]
    assert [pids.count(pid) for pid in dict.fromkeys(pids)] == [5, 5, 5]
    program.until_no_children()
    assert program.stop()[:2] == ["failed 0 alive 0", "15 0 {} {}"]


def test_state_of_a_handler_lasts_as_long_as_its_child(start: Start, sender: socket.socket) -> None:
    program = start(
        'n = []\ndispatcher.map("/n", lambda address: n.append(1) or ("/n", len(n)))\n'
        + UDP
        + LIMITS.format(3, 1)
    )
    replies = []
    for _ in range(6):
        sender.sendto(osc("/n"), program.address)
        replies.append(sender.recv(1_000))
    assert replies == [osc("/n", n) for n in (1, 2, 3, 1, 2, 3)]


def test_bundle_is_not_split_at_the_limit(start: Start, sender: socket.socket) -> None:
    program = start(UDP + "server.max_messages_per_child = 2\n")
    sender.sendto(encode_bundle([osc("/pid")] * 5), program.address)
    assert len({sender.recv(1_000) for _ in range(5)}) == 1


@pytest.mark.parametrize("death", DEATHS)
def test_dead_child_costs_only_the_message_that_it_handled(
    death: str, start: Start, sender: socket.socket
) -> None:
    program = start(
        f"""
        dispatcher.map("/die", lambda address, *n: {DEATHS[death]})
        """
        + TWO
    )
    for n in range(200):
        sender.sendto(osc("/die" if n % 20 == 9 else "/say", n), program.address)
    said = sorted(int(program.line()) for _ in range(190))
    assert said == [n for n in range(200) if n % 20 != 9]
    lines = program.stop()
    assert lines[:2] == ["failed 10 alive 0", "200 0 {} {}"]


def test_killed_idle_child_costs_nothing(start: Start, sender: socket.socket) -> None:
    program = start(ONE_CHILD)
    pids = set()
    for _ in range(5):
        pids.add(pid := ask(program, sender))
        wait_until(lambda pid=pid: is_asleep(pid))
        os.kill(pid, signal.SIGKILL)
    assert len(pids) == 5
    assert program.stop()[:2] == ["failed 0 alive 0", "5 0 {} {}"]


def test_message_of_a_slow_child_does_not_delay_others(start: Start, sender: socket.socket) -> None:
    program = start(
        'dispatcher.map("/forever", lambda address, *n: (say("begun"), time.sleep(60)))\n'
        "ForkingOSCUDPServer.stop_timeout = 0.1\n" + SEVERAL
    )
    for n in range(100):
        sender.sendto(osc("/forever" if n % 40 == 5 else "/say", n), program.address)
    lines = [program.line() for _ in range(100)]
    assert lines.count("begun") == 3
    program.stop()


def test_busy_children_are_at_most_max_children(start: Start, sender: socket.socket) -> None:
    program = start(
        'dispatcher.map("/slow", lambda address, n: (time.sleep(0.02), say(n)) and None)\n'
        + SEVERAL
    )
    most = 0
    for n in range(60):
        sender.sendto(osc("/slow", n), program.address)
    done: list[str] = []
    while len(done) < 60:
        most = max(most, len(program.children()))
        done += program.lines_so_far()
    assert sorted(map(int, done)) == list(range(60))
    assert 1 < most <= 4


def test_idle_children_end_after_the_timeout_and_at_the_stop(
    start: Start, sender: socket.socket
) -> None:
    program = start(ONE_CHILD + "server.idle_timeout = 0.1\n")
    first = ask(program, sender)
    program.until_no_children()
    assert ask(program, sender) != first
    assert program.stop()[0] == "failed 0 alive 0"
    assert program.errors() == ""


def test_children_end_with_a_killed_server(start: Start, sender: socket.socket) -> None:
    program = start(ONE_CHILD)
    ask(program, sender)
    os.kill(program.pid, signal.SIGKILL)
    wait_until(lambda: not program.session())


@pytest.mark.parametrize("timeout", [0.1, 20.0])
def test_received_messages_are_handled_or_counted_at_the_stop(
    timeout: float, start: Start, sender: socket.socket
) -> None:
    program = start(
        """
        import atexit
        signal.signal(signal.SIGTERM, lambda *args: server.request_shutdown())
        atexit.register(lambda: say(dispatcher.statistics.routed,
                                    dispatcher.statistics.dropped.total()))
        dispatcher.map("/slow", lambda address, n: (say(n), time.sleep(0.05)) and None)
        """
        + TWO.replace("\n", f"; server.stop_timeout = {timeout}\n")
    )
    for n in range(40):
        sender.sendto(osc("/slow", n), program.address)
    assert program.line() in ("0", "1")  # of two children
    os.kill(program.pid, signal.SIGTERM)
    lines = program.wait()
    received, (routed, dropped) = int(lines[-2].split()[0]), map(int, lines[-1].split())
    assert received == routed + dropped
    assert len(lines) - 3 + 1 >= routed
    assert dropped <= 1 or timeout < 1


def test_overridden_methods_see_each_request(start: Start, sender: socket.socket) -> None:
    program = start(
        """
        class Mine(ForkingOSCUDPServer):
            def finish_request(self, request, client_address):
                print("finish", flush=True)
                super().finish_request(request, client_address)

            def handle_error(self, request, client_address):
                say("error", len(request[0]), repr(sys.exc_info()[1]))

        dispatcher.map("/bad", lambda address: 1 // 0)
        """
        + ONE_CHILD.replace("ForkingOSCUDPServer", "Mine")
    )
    pid = ask(program, sender)
    assert program.line() == "finish"
    sender.sendto(osc("/bad"), program.address)
    assert program.line() == "finish"
    assert program.line() == "error 12 ZeroDivisionError('integer division or modulo by zero')"
    assert ask(program, sender) == pid


def test_exception_of_an_overridden_method_costs_one_message(
    start: Start, sender: socket.socket
) -> None:
    program = start(
        """
        class Failing(ForkingOSCUDPServer):
            def finish_request(self, request, client_address):
                if b"/bad" in request[0]:
                    raise ValueError
                super().finish_request(request, client_address)

        dispatcher.map("/bad", lambda address: None)
        """
        + ONE_CHILD.replace("ForkingOSCUDPServer", "Failing")
    )
    sender.sendto(osc("/bad"), program.address)
    ask(program, sender)
    assert program.stop()[:2] == ["failed 1 alive 0", "2 0 {} {}"]


def test_refused_fork_is_counted_and_the_server_continues(
    start: Start, sender: socket.socket
) -> None:
    program = start(
        """
        real_fork = os.fork
        def fork():
            os.fork = real_fork
            say("refused")
            raise BlockingIOError(11, "no more processes")
        os.fork = fork
        dispatcher.map("/failed", lambda address: ("/failed", dispatcher.statistics.failed))
        """
        + ONE_CHILD
    )
    sender.sendto(osc("/pid"), program.address)
    assert program.line() == "refused"
    sender.sendto(osc("/failed"), program.address)
    assert sender.recv(1_000) == osc("/failed", 1)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_a_child(number: int, start: Start, sender: socket.socket) -> None:
    program = start(ONE_CHILD + "server.idle_timeout = 1_000\n")
    pid = ask(program, sender)
    os.kill(pid, number)
    wait_until(lambda: pid not in program.children())
    assert ask(program, sender) != pid


def test_ctrl_c_leaves_no_process(start: Start, sender: socket.socket) -> None:
    program = start(
        'dispatcher.map("/wait", lambda address: (say("begun"), time.sleep(60)))\n' + SEVERAL
    )
    sender.sendto(osc("/wait"), program.address)
    assert program.line() == "begun"
    os.killpg(program.pid, signal.SIGINT)  # like a terminal: to all processes
    assert program.wait()[0] == "failed 1 alive 0"


def test_socketserver_methods_work(start: Start, sender: socket.socket) -> None:
    program = start(
        """
        class Collecting(ForkingOSCUDPServer):
            def process_request(self, request, client_address):
                self.collect_children(blocking=True)
                super().process_request(request, client_address)
                assert self.active_children == self.children.ids
                say("children", len(self.active_children))

            def service_actions(self):
                self.collect_children()

        """
        + ONE_CHILD.replace("ForkingOSCUDPServer", "Collecting")
    )
    for _ in range(3):
        ask(program, sender)
        assert program.line() == "children 1"


def test_handle_request_serves_single_requests(start: Start, sender: socket.socket) -> None:
    program = start(
        """
        dispatcher.map("/n", lambda address, n: say("n", n))
        def serve(*args):
            for _ in range(3):
                server.handle_request()
            say("served")
            server.timeout = 0.01
            server.handle_timeout = lambda: say("timeout")
            server.handle_request()
            raise KeyboardInterrupt

        """
        + ONE_CHILD.replace("\n", "; server.serve_forever = serve\n")
    )
    for n in range(3):
        sender.sendto(osc("/n", n), program.address)
    lines = program.wait()
    assert sorted(lines[:5]) == ["n 0", "n 1", "n 2", "served", "timeout"]
    assert lines[5] == "failed 0 alive 0"


def test_large_packets_pass(start: Start, sender: socket.socket) -> None:
    program = start('dispatcher.map("/n", lambda address, data: say(len(data)))\n' + ONE_CHILD)
    for _ in range(20):
        sender.sendto(osc("/n", b"x" * 60_000), program.address)
    assert [program.line() for _ in range(20)] == ["60000"] * 20


@pytest.mark.parametrize("seed", range(3))
def test_randomly_killed_children_lose_at_most_one_message_each(
    seed: int, start: Start, sender: socket.socket
) -> None:
    program = start(SEVERAL)
    kills = 0
    deadline = time.monotonic() + 1.0
    sent = 0
    while time.monotonic() < deadline:
        for _ in range(20):
            sender.sendto(osc("/say", sent), program.address)
            sent += 1
        for pid in program.children()[seed::2]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                kills += 1
    wait_until(lambda: not udp_socket(program.address[1]).unread)
    dropped = udp_socket(program.address[1]).dropped
    # A program that is stopped ends after the packets that it has read.
    *said, failures, _ = program.stop()
    failed = int(failures.split()[1])
    assert failed <= kills
    assert sent - failed <= len(said) + dropped <= sent
