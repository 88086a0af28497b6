"""A TOML syntax error in its text, and the cause that is found for it."""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = ["Cause", "TOMLProblem"]

MAX_LINE: Final = 4_096
"""Characters of a line that are examined."""


class Cause(NamedTuple):
    """The likely cause of an error."""

    position: int
    """Where the caret goes, as an index into the text."""
    text: str
    """The problem, and after ``; `` how to fix it."""


class TOMLProblem(NamedTuple):
    """A syntax error and its place."""

    text: str
    position: int
    message: str
    """Of ``tomllib``, without the place."""

    @property
    def start(self) -> int:
        """Where its line starts."""
        return self.text.rfind("\n", 0, self.position) + 1

    @property
    def line(self) -> str:
        return self.text[self.start :][:MAX_LINE].partition("\n")[0]

    @property
    def rest(self) -> str:
        """The rest of the line after the position, without blanks around it."""
        return self.text[self.position :][:MAX_LINE].partition("\n")[0].strip()
