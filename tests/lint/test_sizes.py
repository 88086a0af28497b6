"""The lint step for long files and functions."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from sizes import MAX_FILE, MAX_FUNCTION, is_source, too_long


@pytest.mark.parametrize("file", ["a.py", "web/a.tsx", "a.css", "tests.c"])
def test_file_with_a_line_more_than_allowed_is_found(file: str) -> None:
    assert list(too_long(file, "\n" * MAX_FILE)) == []
    assert list(too_long(file, "\n" * (MAX_FILE + 1))) == [f"{file}: 321 lines; at most 320"]


@pytest.mark.parametrize("start", ["def call():", "async def call():", "class A:\n def call():"])
def test_function_with_a_line_more_than_allowed_is_found(start: str) -> None:
    body = "\n  pass" * (MAX_FUNCTION - 1)
    line = start.count("\n") + 1
    assert list(too_long("a.py", start + body)) == []
    assert list(too_long("a.py", f"{start}{body}\n  pass")) == [
        f"a.py:{line}: call: 51 lines; at most 50"
    ]


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("oscbridge/app.py", True),
        ("plugins/ui/web/src/Plot.tsx", True),
        ("plugins/ui/web/src/graph.test.ts", False),
        ("docker/entrypoint", True),
        ("Makefile", True),
        ("plugins/midi/tests/test_ports.py", False),
        ("tests/support/ports.py", False),
        ("README.md", False),
    ],
)
def test_sources_of_every_language_are_checked_and_tests_are_not(file: str, expected: bool) -> None:
    assert is_source(file) is expected
