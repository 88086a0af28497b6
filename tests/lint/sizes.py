"""Finds files and functions that are too long: ``python tests/lint/sizes.py``.

Of all languages; functions are those of Python here: ESLint finds those of the page.
Tests are exempt: many are lists of cases that are found by their names.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]

MAX_FILE: Final = 320
"""Lines of a file."""
MAX_FUNCTION: Final = 50
"""Lines of a function, its decorators excluded."""

SUFFIXES: Final = {
    ".py",
    ".pyi",
    ".ts",
    ".tsx",
    ".js",
    ".css",
    ".c",
    ".sh",
    ".html",
    ".tmpl",
    ".in",
}
NAMES: Final = {"Makefile", "Dockerfile", "entrypoint", "run", "enter"}
"""Names of source files without a suffix."""


def too_long(file: str, text: str) -> Iterator[str]:
    """The problems of a file: its length, and its long functions with their lines."""
    if (lines := len(text.splitlines())) > MAX_FILE:
        yield f"{file}: {lines} lines; at most {MAX_FILE}"
    if not file.endswith(".py"):
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or 0) - node.lineno + 1
            if lines > MAX_FUNCTION:
                place = f"{file}:{node.lineno}: {node.name}"
                yield f"{place}: {lines} lines; at most {MAX_FUNCTION}"


def is_source(file: str) -> bool:
    """Whether a file is source code, and not a test."""
    path = Path(file)
    is_test = "tests" in path.parts or ".test." in path.name
    return not is_test and (path.suffix in SUFFIXES or path.name in NAMES)


def main() -> int:
    """Print all problems. Returns 1 if there is any."""
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    files = [file for file in listed.stdout.splitlines() if is_source(file)]
    found = [
        problem
        for file in files
        if (ROOT / file).exists()
        for problem in too_long(file, (ROOT / file).read_text())
    ]
    print("\n".join(found) if found else f"{len(files)} files and their functions are short enough")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
