"""``oscbridge record`` and ``play``, with each other and with liblo."""

from __future__ import annotations

import errno
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from ports import free_port

from oscbridge import Message, TimeTag, decode_packet, encode_bundle
from oscbridge.osc import Bundle, encode_message
from oscbridge.osc.framing import stream_decoder, stream_encoder
from oscbridge.recording.format import (
    Record,
    Recording,
    RecordingError,
    encode_end,
    encode_header,
    encode_record,
)

Call = Callable[..., subprocess.CompletedProcess[str]]
Start = Callable[..., Any]

ROOT = Path(__file__).parents[2]
PROGRAM = str(Path(sys.executable).with_name("oscbridge"))
HOST = "127.0.0.1"
SECOND = 1_000_000_000
THEN = 1_700_000_000 * SECOND
"""The start time of the recordings made here."""


def message(number: int) -> bytes:
    return encode_message(Message.of("/n", number))


def read(file: Path) -> list[Record]:
    """The records of a complete file."""
    with file.open("rb") as opened:
        return list(Recording(opened))


def read_until_broken(file: Path) -> tuple[list[Record], RecordingError]:
    records = []
    with file.open("rb") as opened, pytest.raises(RecordingError) as caught:
        for record in Recording(opened):
            records.append(record)
    return records, caught.value


@pytest.fixture
def receiver() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((HOST, 0))
        sock.settimeout(10)
        yield sock


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "show.oscrec"


@pytest.fixture
def made(file: Path) -> Callable[..., str]:
    """Writes a recording of packets or records. Returns its path."""

    def made(*records: Record | bytes, length: float = 0.0, gap: float = 0.0) -> str:
        data = encode_header(THEN)
        for number, each in enumerate(records):
            if isinstance(each, bytes):
                each = Record(round(number * gap * SECOND), "in", "stage", "", each)
            data += encode_record(each)
        file.write_bytes(data + encode_end(round(length * SECOND)))
        return str(file)

    return made


@pytest.fixture
def record(start: Start, file: Path) -> Callable[..., tuple[Any, int]]:
    """Starts ``record`` on a free port. Returns the program and the port."""

    def record(*args: str, scheme: str = "udp") -> tuple[Any, int]:
        program = start("record", str(file), "--listen", f"{scheme}://{HOST}:0", *args)
        return program, int(program.wait_for(rf"recording \S+://{HOST}:(\d+) to ")[1])

    return record


def url(receiver: socket.socket, scheme: str = "udp") -> str:
    return f"{scheme}://{HOST}:{receiver.getsockname()[1]}"


