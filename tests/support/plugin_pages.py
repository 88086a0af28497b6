"""A page of the documentation about plugins, whose blocks of code are run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

__all__ = ["ROOT", "PluginPage", "run_mypy", "run_tests"]

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".mypy_cache" / "plugins"
MYPY = [sys.executable, "-m", "mypy", "--strict", "--config-file", "", "--cache-dir", str(CACHE)]


class PluginPage:
    """The blocks of code of a page. Each in Python is a module with its name in a comment."""

    def __init__(self, name: str) -> None:
        self.text = (ROOT / "docs" / name).read_text()
        found = re.findall(r"^```(\w+)\n(.*?)^```$", self.text, re.MULTILINE | re.DOTALL)
        self.blocks: list[tuple[str, str]] = found
        """Their languages and their texts, in order."""
        self.modules = {
            named[1]: text
            for kind, text in self.blocks
            if kind == "python" and (named := re.match(r"# (?:\w+/)?(\w+\.py)\n", text))
        }
        """The text of each module by the name of its file."""

    def of_language(self, language: str) -> list[str]:
        """The blocks of one language."""
        return [text for kind, text in self.blocks if kind == language]

    def table(self, heading: str) -> list[list[str]]:
        """The rows of the first table in a section."""
        section = self.text.split(f"\n## {heading}\n", 1)[1].split("\n## ")[0]
        rows = re.search(r"^\| --- .*\n((?:\|.*\n)+)", section, re.MULTILINE)
        assert rows
        lines = rows[1].splitlines()
        return [[cell.strip() for cell in row.strip("| ").split(" | ")] for row in lines]

    def names(self, heading: str) -> set[str]:
        """The names in the first column of a section's table."""
        return {name for row in self.table(heading) for name in re.findall(r"`(\w+)", row[0])}

    def write(self, folder: Path) -> Path:
        """Write all modules into a folder. Returns it."""
        for name, text in self.modules.items():
            (folder / name).write_text(text)
        return folder


def run_mypy(folder: Path, *files: str) -> subprocess.CompletedProcess[str]:
    """Check files in strict mode."""
    return subprocess.run([*MYPY, *files], capture_output=True, text=True, cwd=folder)


def run_tests(folder: Path, options: str = "") -> None:
    """Run the tests of a page. Raises ``AssertionError`` with the output if one fails."""
    (folder / "pytest.ini").write_text(f"[pytest]\npythonpath = .\n{options}")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    result = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    assert result.returncode == 0, result.stdout + result.stderr
