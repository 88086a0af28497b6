"""``[run] plugins``: which folders and files are trusted."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from oscbridge.bridge.config.config import parse
from oscbridge.bridge.config.plugin_folder import (
    MAX_FILES,
    MAX_SIZE,
    UntrustedFile,
    folder_of,
    plugin_files,
    read_plugin_file,
)
from oscbridge.errors import ConfigurationError

Disown = Callable[[Path], None]

OTHER = 54_321


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "plugins"
    folder.mkdir()
    folder.chmod(0o755)
    write(folder / "lamp.py")
    return folder


def write(path: Path, code: str = "x = 1\n") -> Path:
    path.write_text(code)
    path.chmod(0o644)
    return path


@pytest.fixture
def disown(monkeypatch: pytest.MonkeyPatch) -> Disown:
    """Makes a file belong to another user."""

    def disown(path: Path) -> None:
        if os.geteuid() == 0:
            os.chown(path, OTHER, -1)
        else:
            monkeypatch.setattr(os, "geteuid", lambda: OTHER)

    return disown


def test_files_are_listed_by_name_without_hidden_ones(folder: Path) -> None:
    for name in ("b.py", "_part.py", ".#lamp.py", "README.md", "a.txt"):
        write(folder / name)
    (folder / "__pycache__").mkdir()
    assert [path.name for path in plugin_files(folder)] == ["b.py", "lamp.py"]
    assert read_plugin_file(folder / "lamp.py") == b"x = 1\n"


@pytest.mark.parametrize("mode", [0o775, 0o777, 0o757])
def test_folder_that_others_may_write_is_refused(folder: Path, mode: int) -> None:
    folder.chmod(mode)
    with pytest.raises(UntrustedFile, match=r"plugins is writable by other users.*chmod go-w"):
        plugin_files(folder)
    with pytest.raises(UntrustedFile, match="plugins is writable by other users"):
        read_plugin_file(folder / "lamp.py")


@pytest.mark.parametrize("mode", [0o664, 0o666, 0o646])
def test_file_that_others_may_write_is_refused(folder: Path, mode: int) -> None:
    (folder / "lamp.py").chmod(mode)
    with pytest.raises(UntrustedFile, match=r"lamp\.py is writable by other users"):
        read_plugin_file(folder / "lamp.py")


def test_file_of_another_user_is_refused(folder: Path, disown: Disown) -> None:
    disown(folder / "lamp.py")
    with pytest.raises(UntrustedFile, match=r"belongs to user \d+, who could run code"):
        read_plugin_file(folder / "lamp.py")


def test_folder_of_another_user_is_refused(folder: Path, disown: Disown) -> None:
    disown(folder)
    with pytest.raises(UntrustedFile, match=r"plugins belongs to user \d+"):
        plugin_files(folder)


@pytest.mark.parametrize("part", ["file", "folder"])
def test_target_of_a_link_counts(folder: Path, tmp_path: Path, part: str) -> None:
    other = tmp_path / "other"
    other.mkdir()
    other.chmod(0o777 if part == "folder" else 0o755)
    target = write(other / "desk.py")
    target.chmod(0o666 if part == "file" else 0o644)
    (folder / "desk.py").symlink_to(target)
    with pytest.raises(UntrustedFile, match=f"other{'' if part == 'folder' else '/desk.py'} is wr"):
        read_plugin_file(folder / "desk.py")


def test_link_to_a_trusted_file_and_folder_works(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(folder)
    write(tmp_path / "real.txt")
    tmp_path.chmod(0o755)
    (folder / "desk.py").symlink_to(tmp_path / "real.txt")
    assert [path.name for path in plugin_files(tmp_path / "link")] == ["desk.py", "lamp.py"]
    assert read_plugin_file(tmp_path / "link" / "desk.py") == b"x = 1\n"


@pytest.mark.parametrize("name", ["Lamp.py", "lamp-2.py", "2lamp.py", "lámp.py", f"{'a' * 65}.py"])
def test_invalid_name_is_refused(folder: Path, name: str) -> None:
    with pytest.raises(UntrustedFile, match="invalid name; rename the file: use up to 64 lower"):
        read_plugin_file(write(folder / name))


def test_what_is_not_a_regular_file_is_refused(folder: Path) -> None:
    os.mkfifo(folder / "pipe.py", 0o600)
    (folder / "folder.py").mkdir()
    (folder / "dangling.py").symlink_to(folder / "nothing")
    (folder / "loop.py").symlink_to(folder / "loop.py")
    for name, text in {
        "pipe.py": "not a regular file",
        "folder.py": "folder.py: this is a directory",
        "dangling.py": "no such file",
        "loop.py": "loop.py: ",
    }.items():
        with pytest.raises(UntrustedFile, match=text):
            read_plugin_file(folder / name)


def test_limits(folder: Path) -> None:
    write(folder / "lamp.py", "#" * (MAX_SIZE + 1))
    with pytest.raises(UntrustedFile, match=f"larger than {MAX_SIZE} bytes"):
        read_plugin_file(folder / "lamp.py")
    for number in range(MAX_FILES):
        write(folder / f"p{number}.py")
    with pytest.raises(UntrustedFile, match=f"{MAX_FILES + 1} plugin files; at most {MAX_FILES}"):
        plugin_files(folder)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ('"nothing"', "nothing: no such folder; create it, or remove the key"),
        ('"show.toml"', "is not a folder; name a folder"),
        ('""', "expected the name of a file, in quotes"),
    ],
)
def test_problem_with_the_folder_names_file_key_and_value(
    folder: Path, value: str, text: str
) -> None:
    file = folder.parent / "show.toml"
    file.write_text(f"[run]\nplugins = {value}\n[bridge.stage]\n")
    for read in (folder_of, lambda file: parse(file.read_text(), {}, str(file), file.parent)):
        with pytest.raises(ConfigurationError) as caught:
            read(file)
        assert f"{file}: run.plugins = {value}".replace('"', "'") in str(caught.value)
        assert text in str(caught.value)


def test_folder_is_found_in_included_files_and_the_environment(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = folder.parent / "show.toml"
    (folder.parent / "run.toml").write_text('[run]\nplugins = "plugins"\n')
    file.write_text('include = "run.toml"\n')
    assert folder_of(file) == folder
    file.write_text("[bridge.stage]\n")
    assert folder_of(file) is None
    monkeypatch.setenv("OSCBRIDGE__RUN__PLUGINS", "plugins")
    assert folder_of(file) == folder


def test_pipe_is_left_to_its_reader(folder: Path) -> None:
    os.mkfifo(folder.parent / "show.toml")
    assert folder_of(folder.parent / "show.toml") is None  # would wait for a writer


@pytest.mark.parametrize("text", ["[run", "[run]\nplugins = 1\n", "run = 1\n", None])
def test_other_problems_of_the_file_are_left_to_its_check(folder: Path, text: str | None) -> None:
    file = folder.parent / "show.toml"
    if text is not None:
        file.write_text(text)
    assert folder_of(file) is None


def test_replaced_file_is_not_trusted_for_its_predecessor(folder: Path) -> None:
    files = plugin_files(folder)
    new = write(folder / "new", "x = 2\n")
    new.chmod(0o666)
    new.replace(files[0])
    assert stat.S_IMODE(files[0].stat().st_mode) == 0o666
    with pytest.raises(UntrustedFile, match="writable by other users"):
        read_plugin_file(files[0])
