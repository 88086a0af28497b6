"""Tests may start the system programs of tests/system-packages.txt and no others."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from programs import LIST, ROOT, find_program, problem_with

UNLISTED = "tac"  # of coreutils, so it is on every machine

REFUSED = f"""
import asyncio, contextlib, os, pytest, subprocess, threading
from programs import find_program

COMMAND = ["{UNLISTED}", "/dev/null"]

def test_run():
    subprocess.run(COMMAND)

def test_absolute_path():
    subprocess.run(["/usr/bin/{UNLISTED}", "/dev/null"])

def test_swallowed():
    with contextlib.suppress(BaseException):
        subprocess.run(COMMAND)

def test_thread():
    thread = threading.Thread(target=subprocess.run, args=(COMMAND,))
    thread.start()
    thread.join()

def test_asyncio():
    asyncio.run(asyncio.create_subprocess_exec(*COMMAND))

def test_posix_spawn():
    os.posix_spawn("/usr/bin/{UNLISTED}", COMMAND, {{}})

def test_find_program():
    find_program("{UNLISTED}")

@pytest.fixture
def swallowed():
    with contextlib.suppress(BaseException):
        subprocess.run(COMMAND)

def test_fixture(swallowed):
    pass
"""

ALLOWED = """
import subprocess, sys

def test_listed():
    subprocess.run(["git", "--version"], check=True)

def test_environment():
    subprocess.run([sys.executable, "-c", ""], check=True)

def test_own_script(tmp_path):
    script = tmp_path / "script"
    script.write_text("#!/bin/sh\\n")
    script.chmod(0o755)
    subprocess.run([script], check=True)
"""


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The output of a separate pytest, configured like this one, for these tests."""
    file = tmp_path_factory.mktemp("programs") / "test_it.py"
    file.write_text(REFUSED + ALLOWED)
    options = ["-rA", "-p", "no:cacheprovider"]
    options += ["-W", "ignore::pytest.PytestUnhandledThreadExceptionWarning"]
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-c", ROOT / "pyproject.toml", *options, file],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env=os.environ | {"COLUMNS": "1000"},
    )
    return result.stdout + result.stderr


@pytest.mark.parametrize("test", re.findall(r"def (test_\w+)", REFUSED))
def test_a_test_that_starts_an_unlisted_program_fails(test: str, output: str) -> None:
    reason = f"{UNLISTED!r}, which is not in tests/system-packages.txt"
    assert re.search(rf"^(FAILED|ERROR) \S*::{test} - .*{reason}", output, re.MULTILINE), output


@pytest.mark.parametrize("test", re.findall(r"def (test_\w+)", ALLOWED))
def test_a_test_may_start_listed_programs_and_its_own(test: str, output: str) -> None:
    assert re.search(rf"^PASSED \S*::{test}$", output, re.MULTILINE), output


def test_a_program_of_node_modules_and_of_the_environment_is_free() -> None:
    assert problem_with(str(ROOT / "tests/js/node_modules/.bin/anything")) == ""
    assert problem_with(str(Path(sys.prefix, "bin/anything"))) == ""


def test_a_relative_path_is_looked_up_in_the_working_folder() -> None:
    assert problem_with("./anything", folder=str(ROOT)) == ""
    assert problem_with("./anything", folder="/usr/bin") != ""


def test_a_missing_program_names_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(pytest.fail.Exception, match=r"oscsend is missing: install liblo-tools"):
        find_program("oscsend")


def test_every_line_of_the_list_names_a_package_and_how_to_find_it() -> None:
    for line in LIST.read_text().splitlines():
        assert not line or line.startswith("#") or len(line.split()) > 1, line
