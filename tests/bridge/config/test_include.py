"""``include``: a configuration in several files."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from oscbridge import ConfigurationError, Endpoint, Message, file_reading
from oscbridge.bridge.config.config import load
from oscbridge.bridge.config.include import MAX_DEPTH, MAX_FILES
from oscbridge.bridge.config.resolved import Configuration
from oscbridge.bridge.config.used_files import used_files


class Lamp(Endpoint):
    """A sink."""

    async def send(self, message: Message) -> None:
        pass


STAGE = '[bridge.stage]\nlisten = "udp://127.0.0.1:9000"\n'
LAMP = '[endpoint.{0}]\ntype = "lamp"\n[[route]]\nfrom = "stage"\nmatch = "/{0}"\nto = "{0}"\n'


def read(folder: Path, **files: str) -> Configuration:
    """Load ``show.toml``; ``__`` in a name is a folder."""
    for name, text in files.items():
        path = folder / (name.replace("__", "/") + ".toml")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return load(folder / "show.toml", {"lamp": Lamp})


def error(folder: Path, **files: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        read(folder, **files)
    return str(caught.value).replace(f"{folder}/", "")


def test_included_files_are_read_in_order_of_their_names(tmp_path: Path) -> None:
    configuration = read(
        tmp_path,
        show='include = ["desks/*.toml"]\n' + STAGE,
        desks__b=LAMP.format("b"),
        desks__a=LAMP.format("a"),
    )
    assert list(configuration.bridges) == ["stage"]
    assert list(configuration.endpoints) == ["a", "b"]
    assert [route.match for route in configuration.routes] == ["/a", "/b"]


def test_pattern_that_matches_the_file_itself_skips_it(tmp_path: Path) -> None:
    configuration = read(tmp_path, show='include = "*.toml"\n' + STAGE, a=LAMP.format("a"))
    assert list(configuration.endpoints) == ["a"]


def test_name_of_a_file_may_have_brackets(tmp_path: Path) -> None:
    show = 'include = ["desk [1].toml"]\n' + STAGE
    configuration = read(tmp_path, **{"show": show, "desk [1]": LAMP.format("a")})
    assert list(configuration.endpoints) == ["a"]


def test_pattern_of_any_length_is_a_warning_or_a_name(tmp_path: Path) -> None:
    assert not read(tmp_path, show=f'include = ["{"a" * 300}*"]\n' + STAGE).endpoints


def test_folders_of_patterns_are_watched_in_a_folder_with_brackets(tmp_path: Path) -> None:
    folder = tmp_path / "show [1]"
    (folder / "desks").mkdir(parents=True)
    (folder / "show.toml").write_text('include = ["desks/*.toml"]\n' + STAGE)
    assert folder / "desks" in used_files(folder / "show.toml", {"lamp": Lamp}).folders


def test_names_start_at_the_file_that_includes(tmp_path: Path) -> None:
    configuration = read(
        tmp_path,
        show='include = ["desks/all.toml"]\n' + STAGE,
        desks__all='include = ["a.toml"]',
        desks__a=LAMP.format("a"),
    )
    assert list(configuration.endpoints) == ["a"]


def test_name_in_two_files_is_an_error_that_names_both(tmp_path: Path) -> None:
    text = error(tmp_path, show='include = ["a.toml"]\n' + STAGE, a=STAGE)
    expected = "a.toml: bridge.stage: duplicate name: show.toml defines it too; rename one"
    assert text == expected


def test_table_in_two_files_is_an_error_that_names_both(tmp_path: Path) -> None:
    text = error(tmp_path, show='include = ["a.toml"]\n[run]\n', a="[run]\n")
    assert text == "a.toml: run: duplicate table: show.toml defines it too; join the two"


def test_problem_names_its_file_and_the_route_in_it(tmp_path: Path) -> None:
    text = error(
        tmp_path,
        show='include = ["a.toml", "b.toml"]\n' + STAGE,
        a=LAMP.format("a"),
        b='[endpoint.x]\ntype = "lmap"\n[[route]]\nfrom = "stag"\nto = "a"\n',
    )
    assert text.splitlines() == [
        "b.toml: endpoint.x.type = 'lmap': unknown endpoint type; did you mean 'lamp'?",
        "b.toml: route 2 (route 1 of this file): from = 'stag': no such bridge or endpoint; "
        "did you mean 'stage'?",
    ]


def test_names_of_routes_are_unique_in_all_files(tmp_path: Path) -> None:
    route = '[[route]]\nname = "x"\nfrom = "stage"\nto = "a"\n'
    text = error(
        tmp_path,
        show='include = ["a.toml", "b.toml"]\n' + STAGE + route,
        a=LAMP.format("a"),
        b=route,
    )
    assert text == (
        "b.toml: route 3 (route 1 of this file): name = 'x': duplicate name: "
        "route 1 has it too; rename one"
    )


def test_syntax_error_names_the_included_file(tmp_path: Path) -> None:
    text = error(tmp_path, show='include = ["a.toml"]\n', a="[bridge.a\n")
    assert text.startswith("a.toml: not valid TOML: line 1: unclosed '['\n")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("include = 5", "include = 5: expected names of files: "),
        ("include = [5]", "include = [5]: expected names of files: "),
        ('include = ["dseks.toml"]', "no such file; did you mean 'desks.toml'?"),
        ('include = ["**/*.toml"]', "'**' is not supported; write one '*' per folder"),
        ('include = ["show.toml"]', "includes itself: show.toml -> show.toml; remove it"),
        ('include = ["desks.toml", "./desks.toml"]', "is included already; remove it"),
        ('include = ["."]', "include = '.': "),
    ],
)
def test_include_that_cannot_work_is_an_error(tmp_path: Path, line: str, problem: str) -> None:
    text = error(tmp_path, show=line + "\n" + STAGE, desks="")
    assert text.startswith("show.toml: include = ")
    assert problem in text


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("pipe", "not a regular file; name a file"),
        ("folder", "this is a directory; name a file"),
        ("huge", "larger than 1048576 bytes; expected a configuration file"),
        ("/dev/zero", "not a regular file; name a file"),
    ],
)
def test_what_is_not_a_file_is_one_error(
    tmp_path: Path, name: str, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_reading, "PIPE_TIMEOUT", 0.05)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "huge").touch()
    os.truncate(tmp_path / "huge", 1 << 30)
    found = error(tmp_path, show=f'include = "{name}"\n')
    assert found == f"show.toml: include = '{name}': {name}: {problem}"
    with pytest.raises(ConfigurationError, match=r"name a file|expected a configuration file"):
        load(tmp_path / name, {})
    assert used_files(tmp_path / "show.toml", {}).contents  # for [run] watch


def test_cycle_is_an_error_that_shows_it(tmp_path: Path) -> None:
    text = error(
        tmp_path, show='include = "a.toml"', a='include = "b.toml"', b='include = "a.toml"'
    )
    assert text == (
        "b.toml: include = 'a.toml': includes itself: show.toml -> a.toml -> b.toml -> a.toml; "
        "remove it"
    )


def test_depth_is_limited(tmp_path: Path) -> None:
    files = {f"f{n}": f'include = "f{n + 1}.toml"' for n in range(MAX_DEPTH + 1)}
    assert f"included {MAX_DEPTH} levels deep" in error(
        tmp_path, show='include = "f0.toml"', **files
    )


def test_number_of_files_is_limited(tmp_path: Path) -> None:
    files = {f"desks__f{n}": "" for n in range(MAX_FILES)}
    text = error(tmp_path, show='include = "desks/*"', **files)
    assert f"more than {MAX_FILES} files" in text


def test_size_of_all_files_is_limited(tmp_path: Path) -> None:
    files = {f"desks__f{n}": "#" * (1 << 20) for n in range(5)}
    assert "bytes with all 'include'" in error(tmp_path, show='include = "desks/*"', **files)


@pytest.mark.parametrize("key", ["route", "bridge", "endpoint"])
def test_wrong_kind_of_section_in_one_file_is_an_error(tmp_path: Path, key: str) -> None:
    text = error(tmp_path, show=f'include = "a.toml"\n{key} = 5\n', a=STAGE + LAMP.format("a"))
    assert f"{key}: duplicate table: show.toml defines it too" in text


def test_pattern_without_a_file_is_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        read(tmp_path, show='include = ["desks/*.toml"]\n' + STAGE)
    assert caplog.messages == [f"{tmp_path}/show.toml: include = 'desks/*.toml': matches no file"]
