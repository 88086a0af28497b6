"""Texts about problems, and paths as they are shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from oscbridge_ui.words import path_text


def test_path_below_the_home_directory_begins_with_a_tilde(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "ariel"
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    assert path_text(home / "shows" / "tempest") == str(Path("~") / "shows" / "tempest")
    assert path_text(tmp_path / "tapes") == str(tmp_path / "tapes")


def test_path_is_whole_where_the_home_directory_is_the_root(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    root = Path("/").absolute()
    monkeypatch.setenv("HOME", str(root))
    monkeypatch.setenv("USERPROFILE", str(root))
    assert path_text(root / "data") == str(root / "data")
