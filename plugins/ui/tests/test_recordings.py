"""Recordings of the control room without a browser: made, kept, played, transferred, attacked."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from control_room import CONFIGURATION, ControlRoomPage, ControlRoomProgram, connected

from oscbridge import (
    ConfigurationError,
    Message,
    OSCBridgeError,
    decode_packet,
    encode_message,
)
from oscbridge.recording import (
    MAX_RECORDING_SIZE,
    Record,
    Recording,
    encode_end,
    encode_header,
    encode_record,
)
from oscbridge_ui.recording.deck import MAX_UPLOADS, UPLOAD_TIMEOUT, RecordingDeck
from oscbridge_ui.recording.messages import MAX_PART

SECOND = 1_000_000_000
TOKENS = """
[[token]]
name   = "viewer"
secret = { env = "VIEWER" }
rights = ["listen"]
"""


def recording_of(*times: float, name: str = "stage", length: float = 60) -> bytes:
    """A recording with a message ``/n`` with its number at each of these seconds."""
    records = (
        Record(round(at * SECOND), "in", name, "", encode_message(Message.of("/n", number)))
        for number, at in enumerate(times)
    )
    parts = (
        encode_header(SECOND),
        *map(encode_record, records),
        encode_end(round(length * SECOND)),
    )
    return b"".join(parts)


class Tapes:
    """What a page knows of the recordings."""

    def __init__(self, page: ControlRoomPage) -> None:
        self.page = page
        self.state: dict[str, Any] = {}
        self.names: list[str] = []
        self.entries: dict[str, Any] = {}
        self.data: list[dict[str, Any]] = []

    async def next(self) -> dict[str, Any]:
        """The next message; what it says is taken."""
        message: dict[str, Any] = json.loads(await self.page.socket.recv())
        if message["type"] == "recordings":
            self.state = message
            if message["entries"] is not None:
                self.entries = {each["name"]: each for each in message["entries"]}
        elif message["type"] == "recording_data":
            self.data.append(message)
        return message

    async def command(self, **command: object) -> str:
        """Send a command. Returns the error."""
        await self.page.send(id=3, **command)
        while (message := await self.next())["type"] != "answer":
            pass
        return str(message["error"])

    async def until(self, check: Callable[[], Any]) -> None:
        while not self.state or not check():
            await self.next()

    async def upload(self, name: str, data: bytes, **more: Any) -> str:
        """Send a file in pieces. Returns the last error."""
        error = ""
        for offset in range(0, len(data), MAX_PART):
            piece = base64.b64encode(data[offset : offset + MAX_PART]).decode()
            about = {"name": name, "size": len(data), "offset": offset, "data": piece, **more}
            error = await self.command(type="upload_recording", **about)
            if error:
                break
        return error

    async def download(self, name: str) -> bytes:
        self.data.clear()
        assert await self.command(type="download_recording", name=name) == ""
        while not self.data or sum(map(_size, self.data)) < self.data[0]["size"]:
            await self.next()
        return b"".join(base64.b64decode(each["data"]) for each in self.data)


def _size(piece: dict[str, Any]) -> int:
    return len(base64.b64decode(piece["data"]))


@pytest.fixture
async def tapes(program: ControlRoomProgram) -> AsyncIterator[Tapes]:
    async with connected(program.port) as page:
        found = Tapes(page)
        await page.send(type="watch_recordings")
        await found.until(lambda: True)
        yield found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state" / "oscbridge" / "recordings"


@pytest.fixture
def receiver() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(20)
        yield sock


def to(receiver: socket.socket) -> str:
    """A configuration that passes ``/n`` on to a socket."""
    port = receiver.getsockname()[1]
    endpoint = f'[endpoint.desk]\ntype = "osc"\nto = "udp://127.0.0.1:{port}"\n'
    route = '[[route]]\nfrom = "stage"\nmatch = "/n"\nto = "desk"\n'
    return f"{CONFIGURATION}{endpoint}{route}"


async def numbers(receiver: socket.socket, count: int) -> list[object]:
    found = []
    for _ in range(count):
        packet = decode_packet(await asyncio.to_thread(receiver.recv, 4_096))
        assert isinstance(packet, Message)
        found.append(packet.args[0])
    return found


# --- recording and playing ----------------------------------------------------------------------


async def test_what_passes_is_recorded_and_played_again(
    start: Callable[..., Any], receiver: socket.socket
) -> None:
    with start(to(receiver)) as process:
        program = ControlRoomProgram(process)
        async with connected(program.port) as page:
            tapes = Tapes(page)
            await page.send(type="watch_recordings")
            assert await tapes.command(type="start_recording", name="Act 1") == ""
            again = await tapes.command(type="start_recording", name="Act 2")
            assert again == "'Act 1' is being recorded; stop it first"
            program.send(*(encode_message(Message.of("/n", n)) for n in range(3)))
            assert await numbers(receiver, 3) == [0, 1, 2]
            await tapes.until(lambda: (tapes.state["recorder"] or {}).get("packets") == 6)
            assert "is being recorded" in await tapes.command(
                type="remove_recording", name="Act 1.oscrec"
            )
            assert await tapes.command(type="stop_recording") == ""
            await tapes.until(lambda: tapes.state["recorder"] is None)
            assert tapes.state["notice"].startswith("Act 1: recorded 6 messages in ")
            data = await tapes.download("Act 1")
            records = list(Recording(io.BytesIO(data)))
            assert [each.name for each in records if each.direction == "in"] == ["stage"] * 3
            assert await tapes.command(type="play_recording", name="Act 1") == ""
            assert await numbers(receiver, 3) == [0, 1, 2]
            await tapes.until(lambda: tapes.state["notice"] == "Act 1: played 3 messages")
            play = {"type": "play_recording", "name": "Act 1", "direction": "out"}
            assert await tapes.command(**play) == ""  # sent once more, past the routes
            assert await numbers(receiver, 3) == [0, 1, 2]


async def test_position_speed_loop_and_pause_change_while_it_plays(
    start: Callable[..., Any], receiver: socket.socket
) -> None:
    times = (0.0, 30.0, 40.0, 50.0, 59.9)
    with start(to(receiver)) as process:
        async with connected(ControlRoomProgram(process).port) as page:
            tapes = Tapes(page)
            await page.send(type="watch_recordings")
            assert await tapes.upload("long", recording_of(*times)) == ""
            play = {"type": "play_recording", "name": "long"}
            change = {"type": "change_playback"}
            assert await tapes.command(**play) == ""
            assert await numbers(receiver, 1) == [0]
            assert await tapes.command(**change, position=29.5) == ""
            assert await numbers(receiver, 1) == [1]
            assert await tapes.command(**change, paused=True, position=39.0) == ""
            await tapes.until(lambda: tapes.state["playback"]["paused"])
            await tapes.until(lambda: tapes.state["playback"]["position"] == 39.0)
            assert await tapes.command(**change, paused=False, speed=100, loop=True) == ""
            # 21 s at a hundredfold speed, then from the start.
            assert await numbers(receiver, 5) == [2, 3, 4, 0, 1]
            await tapes.until(lambda: tapes.state["playback"]["rounds"] >= 2)
            assert await tapes.command(**change, loop=False) == ""
            await tapes.until(lambda: tapes.state["playback"] is None)
            assert await tapes.command(**change, speed=2) == "nothing is being played"
            assert await tapes.command(type="stop_playback") == "nothing is being played"


async def test_recording_of_elsewhere_is_played_as_if_received_by_a_bridge(
    start: Callable[..., Any], receiver: socket.socket
) -> None:
    with start(to(receiver)) as process:
        async with connected(ControlRoomProgram(process).port) as page:
            tapes = Tapes(page)
            await page.send(type="watch_recordings")
            assert await tapes.upload("other", recording_of(0, 0, name="far away")) == ""
            play = {"type": "play_recording", "name": "other"}
            assert await tapes.command(**play) == ""
            await tapes.until(lambda: tapes.state["failed"])
            assert "got none of 2" in tapes.state["notice"]
            assert await tapes.command(**play, source="stage") == ""
            assert await numbers(receiver, 2) == [0, 1]
            assert "no such bridge" in await tapes.command(**play, source="nobody")


async def test_recording_ends_well_when_the_bridge_stops(
    start: Callable[..., Any], folder: Path
) -> None:
    with start() as process:
        async with connected(ControlRoomProgram(process).port) as page:
            tapes = Tapes(page)
            await page.send(type="watch_recordings")
            assert await tapes.command(type="start_recording", name="last") == ""
            ControlRoomProgram(process).send(encode_message(Message.of("/1/fader1", 0.5)))
            await tapes.until(lambda: (tapes.state["recorder"] or {}).get("packets") == 2)
            await asyncio.to_thread(process.stop, timeout=30)
    with (folder / "last.oscrec").open("rb") as file:
        assert len(list(Recording(file))) == 2


async def test_malformed_packets_of_a_recording_are_counted_and_harm_nothing(
    start: Callable[..., Any], receiver: socket.socket
) -> None:
    packets = (b"", b"no OSC", b"#bundle\0" + bytes(8), b"/m\0\0,i\0\0", bytes(60_000))
    records = [Record(0, "in", "stage", "", each) for each in packets]
    records += [Record(0, "out", "desk", "", each) for each in packets]
    good = encode_message(Message.of("/n", 9))
    records += [Record(0, "in", "stage", "x", good), Record(0, "out", "desk", "", good)]
    parts = (encode_header(0), *map(encode_record, records), encode_end(0))
    with start(to(receiver)) as process:
        async with connected(ControlRoomProgram(process).port) as page:
            tapes = Tapes(page)
            await page.send(type="watch_recordings")
            assert await tapes.upload("bad", b"".join(parts)) == ""
            for direction in ("in", "out"):
                play = {"type": "play_recording", "name": "bad", "direction": direction}
                assert await tapes.command(**play, loop=direction == "in") == ""
                assert await numbers(receiver, 1) == [9]
            await tapes.until(lambda: tapes.state["playback"] is None)


# --- transfers ----------------------------------------------------------------------------------


async def test_upload_and_download_are_exact(tapes: Tapes, folder: Path) -> None:
    data = recording_of(*(n / 1_000 for n in range(12_000)))
    assert len(data) > 10 * MAX_PART
    assert await tapes.upload("large.oscrec", data) == ""
    await tapes.until(lambda: "large" in tapes.entries)
    assert tapes.entries["large"] == {
        "name": "large",
        "size": len(data),
        "started": 1.0,
        "seconds": 60.0,
    }
    assert await tapes.download("large") == data
    assert [each.name for each in folder.iterdir()] == ["large.oscrec"]
    assert await tapes.upload("large", data) == "'large': already exists; choose another name"
    assert await tapes.command(type="remove_recording", name="large") == ""
    await tapes.until(lambda: not tapes.entries)
    assert not list(folder.iterdir())


async def test_recordings_are_in_the_folder_of_the_configuration(
    start: Callable[..., Any], tmp_path: Path
) -> None:
    with start(CONFIGURATION.replace("[http]", '[http]\nrecordings = "tapes"')) as process:
        async with connected(ControlRoomProgram(process).port) as page:
            found = Tapes(page)
            await page.send(type="watch_recordings")
            await found.until(lambda: found.state["folder"] == str(tmp_path / "tapes"))
            assert await found.upload("one", recording_of(0)) == ""
            assert (tmp_path / "tapes" / "one.oscrec").is_file()
            text = (tmp_path / "test.toml").read_text()
            (tmp_path / "test.toml").write_text(text.replace('"tapes"', '"others"'))
            assert await found.command(type="reload") == ""
            await found.until(lambda: found.state["folder"] == str(tmp_path / "others"))
            await found.until(lambda: not found.entries)


async def test_upload_that_is_no_recording_is_refused_and_removed(
    tapes: Tapes, folder: Path
) -> None:
    good = recording_of(0, 1)
    damaged = bytearray(good)
    damaged[len(good) // 2] ^= 1
    for data, error in (
        (b"#!/bin/sh\nrm -rf /\n", "not a recording"),
        (good[:-4], "damaged at byte"),
        (bytes(damaged), "damaged at byte"),
        (good + b"\0", "damaged at byte"),
    ):
        assert error in await tapes.upload("x", data)
    assert "already exists" not in await tapes.upload("x", good)
    assert [each.name for each in folder.iterdir()] == ["x.oscrec"]


async def test_upload_within_its_bounds(tapes: Tapes, folder: Path) -> None:
    upload = {"type": "upload_recording", "name": "x"}
    piece = base64.b64encode(b"x" * 10).decode()
    for more, error in (
        ({"size": MAX_RECORDING_SIZE + 1, "offset": 0, "data": piece}, "a recording has 1 to"),
        ({"size": 0, "offset": 0, "data": ""}, "a recording has 1 to"),
        ({"size": 5, "offset": 0, "data": piece}, "more than the 5 bytes"),
        ({"size": 100, "offset": 10, "data": piece}, "a piece of the upload is missing"),
        ({"size": 100, "offset": 0, "data": "no base64!"}, "is not base64"),
    ):
        assert error in await tapes.command(**upload, **more)
    assert await tapes.command(**upload, size=100, offset=0, data=piece) == ""
    assert "missing" in await tapes.command(**upload, size=100, offset=50, data=piece)
    assert await tapes.upload("x", recording_of(0)) == ""  # begins again
    assert [each.name for each in folder.iterdir()] == ["x.oscrec"]


async def test_upload_of_a_page_that_is_gone_is_removed(
    program: ControlRoomProgram, tapes: Tapes, folder: Path
) -> None:
    async with connected(program.port) as page:
        about = {"name": "half", "size": 100, "offset": 0, "data": "AAAA"}
        assert (await page.command(type="upload_recording", **about))["error"] == ""
        assert len(list(folder.iterdir())) == 1
    while list(folder.iterdir()):
        await tapes.page.next("pulse")


async def test_upload_that_waits_for_its_next_piece_gives_way_to_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    operations = Mock(spec=["recordings_directory"])
    operations.recordings_directory.return_value = tmp_path
    deck = RecordingDeck(operations)
    uploads = [await deck.upload(f"r{number}", 100) for number in range(MAX_UPLOADS)]
    with pytest.raises(OSCBridgeError, match="at most 4 uploads"):
        await deck.upload("more", 100)
    monkeypatch.setattr(uploads[1], "touched", uploads[1].touched - UPLOAD_TIMEOUT - 1)
    await deck.upload("more", 100)
    with pytest.raises(ConfigurationError, match="given up; begin again"):
        uploads[1].write(b"x")
    uploads[0].write(b"x")
    await deck.close()
    assert not list(tmp_path.iterdir())


# --- names and rights ---------------------------------------------------------------------------


NAMES = [
    *("../x", "..", ".", "/etc/passwd", "a/b", "a\\b", "C:x", ".hidden", "-x", " ", "\0", "a\0b"),
    *("a\nb", "x" * 81, "ü" * 100 + "/", "con", "nul.txt", "a.", "a:b", "a*b", "$(id)", "\u202ex"),
    *("..\\..\\x", "%2e%2e%2fx", "~root", "a\u2028b"),
]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
async def test_name_with_a_path_is_refused(
    program: ControlRoomProgram, tmp_path: Path, name: str
) -> None:
    (tmp_path / "state" / "oscbridge").mkdir(parents=True, exist_ok=True)
    secret = tmp_path / "state" / "oscbridge" / "x.oscrec"
    secret.write_bytes(recording_of(0))
    async with connected(program.port) as page:
        tapes = Tapes(page)
        for command in (
            {"type": "play_recording"},
            {"type": "remove_recording"},
            {"type": "download_recording"},
            {"type": "upload_recording", "size": 4, "offset": 0, "data": "AAAA"},
            *([{"type": "start_recording"}] if name.strip() else []),
        ):
            assert "not a valid name" in await tapes.command(name=name, **command)
    assert secret.exists()
    assert not list((tmp_path / "state" / "oscbridge" / "recordings").glob("*"))


async def test_link_in_the_folder_is_not_followed(
    tapes: Tapes, folder: Path, tmp_path: Path
) -> None:
    assert await tapes.upload("real", recording_of(0)) == ""
    other = tmp_path / "elsewhere.oscrec"
    other.write_bytes(recording_of(0))
    (folder / "link.oscrec").symlink_to(other)
    (folder / "folder.oscrec").mkdir()
    for name in ("link", "folder"):
        assert await tapes.command(type="download_recording", name=name) != ""
        assert await tapes.command(type="play_recording", name=name) != ""
    assert "already exists" in await tapes.upload("link", recording_of(0))
    assert set(tapes.entries) <= {"real"}


async def test_recording_requires_the_right(start: Callable[..., Any], folder: Path) -> None:
    with start(CONFIGURATION + TOKENS, env={"VIEWER": "viewer-secret-1"}) as process:
        async with connected(ControlRoomProgram(process).port, "viewer-secret-1") as page:
            tapes = Tapes(page)
            await page.send(type="watch_recordings")
            await tapes.until(lambda: True)
            for command in (
                {"type": "start_recording"},
                {"type": "stop_recording"},
                {"type": "remove_recording", "name": "x"},
                {"type": "play_recording", "name": "x"},
                {"type": "change_playback", "speed": 2},
                {"type": "stop_playback"},
                {"type": "download_recording", "name": "x"},
                {"type": "upload_recording", "name": "x", "size": 4, "offset": 0, "data": "AAAA"},
            ):
                assert "requires the right 'configure'" in await tapes.command(**command)
    assert not folder.exists()
