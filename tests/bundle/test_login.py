"""Start at login, as each system notes it."""

from __future__ import annotations

import configparser
import json
import os
import plistlib
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from oscbridge_bundle.commands import commands
from oscbridge_bundle.login import (
    DesktopEntry,
    LaunchAgent,
    LoginError,
    LoginStart,
    RunKey,
    login_start,
)
from programs import find_program

PROGRAM = '/opt/My Programs/$HOME `id` "x" \\ 100%/oscbridge'
"""A path with all characters that have a meaning in an ``Exec`` line."""


@pytest.fixture(params=["linux", "macos"])
def start(request: pytest.FixtureRequest, tmp_path: Path) -> LoginStart:
    return DesktopEntry(tmp_path) if request.param == "linux" else LaunchAgent(tmp_path)


def test_login_is_off_switched_on_and_off_again(start: LoginStart, tmp_path: Path) -> None:
    assert not start.is_on()
    start.switch_off()
    start.switch_on("/opt/oscbridge/oscbridge")
    assert start.is_on()
    assert Path(start.place).is_relative_to(tmp_path)
    start.switch_on("/opt/new/oscbridge")
    assert b"/opt/new/oscbridge" in Path(start.place).read_bytes()
    start.switch_off()
    assert not start.is_on()
    assert not Path(start.place).exists()


def test_folder_that_cannot_be_made_is_an_error_with_the_reason(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text("")
    with pytest.raises(LoginError, match=r"oscbridge\.desktop: cannot be written: Not a directory"):
        DesktopEntry(file).switch_on("/oscbridge")


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell")
def test_desktop_entry_runs_the_program_whatever_its_path(tmp_path: Path) -> None:
    entry = DesktopEntry(tmp_path)
    entry.switch_on(PROGRAM)
    parser = configparser.RawConfigParser(delimiters="=")
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(entry.place)
    values = parser["Desktop Entry"]
    assert (values["Type"], values["Terminal"]) == ("Application", "false")
    # A desktop unescapes the value first, then splits it as a shell does, then replaces codes.
    value = values["Exec"].replace("\\\\", "\\")
    split = subprocess.run(
        [find_program("sh"), "-c", f"printf '%s\\n' {value}"], capture_output=True, text=True
    )
    found = split.stdout.splitlines()
    assert [each.replace("%%", "%") for each in found] == [PROGRAM, "run"]


def test_launch_agent_runs_the_program_at_login(tmp_path: Path) -> None:
    agent = LaunchAgent(tmp_path)
    agent.switch_on(PROGRAM)
    job = plistlib.loads(Path(agent.place).read_bytes())
    assert job["ProgramArguments"] == [PROGRAM, "run"]
    assert job["RunAtLoad"] is True
    assert Path(agent.place).name == f"{job['Label']}.plist"


def test_run_key_starts_a_minimised_window() -> None:
    path = r"C:\Program Files\oscbridge\oscbridge.exe"
    assert RunKey.command(path) == f'cmd.exe /c start "oscbridge" /min "{path}" run'


@pytest.mark.skipif(sys.platform != "win32", reason="the registry is on Windows only")
def test_run_key_is_switched_on_and_off() -> None:
    key = RunKey("oscbridge-test")
    key.switch_on(r"C:\oscbridge.exe")
    try:
        assert key.is_on()
    finally:
        key.switch_off()
    assert not key.is_on()


@pytest.mark.skipif(sys.platform != "linux", reason="the desktop entry is for Linux")
def test_commands_switch_it_on_and_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert isinstance(login_start(), DesktopEntry)
    place = tmp_path / "autostart" / "oscbridge.desktop"
    for state, expected in (
        ("status", "oscbridge does not start at login"),
        ("on", "oscbridge starts when you log in"),
        ("status", "oscbridge starts when you log in"),
        ("off", "oscbridge does not start at login"),
    ):
        result = CliRunner().invoke(commands, ["login", state])
        assert (result.exit_code, result.output) == (0, f"{expected} ({place})\n")


def test_worker_arguments_run_a_module_of_the_bundle() -> None:
    """As ``sys.executable -P -m MODULE``, which is the bundled program itself."""
    code = "from oscbridge_bundle.program import main; main()"
    folder = Path(__file__).parents[2] / "bundle"
    done = subprocess.run(
        [sys.executable, "-c", code, "-P", "-m", "oscbridge.nearby.listing", "no.such:Class"],
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=30,
    )
    answer = json.loads(done.stdout)
    assert answer == {"error": "ModuleNotFoundError: No module named 'no'"}