def send_datagrams(port: int, *datagrams: bytes) -> int:
    """Send datagrams from one socket. Returns its port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for data in datagrams:
            sock.sendto(data, (HOST, port))
        sender: int = sock.getsockname()[1]
        return sender


def wait_for_size(file: Path, size: int) -> None:
    """Wait until a file has at least this size: it is written at intervals."""
    deadline = time.monotonic() + 30
    while file.stat().st_size < size:
        assert time.monotonic() < deadline, f"{file.stat().st_size} bytes, not {size}"
        time.sleep(0.01)


HEADER_SIZE = len(encode_header(0))


# --- record ------------------------------------------------------------------------------------


def test_packets_are_recorded_as_they_arrive_good_and_bad(
    record: Callable[..., tuple[Any, int]], file: Path
) -> None:
    program, port = record()
    before = time.time_ns()
    packets = [message(1), b"junk", b"", encode_bundle([message(2)]), b"x" * 65_507]
    sender = send_datagrams(port, *packets)
    wait_for_size(file, HEADER_SIZE + sum(map(len, packets)))
    assert program.stop() == 0
    records = read(file)
    assert [each.packet for each in records] == packets
    place = ("in", f"udp://{HOST}:{port}", f"{HOST}:{sender}")
    assert {each[1:4] for each in records} == {place}
    with file.open("rb") as opened:
        start = Recording(opened).start_unix_ns
    assert start <= before <= start + records[0].time_ns <= time.time_ns()
    assert f"recorded 5 packets, {file.stat().st_size / 1e3:.1f} kB" in program.output


@pytest.mark.parametrize(
    ("scheme", "mode"), [("tcp", "1.1"), ("tcp+1.0", "1.0"), ("tcp+auto", "1.0")]
)
def test_packets_of_a_stream_are_recorded_without_their_framing(
    scheme: str, mode: str, record: Callable[..., tuple[Any, int]], file: Path
) -> None:
    program, port = record(scheme=scheme)
    packets = [message(1), b"/bad", b"/x\0\0,b\0\0" + struct.pack(">i", 300_000) + bytes(300_000)]
    with socket.create_connection((HOST, port)) as sock:
        sock.sendall(b"".join(map(stream_encoder(mode), packets)))
        wait_for_size(file, HEADER_SIZE + sum(map(len, packets)))
    assert program.stop() == 0
    assert [each.packet for each in read(file)] == packets


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_a_recording_completely(
    number: int, record: Callable[..., tuple[Any, int]], file: Path
) -> None:
    program, port = record()
    send_datagrams(port, message(1))
    wait_for_size(file, HEADER_SIZE + 1)
    assert program.stop(number) == 0
    assert len(read(file)) == 1
    assert re.search(r"^recorded 1 packets, \d+ bytes, \d+\.\d s, to \S+$", program.output, re.M)
    assert "\x1b" not in program.output  # nothing is drawn without a terminal


def test_written_packets_survive_a_kill(record: Callable[..., tuple[Any, int]], file: Path) -> None:
    program, port = record()
    send_datagrams(port, message(1), message(2))
    wait_for_size(file, HEADER_SIZE + 2 * len(message(1)))
    assert program.stop(signal.SIGKILL) == -signal.SIGKILL
    records, error = read_until_broken(file)
    assert [each.packet for each in records] == [message(1), message(2)]
    assert error.offset == file.stat().st_size
    assert "incomplete: it was cut off" in str(error)


def test_packets_are_in_the_file_within_a_second(
    record: Callable[..., tuple[Any, int]], file: Path
) -> None:
    _program, port = record()
    waits = []
    for number in range(3):
        size = file.stat().st_size
        started = time.monotonic()
        send_datagrams(port, message(number))
        wait_for_size(file, size + 1)
        waits.append(time.monotonic() - started)
    assert median(waits) < 1.0


def test_existing_file_is_not_overwritten_unless_forced(
    call: Call, record: Callable[..., tuple[Any, int]], file: Path
) -> None:
    file.write_bytes(b"precious")
    result = call("record", str(file), "--listen", f"udp://{HOST}:0")
    assert (result.returncode, result.stderr) == (
        1,
        f"error: {file}: already exists; choose another file, or add --force\n",
    )
    assert file.read_bytes() == b"precious"
    program, _ = record("--force")
    assert program.stop() == 0
    assert read(file) == []


def test_port_in_use_overwrites_no_file_even_when_forced(
    call: Call, receiver: socket.socket, file: Path
) -> None:
    file.write_bytes(b"precious")
    result = call("record", str(file), "--force", "--listen", url(receiver))
    assert result.returncode == 1
    assert "address already in use" in result.stderr
    assert file.read_bytes() == b"precious"


@pytest.mark.parametrize(
    ("args", "code", "text"),
    [
        (("--max-size", "0"), 2, "'0': expected bytes, e.g. 500k, 100M or 2G"),
        (("--max-size", "1T"), 2, "'1T': expected bytes, e.g. 500k, 100M or 2G"),
        (("--max-seconds", "0"), 2, "0: expected a number, above 0 and at most 31622400"),
        (("--max-seconds", "nan"), 2, "'nan': expected a number, above 0 and at most 31622400"),
        (("--listen", "127.0.0.1:9000"), 2, "write it as udp://host:port"),
        (("--listen", "udp://no-such-host.invalid:1"), 1, "unknown host"),
    ],
)
def test_wrong_usage_of_record_is_an_error_and_creates_no_file(
    args: tuple[str, ...], code: int, text: str, call: Call, file: Path
) -> None:
    result = call("record", str(file), *args)
    assert (result.returncode, result.stdout) == (code, "")
    assert text in result.stderr.splitlines()[-1]
    assert not file.exists()


def test_file_that_cannot_be_created_is_an_error(call: Call, tmp_path: Path) -> None:
    file = tmp_path / "missing" / "x"
    result = call("record", str(file), "--listen", f"udp://{HOST}:0")
    assert (result.returncode, result.stderr) == (1, f"error: {file}: No such file or directory\n")


def test_full_disk_is_reported(call: Call) -> None:
    result = call("record", "/dev/full", "--force", "--listen", f"udp://{HOST}:0")
    assert result.returncode == 1
    assert result.stderr.splitlines()[1:] == ["error: /dev/full: No space left on device"]


def test_disk_that_fills_up_leaves_a_recording_that_can_be_played(
    file: Path, environment: dict[str, str], call: Call, receiver: socket.socket
) -> None:
    # A limit on the size of files fails as a full disk does, in the middle of a record.
    limited = f'ulimit -f 2; exec "$0" record "$1" --listen udp://{HOST}:0'
    process = subprocess.Popen(
        ["bash", "-c", limited, PROGRAM, str(file)],
        stderr=subprocess.PIPE,
        env=environment,
        text=True,
    )
    assert process.stderr is not None
    with process:
        found = re.search(r":(\d+) to ", process.stderr.readline())
        assert found
        send_datagrams(int(found[1]), *(bytes(200) for _ in range(50)))
        error = process.stderr.read()
    assert process.returncode == 1
    size = file.stat().st_size
    text = f"{os.strerror(errno.EFBIG)}; its first {size} bytes can be played"
    assert error == f"error: {file}: {text}\n"
    records, broken = read_until_broken(file)
    assert 0 < len(records) < 50
    assert broken.offset <= size
    result = call("play", str(file), "--to", url(receiver))
    assert result.returncode == 1
    assert f"played {len(records)} packets" in result.stdout


def test_recording_stops_before_its_maximum_size(
    record: Callable[..., tuple[Any, int]], file: Path
) -> None:
    program, port = record("--max-size", "2k")
    send_datagrams(port, *(message(number) for number in range(100)))
    assert program.ended(15) == 0
    assert "maximum size reached" in program.output
    assert 1_800 < file.stat().st_size <= 2_000
    records = read(file)
    assert [each.packet for each in records] == [message(n) for n in range(len(records))]


def test_recording_stops_after_its_duration_and_has_that_length(
    record: Callable[..., tuple[Any, int]], file: Path
) -> None:
    program, port = record("--max-seconds", "0.75")
    send_datagrams(port, message(1))
    assert program.ended(15) == 0
    assert "stopped after 0.75 seconds" in program.output
    with file.open("rb") as opened:
        recording = Recording(opened)
        assert len(list(recording)) == 1
        assert recording.length_ns == 750_000_000


def test_invalid_stream_does_not_end_a_recording(
    record: Callable[..., tuple[Any, int]], file: Path
) -> None:
    program, port = record(scheme="tcp+1.0")
    with socket.create_connection((HOST, port)) as sock:
        sock.sendall(b"\xff" * 100)
        sock.settimeout(10)
        assert sock.recv(10) == b""
    with socket.create_connection((HOST, port)) as sock:
        sock.sendall(stream_encoder("1.0")(message(1)))
        wait_for_size(file, HEADER_SIZE + 1)
    assert program.stop() == 0
    assert [each.packet for each in read(file)] == [message(1)]


@pytest.mark.load
def test_ten_thousand_packets_per_second_are_recorded_completely_and_in_order(
    record: Callable[..., tuple[Any, int]], file: Path
) -> None:
    program, port = record()
    packets = [message(number) for number in range(20_000)]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        started = time.monotonic()
        for number, packet in enumerate(packets):
            sock.sendto(packet, (HOST, port))
            if number % 50 == 0:
                time.sleep(max(0.0, started + number / 10_000 - time.monotonic()))
    each = len(encode_record(Record(0, "in", f"udp://{HOST}:{port}", f"{HOST}:50000", packets[0])))
    wait_for_size(file, HEADER_SIZE + len(packets) * each)
    assert program.stop() == 0
    assert [each.packet for each in read(file)] == packets


# --- play --------------------------------------------------------------------------------------


def test_recorded_packets_are_played(
    call: Call, made: Callable[..., str], receiver: socket.socket
) -> None:
    packets = [message(1), b"junk", b"", encode_bundle([message(2)])]
    result = call("play", made(*packets, gap=0.01), "--to", url(receiver))
    assert result.returncode == 0
    assert [receiver.recv(65_536) for _ in packets] == packets
    assert re.fullmatch(
        rf"played 4 packets in \d\.\d\d s to {url(receiver)}; "
        r"late by \d+\.\d\d ms at the median, \d+\.\d\d ms at most\n",
        result.stdout,
    )


@pytest.mark.load
@pytest.mark.parametrize("speed", ["1", "2"])
def test_played_packets_keep_their_times(
    speed: str, start: Start, made: Callable[..., str], receiver: socket.socket
) -> None:
    gap, count = 0.01, 200
    program = start(
        "play", made(*map(message, range(count)), gap=gap), "--to", url(receiver), "--speed", speed
    )
    times = []
    for _ in range(count):
        receiver.recv(100)
        times.append(time.monotonic())
    assert program.ended() == 0
    late = [now - n * gap / float(speed) for n, now in enumerate(times)]
    assert median(late) - min(late) < 0.002  # the start time is unknown
    told = re.search(r"late by (\S+) ms at the median, (\S+) ms at most", program.output)
    assert told
    assert float(told[1]) < 1
    assert ("packets were more than 1 ms late" in program.output) == (float(told[2]) > 1)


def test_loop_repeats_the_recording_at_its_length_until_ctrl_c(
    start: Start, made: Callable[..., str], receiver: socket.socket
) -> None:
    file = made(message(1), message(2), gap=0.05, length=0.2)
    program = start("play", file, "--to", url(receiver), "--loop")
    times = []
    for number in range(10):
        assert receiver.recv(100) == message(number % 2 + 1)
        times.append(time.monotonic())
    assert program.stop() == 0
    gaps = [later - sooner for sooner, later in pairwise(times)]
    assert median(gaps[::2]) == pytest.approx(0.05, abs=0.03)
    assert median(gaps[1::2]) == pytest.approx(0.15, abs=0.03)
    assert re.search(r"^played \d+ packets in [5-9] rounds, in ", program.output, re.M)


def test_start_skips_what_is_before_it_and_a_loop_begins_at_zero(
    start: Start, call: Call, made: Callable[..., str], receiver: socket.socket
) -> None:
    file = made(*map(message, range(5)), gap=10, length=41)
    program = start("play", file, "--to", url(receiver), "--start", "25", "--speed", "20")
    began = time.monotonic()
    assert [receiver.recv(100) for _ in range(2)] == [message(3), message(4)]
    assert time.monotonic() - began < 30 / 20 + 5
    assert program.ended() == 0
    assert "played 2 packets" in program.output
    program = start("play", file, "--to", url(receiver), "--start", "35", "--speed", "50", "--loop")
    assert [receiver.recv(100) for _ in range(3)] == [message(4), message(0), message(1)]
    assert program.stop() == 0
    done = call("play", file, "--to", url(receiver), "--start", "41.5")
    assert done.returncode == 1
    assert f"{file}: nothing to play after 41.5 s; lower --start" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_a_long_wait_at_once(
    number: int, start: Start, made: Callable[..., str], receiver: socket.socket
) -> None:
    program = start("play", made(message(1), message(2), gap=3_600.0), "--to", url(receiver))
    assert receiver.recv(100) == message(1)
    assert program.stop(number) == 0
    assert "played 1 packets in " in program.output
    assert "Traceback" not in program.output


def test_play_at_maximum_speed_does_not_wait(
    call: Call, made: Callable[..., str], receiver: socket.socket
) -> None:
    file = made(*map(message, range(50)), gap=3_600.0)
    result = call("play", file, "--to", url(receiver), "--speed", "max")
    assert (result.returncode, result.stderr) == (0, "")
    assert [receiver.recv(100) for _ in range(50)] == [message(n) for n in range(50)]
    assert "late" not in result.stdout


BOTH_WAYS = (
    Record(0, "in", "stage", "", message(1)),
    Record(0, "out", "web", "", message(2)),
    Record(0, "in", "other", "", message(3)),
    Record(0, "out", "mixer", "", message(4)),
)


@pytest.mark.parametrize(
    ("args", "numbers"),
    [
        ((), [1, 3]),
        (("--direction", "out"), [2, 4]),
        (("--direction", "both"), [1, 2, 3, 4]),
        (("--only", "other"), [3]),
        (("--direction", "both", "--only", "mixer", "--only", "stage"), [1, 4]),
    ],
)
def test_packets_to_play_can_be_selected(
    args: tuple[str, ...],
    numbers: list[int],
    call: Call,
    made: Callable[..., str],
    receiver: socket.socket,
) -> None:
    result = call("play", made(*BOTH_WAYS), "--to", url(receiver), *args)
    assert result.returncode == 0
    assert [receiver.recv(100) for _ in numbers] == [message(n) for n in numbers]
    assert f"played {len(numbers)} packets" in result.stdout


def test_play_without_selected_packets_lists_the_available_ones(
    call: Call, made: Callable[..., str], receiver: socket.socket
) -> None:
    file = made(*BOTH_WAYS)
    result = call("play", file, "--to", url(receiver), "--only", "sage", "--loop")
    assert result.returncode == 1
    assert result.stderr == (
        f"error: {file}: nothing to play; the file contains 1 in stage, 1 out web, 1 in other, "
        "1 out mixer; select them with --direction and --only\n"
    )


def test_empty_recording_is_an_error(
    call: Call, made: Callable[..., str], receiver: socket.socket
) -> None:
    result = call("play", made(), "--to", url(receiver))
    assert result.returncode == 1
    assert result.stderr.endswith(": nothing to play; the file contains no packets\n")


def test_damaged_file_is_played_up_to_the_damage(
    call: Call, made: Callable[..., str], receiver: socket.socket
) -> None:
    file = made(message(1), message(2), message(3))
    data = bytearray(Path(file).read_bytes())
    offset = HEADER_SIZE + 2 * len(encode_record(Record(0, "in", "stage", "", message(1))))
    data[offset + 20] ^= 1
    Path(file).write_bytes(data)
    result = call("play", file, "--to", url(receiver))
    assert result.returncode == 1
    assert [receiver.recv(100) for _ in range(2)] == [message(1), message(2)]
    assert "played 2 packets" in result.stdout
    assert f"error: {file}: damaged at byte {offset}: wrong checksum of a record" in result.stderr


def test_damaged_file_is_reported_once_in_a_loop(
    start: Start, made: Callable[..., str], receiver: socket.socket
) -> None:
    file = made(message(1), message(2), gap=0.02)
    Path(file).write_bytes(Path(file).read_bytes()[:-1])
    program = start("play", file, "--to", url(receiver), "--loop")
    for number in range(8):
        assert receiver.recv(100) == message(number % 2 + 1)
    assert program.stop() == 1
    assert program.output.count("damaged at byte") == 1


def test_file_that_is_not_a_recording_is_an_error(call: Call, file: Path) -> None:
    file.write_text("# oscbridge\n")
    result = call("play", str(file))
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == (
        f"error: {file}: damaged at byte 0: not a recording: it begins with b'# oscbri'\n"
    )


@pytest.mark.parametrize(
    ("args", "text"),
    [
        (("--speed", "0"), "'0': expected a number above 0, at most 1000, or max"),
        (("--speed", "1001"), "'1001': expected a number above 0, at most 1000, or max"),
        (("--speed", "nan"), "'nan': expected a number above 0"),
        (("--speed", "fast"), "'fast': expected a number above 0"),
        (("--start", "-1"), "-1: expected a number, at least 0 and at most 31622400"),
        (("--start", "nan"), "'nan': expected a number, at least 0"),
        (("--start", "soon"), "'soon': expected a number, at least 0"),
        (("--speed", "max", "--loop"), "--loop with --speed max would flood the receiver"),
        (("--to", "udp://127.0.0.1:0"), "cannot send to port 0"),
        (("--to", "tcp+auto://127.0.0.1:9"), "write tcp:// (OSC 1.1) or tcp+1.0://"),
        (("--direction", "up"), "'up' is not one of 'in', 'out', 'both'"),
    ],
)
def test_wrong_usage_of_play_is_an_error(
    args: tuple[str, ...], text: str, call: Call, made: Callable[..., str]
) -> None:
    result = call("play", made(message(1)), *args)
    assert (result.returncode, result.stdout) == (2, "")
    assert text in " ".join(result.stderr.split())


def test_missing_file_is_an_error(call: Call, tmp_path: Path) -> None:
    (tmp_path / "show.oscrec").touch()
    for file, text in (
        (tmp_path / "shwo.oscrec", "no such file; did you mean 'show.oscrec'?"),
        (tmp_path / "x", "no such file; check the name"),
        (tmp_path, "expected a file, and this is a folder"),
    ):
        result = call("play", str(file))
        assert (result.returncode, result.stdout) == (2, "")
        assert result.stderr.endswith(f"Invalid value for 'FILE': '{file}': {text}\n")


def test_time_tags_keep_their_distance_to_the_present(
    call: Call, made: Callable[..., str], receiver: socket.socket
) -> None:
    tag = TimeTag.from_unix_ns(THEN + 60 * SECOND)
    packet = encode_bundle([message(1)], tag)
    file = made(packet)
    before = time.time_ns()
    assert call("play", file, "--to", url(receiver)).returncode == 0
    after = time.time_ns()
    shifted = decode_packet(receiver.recv(1_000))
    assert isinstance(shifted, Bundle)
    assert before <= shifted.timetag.unix_ns() - 60 * SECOND <= after
    assert call("play", file, "--to", url(receiver), "--timetags", "keep").returncode == 0
    assert receiver.recv(1_000) == packet


def test_packet_too_long_for_udp_is_counted_and_the_rest_is_played(
    call: Call, made: Callable[..., str], receiver: socket.socket
) -> None:
    file = made(message(1), bytes(70_000), bytes(80_000), message(2))
    result = call("play", file, "--to", url(receiver))
    assert [receiver.recv(100) for _ in range(2)] == [message(1), message(2)]
    assert result.returncode == 1
    assert "played 2 packets" in result.stdout
    assert "error: 2 packets were not sent: Message too long" in result.stderr


# --- play over TCP -----------------------------------------------------------------------------


class Taker:
    """A TCP server for one client, which may answer every packet."""

    def __init__(self, mode: str, answer: bytes = b"", packets: int | None = None) -> None:
        self.packets: list[bytes] = []
        self._mode, self._answer, self._most = mode, answer, packets
        self._server = socket.create_server((HOST, 0))
        self._server.settimeout(15)
        self.url = url(self._server, {"1.0": "tcp+1.0", "1.1": "tcp"}[mode])
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        connection, _ = self._server.accept()
        framing = stream_decoder(self._mode)
        with connection:
            connection.settimeout(15)
            while data := connection.recv(65_536):
                for packet in framing.feed(data):
                    self.packets.append(packet)
                    if self._answer:
                        connection.sendall(self._answer)
                if self._most is not None and len(self.packets) >= self._most:
                    return

    def finish(self) -> list[bytes]:
        self._thread.join(20)
        assert not self._thread.is_alive()
        self._server.close()
        return self.packets


@pytest.mark.parametrize("mode", ["1.1", "1.0"])
def test_recording_is_played_over_tcp_in_both_framings(
    mode: str, call: Call, made: Callable[..., str]
) -> None:
    taker = Taker(mode)
    packets = [message(1), encode_bundle([message(2)]), b"/x\0\0,b\0\0" + bytes(200_000)]
    result = call("play", made(*packets), "--to", taker.url)
    assert taker.finish() == packets
    assert (result.returncode, "played 3 packets" in result.stdout) == (0, True)


def test_play_does_not_block_a_tcp_server_that_replies(
    call: Call, made: Callable[..., str]
) -> None:
    taker = Taker("1.1", answer=stream_encoder("1.1")(bytes(100_000)))
    packets = [message(number) for number in range(100)]
    result = call("play", made(*packets, gap=0.02), "--to", taker.url)
    assert taker.finish() == packets
    assert result.returncode == 0


def test_disconnecting_tcp_server_ends_play_with_an_error(
    call: Call, made: Callable[..., str]
) -> None:
    taker = Taker("1.1", packets=2)
    file = made(*map(message, range(500)), gap=0.01)
    result = call("play", file, "--to", taker.url)
    taker.finish()
    assert result.returncode == 1
    assert re.search(r"^played \d+ packets in ", result.stdout)
    assert re.search(rf"^error: tcp://{HOST}:\d+: ", result.stderr, re.M)
    assert "Traceback" not in result.stderr


def test_ctrl_c_ends_play_while_a_tcp_server_reads_nothing(
    start: Start, made: Callable[..., str]
) -> None:
    packet = b"/x\0\0,b\0\0" + bytes(1_000_000)
    with socket.create_server((HOST, 0)) as server:
        program = start("play", made(*[packet] * 50), "--to", url(server, "tcp"))
        connection, _ = server.accept()
        with connection:
            connection.settimeout(10)
            assert connection.recv(1)
            assert program.stop() == 0
    assert re.search(r"^played \d packets in ", program.output, re.M)


def test_send_without_a_tcp_server_is_an_error(call: Call, made: Callable[..., str]) -> None:
    port = free_port()
    result = call("play", made(message(1)), "--to", f"tcp://{HOST}:{port}")
    assert result.returncode == 1
    assert result.stderr == (
        f"error: tcp://{HOST}:{port}: connection refused; nothing listens there\n"
    )


# --- in a terminal -----------------------------------------------------------------------------


class Terminal:
    """The program with a terminal as its standard error stream."""

    def __init__(self, *args: str, env: dict[str, str]) -> None:
        self._ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [PROGRAM, *args],
            stdout=subprocess.PIPE,
            stderr=theirs,
            env=env | {"TERM": "xterm-256color", "COLUMNS": "100"},
        )
        os.close(theirs)

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Read the output until it matches a pattern."""
        text = ""
        deadline = time.monotonic() + 30
        while not (found := re.search(pattern, text)):
            ready, _, _ = select.select([self._ours], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, f"no {pattern!r} in {text!r}"
            text += os.read(self._ours, 65_536).decode(errors="replace")
        return found

    def stop(self) -> bytes:
        """Stop it with Ctrl-C. Returns its standard output."""
        self.process.send_signal(signal.SIGINT)
        output, _ = self.process.communicate(timeout=15)
        assert self.process.returncode == 0
        return output

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()
        os.close(self._ours)


@pytest.fixture
def terminal(environment: dict[str, str]) -> Iterator[Callable[..., Terminal]]:
    with ExitStack() as stack:

        def terminal(*args: str) -> Terminal:
            made = Terminal(*args, env=environment)
            stack.callback(made.close)
            return made

        yield terminal


def test_record_shows_its_progress(terminal: Callable[..., Terminal], file: Path) -> None:
    program = terminal("record", str(file), "--listen", f"udp://{HOST}:0")
    found = program.wait_for(r":(\d+) to ")
    send_datagrams(int(found[1]), message(1), message(2))
    program.wait_for(r"2 packets, \d+ bytes, \d+\.\d s")
    assert program.stop().startswith(b"recorded 2 packets, ")


def test_play_shows_its_progress(
    terminal: Callable[..., Terminal], made: Callable[..., str], receiver: socket.socket
) -> None:
    program = terminal("play", made(message(1), message(2), gap=3_600.0), "--to", url(receiver))
    program.wait_for(r"1 packets in \d+\.\d\d s, at most \d+\.\d\d ms late")
    assert program.stop().startswith(b"played 1 packets in ")


# --- liblo -------------------------------------------------------------------------------------


ARGUMENTS = ["ifsTFN", "-5", "0.5", "text ü"]


@pytest.mark.parametrize(("listen", "to"), [("udp", "udp"), ("tcp+auto", "tcp+1.0")])
def test_oscdump_prints_the_played_packets_of_oscsend(
    listen: str,
    to: str,
    record: Callable[..., tuple[Any, int]],
    call: Call,
    file: Path,
) -> None:
    program, port = record(scheme=listen)
    kind = listen.partition("+")[0]
    target = f"osc.{kind}://{HOST}:{port}/"
    subprocess.run(["oscsend", target, "/mixer/1", *ARGUMENTS], check=True, timeout=10)
    wait_for_size(file, HEADER_SIZE + 1)
    assert program.stop() == 0
    port = free_port()
    dump = subprocess.Popen(["oscdump", "-L", f"osc.{kind}://:{port}/"], stdout=subprocess.PIPE)
    with dump:
        try:
            assert dump.stdout is not None
            for _ in range(50):  # it does not report when it listens
                call("play", str(file), "--to", f"{to}://{HOST}:{port}")
                if select.select([dump.stdout], [], [], 0.1)[0]:
                    break
            line = os.read(dump.stdout.fileno(), 1_000).decode().splitlines()[0]
        finally:
            dump.kill()
    assert line.split(" ", 1)[1] == '/mixer/1 ifsTFN -5 0.500000 "text ü" #T #F Nil'


# --- documentation -----------------------------------------------------------------------------


def test_documented_commands_work(
    start: Start, made: Callable[..., str], receiver: socket.socket, tmp_path: Path
) -> None:
    section = (ROOT / "docs/how-to/record-and-play.md").read_text()
    lines = [line.split() for line in re.findall(r"^oscbridge (.*)", section, re.MULTILINE)]
    assert {name for name, *_ in lines} == {"record", "play"}
    recording = made(message(1), gap=0.01)
    for name, file, *args in lines:
        if name == "record":
            args = [re.sub(r":\d+$", ":0", arg) for arg in args]
            program = start(name, str(tmp_path / f"new-{file}"), *args)
            program.wait_for("recording ")
            assert program.stop() == 0
            continue
        if "--start" in args:  # this recording is shorter
            args[args.index("--start") + 1] = "0"
        # The recording is played to a receiver of the test, not to the documented target.
        to = args.index("--to") if "--to" in args else len(args)
        taker = Taker("1.1") if any(arg.startswith("tcp:") for arg in args) else None
        args[to : to + 2] = ["--to", url(receiver) if taker is None else taker.url]
        program = start(name, recording, *args)
        if taker is None:
            assert receiver.recv(100) == message(1)
        else:
            assert taker.finish() == [message(1)]
        if "--loop" in args:
            program.process.send_signal(signal.SIGINT)
        assert program.ended() == 0


# --- traffic of a running bridge ---------------------------------------------------------------


def test_bridge_traffic_is_recorded_in_both_directions_and_played_back(
    start: Start, call: Call, file: Path, tmp_path: Path, receiver: socket.socket
) -> None:
    configuration = tmp_path / "show.toml"
    configuration.write_text(
        '[bridge.stage]\nlisten = "udp://127.0.0.1:0"\n'
        f'[endpoint.out]\ntype = "osc"\nto = "{url(receiver)}"\n'
        '[[route]]\nfrom = "stage"\nmatch = "/in/{n}"\nsend = "/out {n}"\nto = "out"\n'
    )
    bridge = start("run", str(configuration))
    port = int(bridge.wait_for(r"bridge +stage +udp://127\.0\.0\.1:(\d+)")[1])
    bridge.wait_for("Ctrl-C")
    recorder = start("record", str(file))
    recorder.wait_for("recording .*show.toml to ")
    timed = encode_bundle([encode_message(Message.of("/in/2"))], TimeTag.from_unix(0.5))
    sent = [encode_message(Message.of("/in/1")), timed]
    send_datagrams(port, *sent)
    out = [receiver.recv(100), receiver.recv(100)]
    wait_for_records(file, 4)
    assert recorder.stop() == 0
    records = read(file)
    assert [(r.name, r.packet) for r in records if r.direction == "in"] == [
        ("stage", packet) for packet in sent
    ]
    assert [r.name for r in records if r.direction == "out"] == ["out", "out"]
    assert sorted(r.time_ns for r in records) == [r.time_ns for r in records]
    result = call("play", str(file), "--to", f"udp://{HOST}:{port}", "--timetags", "keep")
    assert result.returncode == 0, result.stderr
    assert [receiver.recv(100), receiver.recv(100)] == out


def wait_for_records(file: Path, count: int) -> None:
    """Wait until a recording in progress has this number of records."""
    deadline = time.monotonic() + 10
    while len(read_until_broken(file)[0]) < count:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_record_without_a_running_bridge_is_an_error(call: Call, file: Path) -> None:
    result = call("record", str(file))
    assert result.returncode == 1
    assert "no bridge" in result.stderr
    assert not file.exists()
