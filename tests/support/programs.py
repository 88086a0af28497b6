"""System programs: tests may start those of tests/system-packages.txt and no others.

pytest loads this module as a plugin (pyproject.toml). It looks at every process that a test
process starts, by whatever function. So a test cannot rely on a program that happens to be
installed on one machine and that ``make test`` does not install on another.

Programs of the repository, of its virtual environment (also of node_modules) and programs
that a test has made in a temporary folder are free. Programs that these start in turn are not
seen here; ``make test-fresh`` finds out.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

__all__ = ["find_program", "problem_with"]

ROOT: Final = Path(__file__).parents[2]
LIST: Final = ROOT / "tests/system-packages.txt"
FREE: Final = tuple(Path(each).resolve() for each in (ROOT, sys.prefix, tempfile.gettempdir()))


def _read_list() -> Mapping[str, str]:
    """The package of each program, without files that only identify a package."""
    lines = [line.split() for line in LIST.read_text().splitlines() if not line.startswith("#")]
    return {name: words[0] for words in lines for name in words[1:] if not name.startswith("/")}


PACKAGES: Final = _read_list()


def find_program(name: str, *, first: str = "") -> str:
    """The path of a system program, from a folder if it exists there, otherwise from PATH.

    A path is returned unchanged. Fails if a test may not start the program or it is missing.
    """
    if problem := problem_with(name):
        pytest.fail(problem)
    path = f"{first}:{os.environ.get('PATH', os.defpath)}" if first else None
    if found := shutil.which(name, path=path):
        return found
    package = PACKAGES.get(name, name)
    pytest.fail(f"{name} is missing: install {package} ({LIST.relative_to(ROOT)})")


def problem_with(
    program: str, folder: str | None = None, environment: Mapping[Any, Any] | None = None
) -> str:
    """Why a test may not start a program from a working folder, or "" if it may."""
    name = Path(program).name
    if program == name:
        path = None if environment is None else ":".join(os.get_exec_path(environment))
        program = shutil.which(name, path=path) or name
    found = Path(folder or "", program).absolute()
    if name in PACKAGES or any(map(found.is_relative_to, FREE)):
        return ""
    if any(map(found.resolve().is_relative_to, FREE)):
        return ""
    return _not_listed(name)


def _not_listed(name: str) -> str:
    return (
        f"a test starts {name!r}, which is not in {LIST.relative_to(ROOT)}: "
        "add the Debian package that has it there, or it is missing on a fresh machine"
    )


# --- started programs --------------------------------------------------------------------------

_problems: list[str] = []  # also of processes whose caller swallows the failure


def _look(event: str, args: tuple[Any, ...]) -> None:
    if event == "subprocess.Popen":
        program, _, folder, environment = args
    elif event in ("os.exec", "os.posix_spawn"):
        program, _, environment = args
        folder = None
    elif event == "os.system":
        program, folder, environment = "sh", None, None
    else:
        return
    cwd = None if folder is None else os.fsdecode(folder)
    if problem := problem_with(os.fsdecode(program), cwd, environment):
        _problems.append(problem)
        pytest.fail(problem)


sys.addaudithook(_look)


@pytest.hookimpl(wrapper=True)
def _check(item: pytest.Item) -> Iterator[None]:
    """Fail a test that has tried to start such a program, even if it swallowed the error."""
    try:
        yield
    finally:
        found = _problems[:]
        _problems.clear()
    if found:
        pytest.fail(f"{found[0]} ({item.name})")


pytest_runtest_setup = pytest_runtest_call = pytest_runtest_teardown = _check
