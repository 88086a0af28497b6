"""One version for the bridge, its plugins and the add-on, written by one command."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path

import pytest
from release_version import ADD_ON, current_version, problems_of, write_version

ROOT = Path(__file__).parents[2]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The files of the repository that have the version."""
    for path in (ROOT / "pyproject.toml", *ROOT.glob("plugins/*/pyproject.toml"), ROOT / ADD_ON):
        target = tmp_path / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    return tmp_path


def test_all_files_have_the_version_of_the_bridge() -> None:
    assert problems_of(ROOT) == []


def test_new_version_is_written_everywhere(copy: Path) -> None:
    write_version(copy, "12.3.4rc1")
    assert current_version(copy) == "12.3.4rc1"
    assert problems_of(copy) == []
    bridge = tomllib.loads((copy / "pyproject.toml").read_text())["project"]
    plugins = [tomllib.loads(each.read_text()) for each in copy.glob("plugins/*/pyproject.toml")]
    assert {each["project"]["version"] for each in plugins} == {"12.3.4rc1"}
    names = {each["project"]["name"] for each in plugins}
    wanted = {f"{name}==12.3.4rc1" for name in names}
    extras = bridge["optional-dependencies"]
    assert wanted <= set(extras["all"])
    assert wanted <= {each for name, extra in extras.items() if name != "all" for each in extra}
    for each in plugins:
        assert "oscbridge==12.3.4rc1" in each["project"]["dependencies"]
    assert 'version: "12.3.4rc1"' in (copy / ADD_ON).read_text()


def test_nothing_but_versions_is_changed(copy: Path) -> None:
    before = {path: path.read_text() for path in copy.rglob("*") if path.is_file()}
    version = current_version(copy)
    write_version(copy, "12.3.4")
    changed = {path for path, text in before.items() if path.read_text() != text}
    assert changed == set(before)
    write_version(copy, version)
    assert {path: path.read_text() for path in before} == before


def test_file_with_another_version_is_a_problem(copy: Path) -> None:
    file = copy / "plugins/midi/pyproject.toml"
    file.write_text(file.read_text().replace('"oscbridge==', '"oscbridge>='))
    version = current_version(copy)
    assert problems_of(copy) == [
        f"plugins/midi/pyproject.toml does not fit version {version}; "
        f"write it with: make version VERSION={version}"
    ]


@pytest.mark.parametrize("version", ["", "1", "v1.2.3", "1.2", "1.2.3-beta", '1.2.3"'])
def test_invalid_version_is_rejected(copy: Path, version: str) -> None:
    with pytest.raises(ValueError, match="is not a valid version; write it as"):
        write_version(copy, version)
    assert problems_of(copy) == []
