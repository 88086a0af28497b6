"""Pages that are followed word by word: their files, commands, and hidden notes. Pure.

A note is a comment of HTML before a block, or alone:

- ``terminal NAME``: the last command of the next block runs on, in a terminal of this name.
- ``output of NAME``: the next block of text is printed in that terminal.
- ``prints NAME TEXT``: the next line that is printed there, which the page does not show.
- ``never NAME TEXT``: this text is not in the output of that terminal.
- ``stop NAME``: Ctrl-C in that terminal.
- ``instead COMMAND``: runs this command instead of the next block, e.g. on a machine without sound.
- ``replace OLD with NEW``: changes the next file, for the same reason; ``\\n`` ends a line.
- ``not run: REASON``: the next block is not run.
- ``run COMMAND``: a command that the text describes without showing it.
- ``fails COMMAND``: a command that is described and must fail.
- ``do NAME ...``: calls a step of ``walk_steps.py`` with these words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

__all__ = ["Block", "Note", "commands_of", "file_name", "read_page"]

_PART: Final = re.compile(
    r"^<!-- (?P<note>[^\n]*?) -->$|^(?P<fence>```+)(?P<language>[\w-]*)\n(?P<text>.*?)^(?P=fence)$",
    re.MULTILINE | re.DOTALL,
)
_NAME: Final = re.compile(r"(?:#|;|//|<!--)\s+([\w./-]+\.\w+)(?:\s+-->)?$")
NOTES: Final = frozenset(
    (
        *("terminal", "output", "prints", "never", "stop"),
        *("instead", "replace", "not", "run", "fails", "do"),
    )
)


class Note(NamedTuple):
    """An instruction for the test, which readers do not see."""

    kind: str
    words: str


class Block(NamedTuple):
    """What stands between two fences."""

    language: str
    text: str


def read_page(text: str) -> Iterator[Note | Block]:
    """The blocks and notes of a page in their order. Raises ``ValueError`` for an unknown note."""
    for found in _PART.finditer(text):
        if found["note"] is None:
            yield Block(found["language"], found["text"])
            continue
        kind, _, words = found["note"].partition(" ")
        if kind not in NOTES:
            raise ValueError(f"unknown note {found['note']!r}")
        yield Note(kind, words)


def file_name(block: Block) -> str:
    """The name of the file that a block is, from the comment in its first line; or empty."""
    found = _NAME.match(block.text.partition("\n")[0])
    return found[1] if found else ""


def commands_of(block: Block) -> list[str]:
    """The command lines of a block, without comments."""
    text = block.text.replace("\\\n", " ")
    lines = (line.partition("  #")[0].strip() for line in text.splitlines())
    return [line for line in lines if line]
