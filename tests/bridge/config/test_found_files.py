"""The files that patterns under ``include`` find."""

from __future__ import annotations

from pathlib import Path

import pytest

from oscbridge.bridge.config.found_files import is_file, matching_paths

NAMES = ("a.toml", "b.toml", ".hidden.toml", "a.txt", "sub/c.toml", ".sub/d.toml", "x[1]/e.toml")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in NAMES:
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path / "in"


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*.toml", ["a.toml", "b.toml"]),
        ("./*.toml", ["a.toml", "b.toml"]),
        ("[ab].toml", ["a.toml", "b.toml"]),
        ("?.txt", ["a.txt"]),
        (".*.toml", [".hidden.toml"]),
        ("*/*.toml", ["sub/c.toml", "x[1]/e.toml"]),
        (".s*/*", [".sub/d.toml"]),
        ("x[[]1]/*", ["x[1]/e.toml"]),
        ("sub/../*.txt", ["sub/../a.txt"]),
        ("../in/*.txt", ["../in/a.txt"]),
        ("*.none", []),
        ("none/*", []),
        ("a.toml/*", []),
        ("", []),
    ],
)
def test_pattern_finds_what_a_shell_would(folder: Path, pattern: str, found: list[str]) -> None:
    assert sorted(matching_paths(folder, pattern)) == sorted(folder / each for each in found)


def test_absolute_pattern_starts_at_the_root(folder: Path) -> None:
    assert list(matching_paths(Path("/"), f"{folder}/*.txt")) == [folder / "a.txt"]
    assert list(matching_paths(Path(), f"{folder}/*.txt")) == [folder / "a.txt"]


@pytest.mark.parametrize("name", ["b" * 5_000, "a\0b", "sub", ""])
def test_name_of_no_file_is_none(folder: Path, name: str) -> None:
    assert not is_file(folder / name)
