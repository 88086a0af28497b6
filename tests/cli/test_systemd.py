"""``oscbridge systemd``"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from programs import find_program

from oscbridge.cli import cli
from oscbridge.errors import OSCBridgeError
from oscbridge.testing.process import PROGRAM

Call = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(autouse=True)
def python_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    """An interpreter that every user can read, wherever that of the tests is."""
    for name in ("prefix", "base_prefix"):
        monkeypatch.setattr(sys, name, "/usr")


def systemd(program: str, monkeypatch: pytest.MonkeyPatch) -> Result:
    monkeypatch.setattr(sys, "argv", [program])
    return CliRunner().invoke(cli, ["systemd"])


def test_unit_runs_this_program(monkeypatch: pytest.MonkeyPatch) -> None:
    unit = systemd("/opt/oscbridge/bin/oscbridge", monkeypatch).output
    assert "\nExecStart=/opt/oscbridge/bin/oscbridge run /etc/oscbridge/oscbridge.toml\n" in unit


def test_unit_runs_the_module_if_it_was_called_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/opt/oscbridge/bin/python")
    unit = systemd("/opt/oscbridge/lib/oscbridge/__main__.py", monkeypatch).output
    assert "\nExecStart=/opt/oscbridge/bin/python -m oscbridge run /etc" in unit


@pytest.mark.skipif(sys.platform != "linux", reason="systemd is for Linux")
@pytest.mark.parametrize("folder", ["oscbridge", "my 50% folder"])
def test_systemd_accepts_the_unit(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / folder / "oscbridge"
    program.parent.mkdir()
    program.symlink_to(PROGRAM)
    unit = tmp_path / "oscbridge.service"
    unit.write_text(systemd(str(program), monkeypatch).output)
    done = subprocess.run(
        [find_program("systemd-analyze"), "verify", unit], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize(
    "program", ["/home/me/oscbridge-env/bin/oscbridge", "/root/.local/bin/oscbridge"]
)
def test_program_in_a_home_folder_is_refused(program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    error = systemd(program, monkeypatch).exception
    assert isinstance(error, OSCBridgeError)
    assert str(error).startswith(f"{program}: a service cannot read home folders; install")


def test_python_in_a_home_folder_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "base_prefix", "/home/me/.pyenv/versions/3.12.1")
    error = systemd("/opt/oscbridge/bin/oscbridge", monkeypatch).exception
    assert str(error).startswith("/home/me/.pyenv/versions/3.12.1: a service cannot read")


def test_service_is_not_restarted_after_a_configuration_problem(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bad.toml").write_text("[bridg]")
    code = call("run", "bad.toml").returncode
    unit = systemd("/opt/oscbridge/bin/oscbridge", monkeypatch).output
    assert re.search(rf"^RestartPreventExitStatus={code}$", unit, re.MULTILINE)
