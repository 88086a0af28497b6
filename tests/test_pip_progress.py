"""What ``make run`` shows while pip works."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pip_install import step_of

PROGRAM = Path(__file__).parent / "support/pip_install.py"


@pytest.mark.parametrize(
    ("line", "step"),
    [
        ("Obtaining file:///home/ann/oscbridge/plugins/midi", "reading midi"),
        ("Collecting aiohttp>=3.14 (from oscbridge==0.1.0)", "finding aiohttp"),
        ("  Downloading aiohttp-3.14.1-cp311-cp311-linux_x86_64.whl.metadata (8 kB)", ""),
        ("Downloading aiohttp-3.14.1-cp311-cp311-linux_x86_64.whl (1.7 MB)", "downloading aiohttp"),
        ("Building wheels for collected packages: oscbridge", ""),
        ("Installing collected packages: zope, aiohttp", "installing the packages"),
        ("Requirement already satisfied: click", ""),
    ],
)
def test_line_of_pip_becomes_a_step(line: str, step: str) -> None:
    assert step_of(line) == step


def test_failure_of_pip_is_shown_with_its_exit_code(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, PROGRAM, "--no-index", str(tmp_path / "missing")],
        capture_output=True,
        text=True,
        env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert "missing" in done.stdout
    assert "ERROR" in done.stdout


def test_steps_are_lines_where_there_is_no_terminal(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        '[project]\nname = "tiny"\nversion = "1"\n'
        "[tool.hatch.build.targets.wheel]\nbypass-selection = true\n"
    )
    options = ["--no-index", "--no-build-isolation", "--target", "into", "-e", "."]
    done = subprocess.run(
        [sys.executable, PROGRAM, *options],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "s  building" in done.stdout
    assert done.stdout.endswith("s  installing the packages\n")
