"""The checks of the page's own code: types, style, and its unit tests."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1]
RUN = runpy.run_path(str(FOLDER / "node.py"))["run"]


@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    "command",
    [
        ("node_modules/typescript/bin/tsc", "--noEmit"),
        ("node_modules/eslint/bin/eslint.js", "."),
        ("node_modules/vitest/vitest.mjs", "run"),
    ],
    ids=["types", "style", "tests"],
)
def test_code_of_the_page_is_right(command: tuple[str, ...]) -> None:
    assert (FOLDER / "web" / command[0]).is_file(), "run: make test"
    done = RUN(*command)
    assert done.returncode == 0, done.stdout


def test_lock_file_names_no_registry() -> None:
    assert '"resolved"' not in (FOLDER / "web" / "package-lock.json").read_text()
