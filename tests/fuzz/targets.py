"""Targets of fuzzing, measurements, and the conditions of a failure."""

from __future__ import annotations

import io
import itertools
import random
import resource
import socket
import struct
import threading
import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from oscbridge.dispatcher import Dispatcher
from oscbridge.errors import DecodeError
from oscbridge.osc import Message, decode_packet, encode_bundle, encode_message
from oscbridge.osc.framing import stream_decoder
from oscbridge.osc_server import BlockingOSCUDPServer
from oscbridge.recording.format import (
    Record,
    Recording,
    RecordingError,
    encode_end,
    encode_header,
    encode_record,
)

SLOWEST = 0.050
"""Maximum processor time per packet, in seconds."""
GROWTH = 50.0
"""Maximum growth of the process, in MB."""
TIMES_ORDINARY = 4
"""Maximum cost of a datagram full of patterns, as a multiple of ordinary addresses."""
STREAM_LIMIT = 4_096
NOBODY = ("127.0.0.1", 9)


@dataclass
class Outcome:
    """The measurements of a run."""

    packets: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    slowest_packet: bytes = b""
    slowest_bundle: float = 0.0
    growth: float = 0.0
    errors: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        rate = self.packets / self.seconds if self.seconds else 0
        text = (
            f"{self.packets} packets in {self.seconds:.1f} s, {rate:,.0f}/s, slowest "
            f"{self.slowest * 1e3:.1f} ms, memory +{self.growth:.1f} MB"
        )
        if self.slowest_bundle:
            text += f"; a datagram full of patterns {self.slowest_bundle * 1e3:.1f} ms"
        return text

    def failures(self) -> list[str]:
        found = list(self.errors)
        if self.slowest > SLOWEST:
            packet = self.slowest_packet[:200]
            found.append(f"a packet took {self.slowest * 1e3:.1f} ms: {packet!r}")
        if self.growth > GROWTH:
            found.append(f"memory grew by {self.growth:.1f} MB")
        return found

    def took(self, seconds: float, packet: bytes) -> None:
        if seconds > self.slowest:
            self.slowest, self.slowest_packet = seconds, packet


