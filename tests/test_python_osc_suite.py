"""The tests of python-osc itself pass with oscbridge in its place.

Its wheel contains them. docs/reference/python-osc.md lists those that do not pass, with reasons.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "reference" / "python-osc.md"
ROW = re.compile(r"^\| `(\w+\.\w+\.test_\w+)` \| (.+) \|$", re.MULTILINE)
WAIT = 120.0


def copy_tests(to: Path) -> int:
    """Copy its tests, with the imports changed. Returns the number of files."""
    spec = find_spec("pythonosc")
    assert spec is not None
    assert spec.origin is not None
    shutil.copytree(
        Path(spec.origin).with_name("test"), to, ignore=shutil.ignore_patterns("__pycache__")
    )
    files = sorted(to.rglob("test_*.py"))
    for path in files:
        path.write_text(re.sub(r"\bpythonosc\b", "oscbridge", path.read_text()))
    return len(files)


def test_tests_of_python_osc_pass_except_those_that_are_listed(tmp_path: Path) -> None:
    assert copy_tests(tmp_path / "test") >= 12
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rA", "-p", "no:cacheprovider", "test"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=WAIT,
        check=False,
    )
    found = re.findall(r"^(PASSED|FAILED|ERROR) \S*?(\w+)\.py::(\w+)::(\w+)", result.stdout, re.M)
    assert len(found) >= 154, result.stdout[-2_000:]
    outcome = {f"{file}.{case}.{name}": how for how, file, case, name in found}
    failed = {name for name, how in outcome.items() if how != "PASSED"}
    listed = {name for name, _reason in ROW.findall(PAGE.read_text())}
    assert failed == listed


def test_program_of_the_page_runs() -> None:
    programs = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert programs
    for program in programs:
        subprocess.run([sys.executable, "-W", "error", "-c", program], timeout=WAIT, check=True)
