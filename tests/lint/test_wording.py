"""The lint step for wording: finds wordings in text, and accepts those listed for a file."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from wording import excess, find


def words(file: str, content: str) -> list[str]:
    return [found.text for found in find(file, content)]


def test_find_reads_strings_and_comments_of_python_only() -> None:
    content = 'mend = 1  # mend it\ntext = "anew"\n'
    assert words("a.py", content) == ["mend", "anew"]


def test_find_reads_the_text_of_f_strings() -> None:
    assert words("a.py", 'f"{x} is told"') == ["is told"]


def test_find_reads_markdown_outside_code_blocks() -> None:
    assert words("a.md", "outbox\n```toml\noutbox = 1\n```\nanew\n") == ["outbox", "anew"]


def test_find_gives_the_line_in_a_docstring() -> None:
    (found,) = find("a.py", '"""First.\n\nA fault.\n"""\n')
    assert str(found) == "a.py:3: 'fault': write problem"


def test_excess_has_all_findings_of_a_file_with_too_many() -> None:
    found = find("a.md", "anew\nanew\n") + find("b.md", "anew\n")
    assert [each.file for each in excess(found, Counter({"a.md": 1, "b.md": 1}))] == ["a.md"] * 2