def resident() -> float:
    """Current memory of the process in MB; its peak where the system does not report it."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return pages * resource.getpagesize() / 1e6


def dispatcher_with(addresses: int, patterns: bool = True) -> Dispatcher:
    """Handlers at ``count`` addresses, some of them with wildcards."""
    dispatcher = Dispatcher()
    for number in range(addresses):
        if patterns and number % 10 == 0:
            address = f"/mixer/ch/{number:03d}/{{part}}/*"
        else:
            address = f"/mixer/ch/{number:03d}/fader/level"
        dispatcher.map(address, lambda address, *args, **captures: None)
    return dispatcher


def flood_of_packets(packets: Iterable[bytes], seconds: float = 900.0) -> Outcome:
    """Packets through the codec, a dispatcher, both framings and a server."""
    outcome = Outcome()
    readers = Readers()
    readers.read(b"/a\0\0")
    before = resident()
    began = time.monotonic()
    with Server() as server:
        for packet in packets:
            spent = readers.read(packet)
            if spent > SLOWEST / 4:  # or it was the garbage collector, or another program
                spent = min(readers.read(packet) for _ in range(5))
            outcome.took(spent, packet)
            outcome.packets += 1
            server.send(packet)
            if outcome.packets % 1_000 == 0:
                outcome.growth = max(outcome.growth, resident() - before)
                if time.monotonic() - began > seconds or len(readers.errors) > 20:
                    outcome.errors.append(f"gave up after {outcome.packets} packets")
                    break
        if not server.answers():
            outcome.errors.append("the server does not answer any more")
    outcome.errors += readers.errors
    outcome.seconds = time.monotonic() - began
    return outcome


class Readers:
    """Everything that reads packets without a socket, and its unexpected errors."""

    def __init__(self) -> None:
        self.errors: list[str] = []
        self._dispatcher = dispatcher_with(200)
        self._dispatcher.map("/mixer/*/fader", lambda address, *args: ("/ok", *args))
        self._streams = {
            mode: stream_decoder(mode, STREAM_LIMIT) for mode in ("1.0", "1.1", "auto")
        }

    def read(self, packet: bytes) -> float:
        """Feed a packet to all readers. Returns the seconds of processor time."""
        started = time.thread_time()
        try:
            decode_packet(packet)
        except DecodeError:
            pass
        except BaseException as error:
            self.errors.append(f"decode_packet raised {error!r} for {packet!r}")
        try:
            self._dispatcher.dispatch(packet, NOBODY, reply)
        except BaseException as error:
            self.errors.append(f"dispatch raised {error!r} for {packet!r}")
        for mode in self._streams:
            try:
                self._feed(mode, packet)
            except BaseException as error:
                self.errors.append(f"{mode} raised {error!r} for {packet!r}")
                self._streams[mode] = stream_decoder(mode, STREAM_LIMIT)
        spent = time.thread_time() - started
        self._dispatcher.scheduler.clear()
        return spent

    def _feed(self, mode: str, packet: bytes) -> None:
        decoder = self._streams[mode]
        decoder.feed(packet)
        if decoder.error is not None:
            self._streams[mode] = stream_decoder(mode, STREAM_LIMIT)
        elif decoder.pending >= STREAM_LIMIT + 4:
            self.errors.append(f"{mode} holds {decoder.pending} bytes")


def reply(_client: object, _result: object) -> None:
    pass


class Server:
    """A blocking server on loopback, which receives each packet as well."""

    def __enter__(self) -> Server:
        self._dispatcher = dispatcher_with(50)
        self._dispatcher.map("/fuzz/answer", lambda address, *args: ("/fuzz/answer", *args))
        self._server = BlockingOSCUDPServer(("127.0.0.1", 0), self._dispatcher)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.connect(self._server.server_address)
        self._sock.settimeout(0.5)
        self._count = 0
        return self

    def __exit__(self, *_exception: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._sock.close()

    def send(self, packet: bytes) -> None:
        self._sock.send(packet)
        self._count += 1
        if self._count % 100 == 0:
            self.answers()  # wait for it, so that the socket does not lose the packets

    def answers(self) -> bool:
        packet = encode_message(Message.of("/fuzz/answer", self._count))
        for _ in range(20):
            self._sock.send(packet)
            try:
                while self._sock.recv(65_536) != packet:
                    pass
            except TimeoutError:
                continue
            return True
        return False


# --- patterns -----------------------------------------------------------------------------------


def hostile_patterns() -> Iterator[str]:
    """The most expensive known patterns within the limits."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    pairs = ["".join(pair) for pair in itertools.product("/mixerchfadlv", repeat=2)]
    yield "/**********x"
    yield "//*" + "*/" * 20 + "x"
    yield "/" + "*a" * 31 + "b"
    yield "//" + "*e*" * 15
    yield "//*" + "{m,i,x,e,r}*" * 14 + "l"
    yield "/{" * 30 + "}" * 30
    yield "/{a,b" * 80
    yield "//{" + ",".join(pairs[:160]) + "}*"
    yield "//*{" + ",".join(letters) + "}*{" + ",".join(pairs[:140]) + "}"
    yield "//{" + ",".join("mixer"[:n] * 1 + "/ch"[:m] for n in range(6) for m in range(4)) + "}*"
    yield "//*[" + letters * 17 + "]*[!" + letters + "]"
    yield "//*[" + "a-z" * 150 + "]*"
    yield "//*[!" + "".join(chr(0x100 + n) + "-" + chr(0x110 + n) for n in range(90)) + "]*"
    yield "//*" + "[!a-b]*" * 30
    yield "//*" + "[a-y][b-z]" * 15 + "*"
    yield "//*" + "?" * 28 + "*"
    yield "/mixer/ch/*/fader/level" + "*" * 400
    yield "/mixer" + "//" * 200 + "level"
    yield "/" + "m" * 509
    yield "/mixer/ch/???/{fader,pan}/l*"
    yield "//*"


def hostile_bundles(addresses: int = 1_000) -> Outcome:
    """Each hostile pattern alone, and as many different ones like it as fit into a datagram.

    A bundle has no separate limit: it must not cost much more than a bundle of ordinary
    addresses that are not cached.
    """
    outcome = Outcome()
    began = time.monotonic()
    before = resident()
    dispatcher = dispatcher_with(addresses, patterns=False)
    ordinary = encode_bundle([encode_message(Message(f"/{n:06x}")) for n in range(4_000)])
    bound = max(SLOWEST, TIMES_ORDINARY * seconds_for(dispatcher, ordinary))
    for pattern in hostile_patterns():
        packet = encode_message(Message(pattern[:512]))
        outcome.took(seconds_for(dispatcher, packet), packet)
        bundle = bundle_of(pattern)
        seconds = seconds_for(dispatcher, bundle, 1)
        if seconds > bound:  # another process may have disturbed it
            seconds = seconds_for(dispatcher, bundle)
        outcome.slowest_bundle = max(outcome.slowest_bundle, seconds)
        if seconds > bound:
            outcome.errors.append(f"a bundle of {pattern[:50]} took {seconds * 1e3:.0f} ms")
        outcome.packets += 2
    outcome.growth = resident() - before
    outcome.seconds = time.monotonic() - began
    return outcome


