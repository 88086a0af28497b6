"""The program that is bundled, not bundled: ``bundle/check.py`` tries it as it tries the bundle."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import pytest
from check import Program, check_commands, check_login, check_start

BUNDLE = Path(__file__).parents[2] / "bundle"

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="its start is a script for Linux"),
    pytest.mark.timeout(240),  # they start it ten times, also on a machine that is busy
]


@pytest.fixture
def program(tmp_path: Path) -> Program:
    script = tmp_path / "oscbridge"
    script.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(BUNDLE)!r})\n"
        "from oscbridge_bundle.program import main\nmain()\n"
    )
    script.chmod(stat.S_IRWXU)
    home = tmp_path / "home"
    home.mkdir()
    return Program(script, home)


def test_start_without_arguments_opens_the_control_room_once_it_is_ready(
    program: Program,
) -> None:
    check_start(program)


def test_commands_find_all_plugins_and_functions_of_the_user(program: Program) -> None:
    check_commands(program, Path(program.env["HOME"]))


def test_start_at_login_is_switched_on_and_off(program: Program) -> None:
    check_login(program)


def test_start_that_fails_says_why(program: Program) -> None:
    env = program.env | {"OSCBRIDGE__HTTP__LISTEN": "nowhere"}
    with pytest.raises(AssertionError, match=r"failed:(.|\n)*http\.listen"):
        program.call(env=env)
