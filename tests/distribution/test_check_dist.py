"""Checks of built distributions notice a missing page, a missing file, and other bytes."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path
from zipfile import ZipFile

import pytest
from build_twice import differences
from check_dist import PAGE, problems_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A wheel and a source distribution, both with the page."""
    page = tmp_path / "index.html"
    page.write_text("<html>")
    folder = tmp_path / "dist"
    folder.mkdir()
    with ZipFile(folder / "oscbridge_ui-1.0-py3-none-any.whl", "w") as wheel:
        wheel.write(page, PAGE)
    with tarfile.open(folder / "oscbridge_ui-1.0.tar.gz", "w:gz") as archive:
        archive.add(page, f"oscbridge_ui-1.0/{PAGE}")
    return folder


def test_complete_folder_has_no_problems(folder: Path) -> None:
    assert list(problems_of(folder, 1)) == []


def test_program_fails_only_if_there_are_problems(folder: Path) -> None:
    command = [sys.executable, str(Path(__file__).parents[1] / "support" / "check_dist.py")]
    for count, code in (("1", 0), ("2", 1)):
        done = subprocess.run([*command, str(folder), count], capture_output=True, text=True)
        assert (done.returncode, bool(done.stderr)) == (code, bool(code))


def test_missing_distributions_and_a_missing_page_are_problems(folder: Path) -> None:
    (folder / "oscbridge_ui-1.0.tar.gz").unlink()
    with ZipFile(folder / "oscbridge_ui-1.0-py3-none-any.whl", "w"):
        pass
    assert list(problems_of(folder, 1)) == [
        "0 source distributions instead of 1: ",
        "oscbridge_ui-1.0-py3-none-any.whl has no page of the control room",
    ]


def test_difference_between_two_builds_is_a_problem(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        folder.mkdir()
        for name in ("same", "other"):
            (folder / name).write_text(name)
    assert list(differences(one, two)) == []
    (two / "other").write_text("OTHER")
    (two / "new").write_text("")
    assert list(differences(one, two)) == [
        "new was built only once",
        "other is not the same when it is built again",
    ]
