"""Rewrites the text of a file so that tokens of endpoints become tables ``[[token]]``. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from oscbridge.bridge.config.problem import KeyPath, path_text
from oscbridge.bridge.config.toml_lines import TomlExpression, expressions
from oscbridge.toml_text import toml_table, toml_value

__all__ = ["EmptyTokens", "MovedToken", "TokenRewriting", "new_key"]


@dataclass
class MovedToken:
    """A token of endpoints that becomes a table ``[[token]]``."""

    path: KeyPath
    """Where it was first."""
    keys: dict[str, Any]
    """The keys of its new table."""
    paths: list[KeyPath] = field(default_factory=list)
    """Everywhere where it was, in all files."""

    def __str__(self) -> str:
        places = ", ".join(map(path_text, self.paths))
        return f"{places}: moved to [[token]] {self.keys['name']!r}"


class EmptyTokens(NamedTuple):
    """An empty list of tokens, which is removed."""

    path: KeyPath

    def __str__(self) -> str:
        return f"{path_text(self.path)}: removed, as it has no tokens"


def new_key(key: str) -> str:
    """The name of a key of a token, by its former name."""
    return "secret" if key == "token" else key


class TokenRewriting:
    """Moves the tokens in a text, as far as their tables or keys are written on lines of their own.

    A table of a list of tokens becomes ``[[token]]`` where it is; another token becomes one after
    the table that it was in.
    """

    def __init__(
        self, text: str, moved: Sequence[MovedToken], empty: Collection[KeyPath] = ()
    ) -> None:
        """``empty`` are the paths of empty lists of tokens, which are left out."""
        self._empty = empty
        self._by_path = {path: each for each in moved for path in each.paths}
        self._end = "\r\n" if "\r\n" in text else "\n"
        self._lines: list[str] = []
        self._table: tuple[str, ...] = ()
        self._positions: dict[tuple[str, ...], int] = {}
        self._current: MovedToken | None = None
        """The token whose table is being read."""
        self._is_inner = False
        """Whether the current table is one within the table of a token."""
        self._is_dropped = False
        """Whether the keys of the current table are left out, as another has them."""
        self._last = 0
        """The number of lines after the last key of the current table."""
        self._waiting: list[str] = []
        """Tables to be written after the current one."""
        for each in expressions(text):
            self._add(each)
        self._end_table()
        self.text = "".join(self._lines)

    def _add(self, each: TomlExpression) -> None:
        if each.kind == "blank":
            self._lines.append(each.text)
        elif each.kind == "key":
            self._add_key(each)
        else:
            self._end_table()
            self._table = each.path
            self._add_header(each)
            self._last = len(self._lines)

    def _add_header(self, header: TomlExpression) -> None:
        path = header.path[:3]
        position = self._positions.get(path, -1)
        self._is_inner = self._is_dropped = False
        if header.kind == "list" and header.path == path:
            position += 1
            self._positions[path] = position
        token = self._by_path.get((*path, position))
        if token is not None:  # a table of a list, or one within it
            self._is_dropped = token.path != (*path, position)
            if self._is_dropped:
                return
            inner = ".".join(["token", *map(new_key, header.path[3:])])
            new = f"[[{inner}]]" if header.kind == "list" else f"[{inner}]"
            self._lines.append(f"{new}{header.comment}{self._end}")
            self._is_inner = header.path != path
            if not self._is_inner:
                self._current = token
                self._lines.append(self._key("name"))
        elif path in self._by_path:  # [endpoint.web.token]
            self._is_dropped = True
            self._wait(path, header.comment)
        else:
            self._lines.append(header.text)

    def _add_key(self, each: TomlExpression) -> None:
        path = (*self._table, *each.path)
        if path in self._empty:
            return
        if self._current is not None:
            key = new_key(each.path[0])
            if key in self._current.keys and len(each.path) == 1:
                text = "" if key == "rights" else each.value_text
                self._lines.append(self._key(key, text, each.comment))
            else:
                old = re.compile(r"""(\s*)(?:"token"|'token'|token)(?=\s*\.)""")
                self._lines.append(old.sub(r"\1secret", each.text, count=1))
        elif self._is_dropped:
            return
        elif not self._is_inner and (found := self._tokens_at(path[:3])) and len(path) >= 3:
            above = self._comments_above()
            for token_path in found:
                self._wait(token_path, each.comment, above)
                above = ""
            return
        else:
            self._lines.append(each.text)
        self._last = len(self._lines)

    def _comments_above(self) -> str:
        """The comments right above the next key, which are removed."""
        found: list[str] = []
        while len(self._lines) > self._last and self._lines[-1].lstrip().startswith("#"):
            found.insert(0, self._lines.pop())
        return "".join(found)

    def _tokens_at(self, path: tuple[str, ...]) -> list[KeyPath]:
        """The paths of the tokens that a key contains."""
        return [each for each in self._by_path if each[:3] == path]

    def _key(self, key: str, text: str = "", comment: str = "") -> str:
        """The line of a key of the current token; ``text`` is its value if it stays as it was."""
        assert self._current is not None
        width = max(map(len, self._current.keys))
        value = text or toml_value(self._current.keys[key])
        return f"{key:<{width}} = {value}{comment}{self._end}"

    def _wait(self, path: KeyPath, comment: str, above: str = "") -> None:
        """Write the table of a token after the current table, if it is the first place of it.

        ``comment`` is that after its secret, ``above`` are the lines above it.
        """
        token = self._by_path[path]
        table = toml_table("[[token]]", token.keys)
        if token.path != path or any(table in each for each in self._waiting):
            self._lines.append(above)
            return
        lines = [f"{line}{self._end}" for line in table.split("\n")]
        if comment.strip() and len(path) == 3:
            lines[2] = f"{lines[2].rstrip()}{comment}{self._end}"
        self._waiting.append(above + "".join(lines))

    def _end_table(self) -> None:
        """Write the missing keys of the current table, after its last key."""
        if self._last and not self._lines[self._last - 1].endswith("\n"):
            self._lines[self._last - 1] += self._end
        if self._current is not None:
            self._lines.insert(self._last, self._key("endpoints"))
        elif self._waiting:
            after = "".join(f"{self._end}{each}" for each in self._waiting)
            self._lines.insert(self._last, after)
        self._current, self._waiting = None, []
