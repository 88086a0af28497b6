"""The file of variables that persist: kept, damaged, read-only, used twice."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Any

import pytest

from oscbridge import OSCBridgeError
from oscbridge.bridge.routes.variables import Variable, Variables
from oscbridge.bridge.variable_file import MAX_DAMAGED, MAX_SIZE, VariableFile
from oscbridge.bridge.variable_store import VariableStore


def variables() -> Variables:
    return Variables(
        {
            "armed": Variable(False, persist=True),
            "level": Variable(0.5, persist=True),
            "name": Variable("intro", persist=True),
            "scene": Variable(1),
        }
    )


async def opened(path: Path) -> tuple[Variables, VariableStore]:
    found = variables()
    store = VariableStore(found)
    await store.open(path)
    return found, store


def test_pipe_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSCBridgeError, match="cannot be read: not a regular file; name a file"):
        VariableFile(tmp_path / "pipe").read()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "show.variables"


def written(path: Path) -> Any:
    return json.loads(path.read_text())["variables"]


async def test_values_survive_a_stop(path: Path) -> None:
    before, store = await opened(path)
    for name, value in (("armed", True), ("level", 3), ("name", 'a\n"ü\udc80"'), ("scene", 7)):
        before.set(name, value)
    await store.close()
    after, store = await opened(path)
    await store.close()
    assert after.snapshot() == before.snapshot() | {"scene": 1}


async def test_nothing_is_written_without_a_change(path: Path) -> None:
    found, store = await opened(path)
    found.set("scene", 7)  # does not persist
    found.set("level", 0.5)
    await store.close()
    assert not path.exists()


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"variables": 1}', '"text"', "[" * 100_000, "\0" * 10, "{}"]
)
async def test_damaged_file_is_kept_aside(
    path: Path, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    path.parent.mkdir()
    path.write_text(content)
    found, store = await opened(path)
    found.set("level", 1)
    await store.close()
    assert (path.parent / "show.variables.damaged-1").read_text() == content
    assert written(path)["level"] == 1
    assert "not a file of variables; kept as" in caplog.text


async def test_damaged_files_are_bounded(path: Path) -> None:
    for number in range(MAX_DAMAGED + 2):
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"damage {number}")
        _, store = await opened(path)
        await store.close()
    assert len(list(path.parent.glob("*.damaged-*"))) == MAX_DAMAGED


async def test_huge_file_is_not_read(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path.parent.mkdir()
    with path.open("wb") as file:
        file.truncate(MAX_SIZE + 1)
    _, store = await opened(path)
    await store.close()
    assert f"larger than {MAX_SIZE} bytes" in caplog.text


async def test_empty_file_is_no_damage(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path.parent.mkdir()
    path.touch()
    _, store = await opened(path)
    await store.close()
    assert not caplog.records


async def test_wrong_values_are_ignored_with_a_line(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path.parent.mkdir()
    values = {"armed": 1, "level": 1e999, "name": ["x"], "scene": 2, "gone": 1}
    path.write_text(json.dumps({"variables": values}))
    found, store = await opened(path)
    await store.close()
    assert found.snapshot() == variables().snapshot()
    (line,) = caplog.messages
    for text in ("armed: must be true or false, not 1", "level: must be a finite number",
                 "name: must be text", "scene: the variable does not persist",
                 "gone: no such variable"):  # fmt: skip
        assert text in line


async def test_read_only_file_is_logged_and_stays(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path.parent.mkdir()
    path.write_text('{"variables": {"level": 2}}')
    path.chmod(0o444)
    found, store = await opened(path)
    assert (
        "the file is read-only; make it writable; values of variables are not kept" in caplog.text
    )
    assert found.snapshot()["level"] == 2
    found.set("level", 3)
    await store.close()
    assert written(path) == {"level": 2}


async def test_directory_in_place_of_the_file_is_logged(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path.mkdir(parents=True)
    found, store = await opened(path)
    found.set("level", 3)
    await store.close()
    assert "cannot be read" in caplog.text


async def test_file_of_another_bridge_is_left_alone(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first, store = await opened(path)
    second, other = await opened(path)
    assert "another process uses it; set 'state' in [run] to another file" in caplog.text
    first.set("level", 1)
    second.set("level", 2)
    await other.close()
    await store.close()
    assert written(path)["level"] == 1


async def test_another_path_after_a_reload_gets_the_current_values(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    found, store = await opened(path)
    found.set("level", 4)
    new = path.with_name("new.variables")
    await store.open(new, load=False)
    await store.close()
    assert written(path)["level"] == written(new)["level"] == 4
    assert caplog.record_tuples == [] or caplog.records[0].levelno < logging.WARNING
