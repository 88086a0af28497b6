"""The versions beside the file: the last ones, readable for one user."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from oscbridge.bridge.config.editing import history as module
from oscbridge.bridge.config.editing.history import MAX_VERSIONS, VersionHistory


@pytest.fixture
def history(tmp_path: Path) -> VersionHistory:
    return VersionHistory(tmp_path / "show.toml")


def test_versions_are_read_again(history: VersionHistory) -> None:
    added = history.add("one", {"a": "1"}, {"a": "2"})
    assert history.read() == [added]
    assert stat.S_IMODE(history.path.stat().st_mode) == 0o600
    history.mark([added.number], undone=True)
    assert history.read()[0].undone
    history.mark([added.number], undone=False)
    assert not history.read()[0].undone
    history.remove(added.number)
    assert history.read() == []


def test_only_the_last_ones_are_kept(history: VersionHistory) -> None:
    for number in range(MAX_VERSIONS + 5):
        history.add(str(number), {}, {})
    assert [each.summary for each in history.read()] == [str(n) for n in range(5, 25)]


def test_size_is_bounded(history: VersionHistory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BYTES", 2_000)
    for number in range(5):
        history.add(str(number), {"a": "x" * 600}, {})
    assert [each.summary for each in history.read()] == ["3", "4"]


@pytest.mark.parametrize("damaged", ["", "{", "[1]", '[{"number": 1}]', "\\x00"])
def test_damaged_file_has_no_versions(history: VersionHistory, damaged: str) -> None:
    history.path.write_text(damaged)
    assert history.read() == []
    history.add("next", {}, {})
    assert len(history.read()) == 1