def bundle_of(pattern: str) -> bytes:
    """The largest bundle of different patterns like this one."""
    elements: list[bytes] = []
    size = 16
    for number in itertools.count():
        element = encode_message(Message(f"{pattern[:500]}{{{number:x},}}"))
        size += 4 + len(element)
        if size > 65_507:
            break
        elements.append(element)
    return encode_bundle(elements)


def seconds_for(dispatcher: Dispatcher, packet: bytes, rounds: int = 3) -> float:
    """Processor time of a packet that is not cached, the minimum of some rounds."""
    best = float("inf")
    for _ in range(rounds):
        dispatcher.map("/forget", reply)  # clears the cache
        dispatcher.unmap("/forget", reply)
        started = time.thread_time()
        dispatcher.dispatch(packet, NOBODY, reply)
        best = min(best, time.thread_time() - started)
    return best


# --- memory -------------------------------------------------------------------------------------


def flood_of_addresses(count: int, seconds: float = 900.0) -> Outcome:
    """Packets that all have different addresses, and patterns that all match everything."""
    outcome = Outcome()
    dispatcher = dispatcher_with(200)
    dice = random.Random(count)
    warm = 50_000  # enough to fill everything that is bounded
    before = 0.0
    began = time.monotonic()
    for number in range(count + warm):
        if number == warm:
            before = resident()
        if number % 500:
            packet = b"/%08x/%08x\0\0,i\0\0" % (number, dice.getrandbits(32))
            packet += struct.pack(">i", number)
        else:
            packet = encode_message(Message(f"//*{{,{number}}}"))
        dispatcher.dispatch(packet, NOBODY, reply)
        outcome.packets += 1
        if number % 10_000 == 0 and number > warm:
            outcome.growth = max(outcome.growth, resident() - before)
            if time.monotonic() - began > seconds:
                outcome.errors.append(f"gave up after {number} packets")
                break
    if dispatcher.statistics.bad:
        outcome.errors.append(f"bad packets: {dict(dispatcher.statistics.bad)}")
    outcome.seconds = time.monotonic() - began
    return outcome


# --- recordings ---------------------------------------------------------------------------------

RECORDS = [
    Record(number * 1_000, "in" if number % 3 else "out", "stage", "127.0.0.1:9000", packet)
    for number, packet in enumerate([b"", b"junk", b"/a\0\0,i\0\0\0\0\0\1", bytes(300)] * 3)
]
PARTS = [encode_header(1 << 60), *map(encode_record, RECORDS), encode_end(1 << 40)]


def flood_of_recordings(bodies: Iterable[bytes], seconds: float = 900.0) -> Outcome:
    """Feed damaged recordings to their reader.

    Each of ``bodies`` makes two: one that holds it as a frame with a good checksum, and one
    that has its bytes in the place of others, which the checksum must detect.
    """
    outcome = Outcome()
    dice = random.Random(1)
    whole = b"".join(PARTS)
    before = resident()
    began = time.monotonic()
    for body in bodies:
        place = dice.randrange(1, len(PARTS))
        _read_recording(b"".join([*PARTS[:place], _frame(body), *PARTS[place:]]), None, outcome)
        place = dice.randrange(len(whole))
        changed = whole[:place] + body + whole[place + dice.choice((0, len(body), 4, 10_000)) :]
        _read_recording(changed, RECORDS, outcome)
        outcome.packets += 1
        if time.monotonic() - began > seconds or len(outcome.errors) > 20:
            outcome.errors.append(f"gave up after {outcome.packets} recordings")
            break
    outcome.growth = resident() - before
    outcome.seconds = time.monotonic() - began
    return outcome


def _frame(body: bytes) -> bytes:
    size = struct.pack(">I", len(body))
    return size + struct.pack(">I", zlib.crc32(size + body)) + body


def _read_recording(data: bytes, known: Sequence[Record] | None, outcome: Outcome) -> None:
    """Read a recording; its records must be the first of the known records."""
    found: list[Record] = []
    offset = len(data)
    started = time.thread_time()
    try:
        for record in Recording(io.BytesIO(data)):
            found.append(record)
    except RecordingError as error:
        offset = error.offset
    except BaseException as error:
        outcome.errors.append(f"Recording raised {error!r} for {data!r}")
    spent = time.thread_time() - started
    if spent > SLOWEST / 4:  # or it was the garbage collector, or another program
        spent = min(_time_to_read(data) for _ in range(5))
    outcome.took(spent, data)
    if not 0 <= offset <= len(data):
        outcome.errors.append(f"damaged at byte {offset} of {data!r}")
    if known is not None and found != known[: len(found)]:
        outcome.errors.append(f"made up {found!r} from {data!r}")


def _time_to_read(data: bytes) -> float:
    """Seconds of processor time for a recording, up to its damage."""
    started = time.thread_time()
    with suppress(RecordingError):
        for _ in Recording(io.BytesIO(data)):
            pass
    return time.thread_time() - started
