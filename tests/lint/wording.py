"""Finds wordings that the glossary in CONTRIBUTING.md replaces: ``python tests/lint/wording.py``.

Fails if a file contains more of them than ``wording-accepted.txt`` accepts for it. New text
therefore contains none; ``--update`` writes the file again after text was moved or improved.
Reads strings and comments of Python files, Markdown outside code blocks, and other text files.
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tokenize
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parents[2]
ACCEPTED: Final = Path(__file__).with_name("wording-accepted.txt")
SUFFIXES: Final = {".py", ".md", ".toml", ".html", ".yaml"}
EXCLUDED: Final = {"CHANGELOG.md", "CONTRIBUTING.md", "tests/lint/wording.py"}
"""Files that quote the patterns, or are older than the rules."""

PATTERNS: Final = {
    re.compile(rf"\b{pattern}"): advice
    for pattern, advice in {
        r"stands? (twice|beside|behind|for itself)\b": "duplicate, next to, after, by itself",
        r"mend(s|ed|ing)?\b": "fix",
        r"(is|are|was|were|be|been) told\b|\btells? of\b": "is logged, is reported",
        r"go(es)? on as\b": "keeps running, is unchanged",
        r"anew\b": "again",
        r"let (go|in)\b": "closed, released, accepted",
        r"for people\b": "human-readable",
        r"held against\b": "compared with",
        r"a line each\b|\ba second, an address\b": "one per line, per second per address",
        r"faults?\b": "problem",
        r"in force\b": "active",
        r"[Oo]utbox(es)?\b": "send queue",
        r"(is|are) no (file|directory|number|message|socket|table|text|name|address)s?\b": "is not",
        r"[Ww]ho(ever)? (reads|connects|sends|listens|asks|wants)\b": "the reader, clients",
        r"[Ww]hat (comes|came|goes|waits|arrives)\b": "incoming messages, the queue",
    }.items()
}


class Finding(NamedTuple):
    """One place with a wording to replace."""

    file: str
    line: int
    text: str
    advice: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text!r}: write {self.advice}"


def find(file: str, content: str) -> list[Finding]:
    """The wordings in the content of a file."""
    return [
        Finding(file, number, found[0], advice)
        for number, line in _texts(file, content)
        for pattern, advice in PATTERNS.items()
        for found in pattern.finditer(line)
    ]


def _texts(file: str, content: str) -> Iterator[tuple[int, str]]:
    """The numbered lines with text for readers."""
    if not file.endswith(".py"):
        in_code = False
        for number, line in enumerate(content.splitlines(), 1):
            in_code ^= file.endswith(".md") and line.lstrip().startswith("```")
            if not in_code:
                yield number, line
        return
    middle = getattr(tokenize, "FSTRING_MIDDLE", None)
    for token in tokenize.generate_tokens(io.StringIO(content).readline):
        if token.type in (tokenize.STRING, tokenize.COMMENT, middle):
            for offset, line in enumerate(token.string.splitlines()):
                yield token.start[0] + offset, line


def files() -> list[str]:
    """The files of the repository, and new ones that are not ignored."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    names = set(listed.stdout.splitlines()) - EXCLUDED
    return sorted(name for name in names if Path(name).suffix in SUFFIXES)


def findings() -> list[Finding]:
    """The wordings in all files that may contain one."""
    any_pattern = re.compile("|".join(pattern.pattern for pattern in PATTERNS))
    found = []
    for file in files():
        path = ROOT / file
        content = path.read_text() if path.is_file() else ""
        if any_pattern.search(content):  # splitting into tokens is slow
            found += find(file, content)
    return found


def accepted() -> Counter[str]:
    """How many findings each file may have."""
    lines = (line.split() for line in ACCEPTED.read_text().splitlines())
    return Counter({file: int(count) for count, file in lines})


def excess(found: list[Finding], limits: Counter[str]) -> list[Finding]:
    """The findings of files with more of them than accepted."""
    counts = Counter(each.file for each in found)
    return [each for each in found if counts[each.file] > limits[each.file]]


def main() -> int:
    """Print the findings of new text. Exit code: 0 if there are none, otherwise 1."""
    found = findings()
    if "--update" in sys.argv[1:]:
        counts = sorted(Counter(each.file for each in found).items())
        ACCEPTED.write_text("".join(f"{count:4} {file}\n" for file, count in counts))
        return 0
    new = excess(found, accepted())
    for each in new:
        print(each)
    if new:
        print("The glossary is in CONTRIBUTING.md. For text that was only moved:")
        print("python tests/lint/wording.py --update")
    return bool(new)


if __name__ == "__main__":
    sys.exit(main())
