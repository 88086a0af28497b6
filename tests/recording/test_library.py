"""A folder of recordings: names, bounds, the list."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from oscbridge.errors import ConfigurationError, OSCBridgeError
from oscbridge.osc import Message, encode_message
from oscbridge.recording import library
from oscbridge.recording.format import (
    MAGIC,
    Record,
    Recording,
    RecordingError,
    encode_end,
    encode_header,
    encode_record,
    read_summary,
)
from oscbridge.recording.library import RecordingLibrary, checked_name

SECOND = 1_000_000_000
RECORDS = [
    Record(n * SECOND, "in", "stage", "", encode_message(Message.of("/n", n))) for n in range(5)
]
DATA = b"".join((encode_header(7), *map(encode_record, RECORDS), encode_end(9 * SECOND)))


@pytest.mark.parametrize("name", ["Act 1", "Übung (2)", "a.b-c_d+e", "2026-11-27 20-15-00", "ā"])
def test_ordinary_names_are_accepted(name: str) -> None:
    assert checked_name(f" {name}.oscrec ") == name


def test_name_is_the_same_in_both_normal_forms() -> None:
    assert checked_name("u\u0308") == checked_name("\u00fc")


def test_summary_is_read_without_the_records() -> None:
    assert read_summary(io.BytesIO(DATA)) == (7, 9 * SECOND)
    cut = DATA[: len(DATA) - 10]
    assert read_summary(io.BytesIO(cut)) == (7, None)
    assert read_summary(io.BytesIO(encode_header(7))) == (7, None)
    for data in (b"", MAGIC, b"x" * 100):
        with pytest.raises(RecordingError):
            read_summary(io.BytesIO(data))


@pytest.mark.parametrize(
    ("at", "first"), [(0, 0), (1, 1), (SECOND, 1), (3 * SECOND + 1, 4), (100 * SECOND, None)]
)
def test_skipping_goes_to_the_first_record_that_is_not_before(at: int, first: int | None) -> None:
    recording = Recording(io.BytesIO(DATA))
    for _ in range(2):  # also backwards
        recording.skip_to(at)
        found = list(recording)
        assert found == (RECORDS[first:] if first is not None else [])
        assert recording.length_ns == 9 * SECOND


def test_skipping_stops_before_damage() -> None:
    at = DATA.index(encode_record(RECORDS[2]))
    recording = Recording(io.BytesIO(DATA[:at] + b"\xff" * 40))
    recording.skip_to(100 * SECOND)
    with pytest.raises(RecordingError) as caught:
        list(recording)
    assert caught.value.offset == at


def test_listed_are_recordings_the_latest_first(tmp_path: Path) -> None:
    found = RecordingLibrary(tmp_path / "new")
    assert found.recordings() == ()
    for name, data in (("a", DATA), ("b", DATA[:-5]), ("c", b"no recording")):
        upload = found.new(name)
        upload.write_bytes(data)
    (tmp_path / "new" / "notes.txt").write_text("x")
    (tmp_path / "new" / ".hidden.oscrec").write_bytes(DATA)
    listed = {each.name: (each.start_unix_ns, each.length_ns) for each in found.recordings()}
    assert listed == {"a": (7, 9 * SECOND), "b": (7, None), "c": (None, None)}


def test_number_of_recordings_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "MAX_RECORDINGS", 2)
    found = RecordingLibrary(tmp_path)
    for name in "ab":
        found.new(name).write_bytes(DATA)
    with pytest.raises(OSCBridgeError, match="there are 2 recordings already"):
        found.new("c")
    assert len(found.recordings()) == 2


def test_full_disk_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = RecordingLibrary(tmp_path)
    monkeypatch.setattr(library, "MIN_FREE", 1 << 62)
    with pytest.raises(OSCBridgeError, match="the disk is full"):
        found.upload("a", 10)


def test_old_uploads_that_were_not_finished_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = RecordingLibrary(tmp_path)
    upload = found.upload("a", 10)
    monkeypatch.setattr(library, "MAX_PART_AGE", -1.0)
    found.new("b")
    assert list(tmp_path.iterdir()) == []
    upload.close()


def test_upload_does_not_replace_what_came_meanwhile(tmp_path: Path) -> None:
    found = RecordingLibrary(tmp_path)
    upload = found.upload("a", len(DATA))
    upload.write(DATA)
    found.new("a").write_bytes(DATA)
    with pytest.raises(ConfigurationError, match="already exists"):
        upload.finish()
    upload.close()
    assert [each.name for each in tmp_path.iterdir()] == ["a.oscrec"]
