"""Texts about problems, and paths as they are shown."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from oscbridge_ui.loss_words import source_loss
from oscbridge_ui.words import path_text

ROOT = Path(__file__).parents[3]


def reasons(call: str, *folders: str) -> list[str]:
    """The reasons in calls of a function in the sources."""
    files = [path for folder in folders for path in ROOT.glob(f"{folder}/**/*.py")]
    found = {each for path in files for each in re.findall(call, path.read_text())}
    assert found
    return sorted(found)


@pytest.mark.parametrize(
    "reason", reasons(r'(?:report|input)_dropped\(\s*"(\w+)"', "oscbridge", "plugins/*/oscbridge_*")
)
def test_reason_for_which_a_source_loses_messages_has_plain_words(reason: str) -> None:
    assert "'" not in source_loss(reason).text


@pytest.mark.parametrize("reason", reasons(r'DecodeError\(\s*"(\w+)"', "oscbridge/osc"))
def test_reason_for_which_a_packet_is_rejected_has_plain_words(reason: str) -> None:
    assert "'" not in source_loss(f"bad {reason}").text


def test_packet_above_a_limit_names_the_key_of_the_limit() -> None:
    assert "'max_arguments'" in source_loss("bad max_arguments").text


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
