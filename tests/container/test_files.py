"""The files of docker/ that are not used in a container, and templates for users."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"
PROGRAM = Path(sys.executable).with_name("oscbridge")


@pytest.mark.parametrize("file", sorted(DOCKER.rglob("*.toml")), ids=lambda file: file.name)
def test_configuration_is_valid(file: Path) -> None:
    result = subprocess.run([PROGRAM, "check", file], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_files_named_by_the_page_exist() -> None:
    page = (DOCKER / "README.md").read_text()
    names = re.findall(r"\]\(([^)#]+)", page)
    assert len(names) > 5
    assert [name for name in names if not (DOCKER / name).exists()] == []


def test_page_names_every_file() -> None:
    page = (DOCKER / "README.md").read_text()
    files = [file.name for file in DOCKER.iterdir() if file.suffix in (".yaml", ".toml")]
    assert [name for name in files if f"]({name})" not in page] == []
