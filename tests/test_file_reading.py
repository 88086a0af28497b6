"""Reading what a name stands for: a file, a pipe, a device, or a folder."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from oscbridge import file_reading as module
from oscbridge.file_reading import open_regular, read_limited


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


def read_regular(path: Path) -> bytes:
    with open_regular(path) as file:
        return file.read()


@pytest.mark.parametrize("read", [read_regular, lambda path: read_limited(path, 99)])
def test_file_is_read(tmp_path: Path, read: Callable[[Path], bytes]) -> None:
    (tmp_path / "a").write_bytes(b"text")
    (tmp_path / "link").symlink_to("a")
    assert read(tmp_path / "a") == read(tmp_path / "link") == b"text"
    with pytest.raises(IsADirectoryError):
        read(tmp_path)
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "b")


def test_no_more_than_the_size_is_read(tmp_path: Path) -> None:
    with (tmp_path / "a").open("wb") as file:
        file.truncate(1 << 30)
    assert read_limited(tmp_path / "a", 7) == bytes(7)
    assert read_limited(Path("/dev/zero"), 100_000) == bytes(100_000)
    assert read_limited(Path("/dev/null"), 7) == b""


def test_pipe_is_read_to_its_end(pipe: Path) -> None:
    writer = threading.Thread(target=pipe.write_bytes, args=(b"text" * 50_000,))
    writer.start()
    assert read_limited(pipe, 1 << 20) == b"text" * 50_000
    writer.join()


def test_end_of_a_pipe_that_nobody_has_written_is_found() -> None:
    near, far = os.pipe()
    os.close(far)
    assert read_limited(Path(f"/dev/fd/{near}"), 99) == b""
    os.close(near)


@pytest.mark.parametrize("written", [None, b"", b"text"])
def test_pipe_that_does_not_end_is_an_error(
    pipe: Path, written: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PIPE_TIMEOUT", 0.05)
    held = []
    if written is not None:
        held.append(os.open(pipe, os.O_RDWR))
        os.write(held[0], written)
    with pytest.raises(TimeoutError, match=r"pipe or device has not ended within 0.05 s; name a"):
        read_limited(pipe, 99)
    for each in held:
        os.close(each)


@pytest.mark.parametrize("device", ["pipe", "/dev/zero", "/dev/null"])
def test_only_a_file_is_a_regular_file(pipe: Path, device: str) -> None:
    with pytest.raises(OSError, match="not a regular file; name a file"):
        open_regular(pipe.parent / device)
