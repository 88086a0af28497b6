"""Receive + decode + dispatch: the CPU time that it takes to drain a full UDP socket."""

from __future__ import annotations

import asyncio
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from figures import Figure
from measured import Goal
from table import show

MESSAGES = 4_000
ROUNDS, TURNS, FEW_TURNS = (
    7,
    5,
    3,
)  # receivers alternate, because the speed of a machine varies over time
ADDRESSES = (1, 200, 1_000)
PACKET = b"/mixer/ch/0000/fader\0\0\0\0,f\0\0\x3f\0\0\0"
BUFFER = 16 << 20
SO_RCVBUFFORCE = 33  # Linux, for root: above net.core.rmem_max


def enlarge(sock: socket.socket) -> None:
    """A receive buffer that holds a round. Raises if the system does not grant one."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
    except OSError:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
    if sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) < MESSAGES * 1_000:
        raise RuntimeError("the receive buffer is too small: raise net.core.rmem_max")


def packet_for(addresses: int) -> bytes:
    """A message to the one in the middle of the mapped addresses: liblo looks at half of them."""
    return PACKET.replace(b"0000", b"%04d" % (addresses // 2))


def fill(port: int, packet: bytes = PACKET) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.connect(("127.0.0.1", port))
        for _ in range(MESSAGES):
            sender.send(packet)


class Count:
    """A handler that counts and, at the last message, calls ``done``."""

    def __init__(self) -> None:
        self.left = 0
        self.done: Callable[[], None] = lambda: None

    def __call__(self, _address: str, _value: float) -> None:
        self.left -= 1
        if not self.left:
            self.done()


def mapped(dispatcher_class: type, addresses: int, count: Count) -> object:
    dispatcher = dispatcher_class()
    for index in range(addresses):
        dispatcher.map(f"/mixer/ch/{index:04d}/fader", count)
    return dispatcher


def blocking(server_class: type, dispatcher_class: type, addresses: int) -> list[float]:
    count = Count()
    times = []
    dispatcher = mapped(dispatcher_class, addresses, count)
    with server_class(("127.0.0.1", 0), dispatcher) as server:
        enlarge(server.socket)

        def stop() -> None:
            # Both servers check it after each packet or batch.
            if hasattr(server, "request_shutdown"):
                server.request_shutdown()
            else:
                server._BaseServer__shutdown_request = True

        for _ in range(ROUNDS):
            fill(server.server_address[1], packet_for(addresses))
            count.left, count.done = MESSAGES, stop
            begin = time.process_time()
            server.serve_forever()
            times.append(time.process_time() - begin)
    return times


def on_loop(server_class: type, dispatcher_class: type, addresses: int) -> list[float]:
    async def run() -> list[float]:
        count = Count()
        loop = asyncio.get_running_loop()
        dispatcher = mapped(dispatcher_class, addresses, count)
        transport, _ = await server_class(
            ("127.0.0.1", 0), dispatcher, loop
        ).create_serve_endpoint()
        enlarge(transport.get_extra_info("socket"))
        times = []
        for _ in range(ROUNDS):
            fill(transport.get_extra_info("sockname")[1], packet_for(addresses))
            done = asyncio.Event()
            count.left, count.done = MESSAGES, done.set
            begin = time.process_time()
            await done.wait()
            times.append(time.process_time() - begin)
        transport.close()
        await asyncio.sleep(0)
        return times

    return asyncio.run(run())


def measure(package: str, mode: str, addresses: int) -> list[float]:
    if package == "oscbridge":
        from oscbridge.dispatcher import Dispatcher
        from oscbridge.osc_server import AsyncIOOSCUDPServer, BlockingOSCUDPServer
    else:
        from pythonosc.dispatcher import Dispatcher
        from pythonosc.osc_server import AsyncIOOSCUDPServer, BlockingOSCUDPServer
    if mode == "blocking":
        return blocking(BlockingOSCUDPServer, Dispatcher, addresses)
    return on_loop(AsyncIOOSCUDPServer, Dispatcher, addresses)


def run(command: list[str]) -> list[float]:
    """Seconds of each round, as printed by a receiver in a separate process."""
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: list[float] = json.loads(done.stdout)
    return found


def receiver(package: str, mode: str, addresses: int) -> list[str]:
    return [sys.executable, __file__, package, mode, str(addresses)]


def microseconds(seconds: list[float]) -> float:
    """Per message, the median."""
    return statistics.median(seconds) / MESSAGES * 1e6


def compile_liblo(folder: str) -> str:
    """The yardstick in C, compiled."""
    program = str(Path(folder) / "drain_liblo")
    source = Path(__file__).with_name("drain_liblo.c")
    subprocess.run(["gcc", "-O2", "-o", program, str(source), "-llo"], check=True)
    return program


def figures() -> Iterator[Figure]:
    for mode in ("blocking", "asyncio"):
        for addresses in ADDRESSES:
            cost = microseconds(run(receiver("oscbridge", mode, addresses)))
            yield Figure(f"{mode}, {addresses} mapped", cost, "µs/message", "lower")


LIBLO = "liblo in C"
RECEIVERS = {
    f"{name}, {mode}": (package, mode)
    for name, package in (("python-osc", "pythonosc"), ("oscbridge", "oscbridge"))
    for mode in ("blocking", "asyncio")
}


def costs(turns: int, names: Iterable[str]) -> dict[tuple[str, int], float]:
    """Microseconds per message, by receiver and number of addresses; the receivers alternate."""
    found: dict[tuple[str, int], float] = {}
    with tempfile.TemporaryDirectory() as folder:
        program = compile_liblo(folder)
        for addresses in ADDRESSES:
            commands = {LIBLO: [program, str(addresses), str(MESSAGES), str(ROUNDS)]}
            for name in names:
                commands[name] = receiver(*RECEIVERS[name], addresses)
            times: dict[str, list[float]] = {name: [] for name in commands}
            for _ in range(turns):
                for name, command in commands.items():
                    times[name] += run(command)
            for name, seconds in times.items():
                found[name, addresses] = microseconds(seconds)
    return found


def goals() -> Iterator[Goal]:
    ours = [name for name in RECEIVERS if name.startswith("oscbridge")]
    found = costs(FEW_TURNS, ours)
    for name in ours:
        for addresses, limit in ((1, 0.85), (1_000, 0.4)):
            mode = name.removeprefix("oscbridge, ")
            yield Goal(
                f"receive, {mode}, {addresses:,} address{'es' * (addresses > 1)} mapped",
                *(found[name, addresses], "µs", limit, "liblo", found[LIBLO, addresses]),
            )


def report() -> None:
    found = costs(TURNS, RECEIVERS)
    columns = ["", *(f"{n} mapped" for n in ADDRESSES)]
    rows = []
    for label in (LIBLO, *RECEIVERS):
        rows.append([label, *(f"{found[label, n]:.2f}" for n in ADDRESSES)])
    show(
        f"UDP: receive + decode + dispatch, µs of CPU time per message "
        f"(full socket, {MESSAGES} messages, median of {TURNS * ROUNDS})",
        columns,
        rows,
    )
    rows = []
    for mode in ("blocking", "asyncio"):
        for peer in (f"python-osc, {mode}", LIBLO):
            ratios = [found[peer, n] / found[f"oscbridge, {mode}", n] for n in ADDRESSES]
            rows.append([f"oscbridge, {mode}, against {peer}", *(f"{r:.1f} ×" for r in ratios)])
    show("How many times less", columns, rows)


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
