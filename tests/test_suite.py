"""How pytest runs the suite: the number of processes, and the files that ``-m load`` reads."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from programs import ROOT

LOAD = "import pytest\n\n@pytest.mark.load\ndef test_load():\n    pass\n"
UNREADABLE = "raise RuntimeError('it was read')\n"


@pytest.fixture
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psutil", None)  # xdist asks it first
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0, 1})
    monkeypatch.delenv("PYTEST_XDIST_AUTO_NUM_WORKERS", raising=False)


@pytest.mark.usefixtures("two_cores")
def test_two_cores_run_three_tests_at_a_time(
    pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert pytestconfig.hook.pytest_xdist_auto_num_workers(config=pytestconfig) == 3
    monkeypatch.setenv("PYTEST_XDIST_AUTO_NUM_WORKERS", "7")
    assert pytestconfig.hook.pytest_xdist_auto_num_workers(config=pytestconfig) == 7


@pytest.mark.parametrize(
    ("expression", "code"),
    [("load", pytest.ExitCode.OK), ("not load", pytest.ExitCode.INTERRUPTED)],
)
def test_files_without_load_tests_are_not_read_for_them(
    expression: str, code: pytest.ExitCode, tmp_path: Path
) -> None:
    (tmp_path / "test_load.py").write_text(LOAD)
    (tmp_path / "test_other.py").write_text(UNREADABLE)
    command = [sys.executable, "-m", "pytest", "-c", ROOT / "pyproject.toml", "-m", expression]
    command += ["-p", "no:cacheprovider", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == code, done.stdout
