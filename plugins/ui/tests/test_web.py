"""The checks of the page's own code: types, style, and its unit tests."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
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


@pytest.mark.parametrize("file", ["src/Frame.tsx", "src/store.ts", "scripts/finish.js"])
def test_functions_of_the_page_have_at_most_fifty_lines(file: str) -> None:
    done = RUN("node_modules/eslint/bin/eslint.js", "--print-config", file)
    settings = json.loads(done.stdout)
    limit = {"max": 50, "skipBlankLines": False, "skipComments": False}
    assert settings["rules"]["max-lines-per-function"] == [2, limit]
    assert settings["linterOptions"]["noInlineConfig"] is True


def test_output_of_a_tool_is_shown(tmp_path: Path) -> None:
    script = tmp_path / "serve.js"
    script.write_text('console.log("http://localhost:5173/"); process.exit(3)')
    command = [sys.executable, str(FOLDER / "node.py"), str(script)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.returncode) == ("http://localhost:5173/\n", 3)


def test_lock_file_names_no_registry() -> None:
    assert '"resolved"' not in (FOLDER / "web" / "package-lock.json").read_text()
