"""Rewrites a file in which endpoints have tokens of their own to one with ``[[token]]``.

Comments, order and formatting are kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any, Final

import tomlkit
from tomlkit.exceptions import TOMLKitError

from oscbridge.bridge.config.names import NAME
from oscbridge.bridge.config.problem import KeyPath, path_text
from oscbridge.bridge.config.toml import parse_toml
from oscbridge.bridge.config.toml_lines import TomlExpression, expressions
from oscbridge.endpoint import AnyEndpoint
from oscbridge.errors import ConfigurationError
from oscbridge.toml_text import toml_table, toml_value

__all__ = ["MovedToken", "move_tokens"]

_RIGHTS: Final = {"both": ["listen", "send"], "listen": ["listen"], "send": ["send"]}
"""Rights by what they were called."""

_ORDER: Final = ("name", "secret", "rights", "addresses", "endpoints")
_WORD: Final = re.compile(r"[^A-Za-z0-9]+")
_MAX_NAME: Final = 60


@dataclass
class MovedToken:
    """A token of endpoints that becomes a table ``[[token]]``."""

    path: KeyPath
    """Where it was first."""
    keys: dict[str, Any]
    """The keys of its new table."""
    paths: list[KeyPath] = field(default_factory=list)
    """Everywhere where it was."""

    def __str__(self) -> str:
        places = ", ".join(map(path_text, self.paths))
        return f"{places}: moved to [[token]] {self.keys['name']!r}"


def move_tokens(
    text: str, types: Mapping[str, type[AnyEndpoint]], name: str
) -> tuple[str, list[MovedToken]]:
    """The text of a file without tokens of its endpoints, and the tokens that were moved.

    ``types`` are the endpoint types by name; ``name`` is the file's, for error messages. Raises
    :class:`ConfigurationError` if that is not possible.
    """
    raw = parse_toml(text, name)
    moved = _find(raw, types, name)
    if not moved:
        return text, []
    try:
        new_text = _move_rest(_Rewriting(text, moved).text, moved, name)
    except (ValueError, TOMLKitError, RecursionError) as error:
        raise ConfigurationError(f"{name}: not changed: {error}; {_BY_HAND}") from None
    if _sorted(parse_toml(new_text, name)) != _sorted(_expected(raw, moved)):
        raise ConfigurationError(f"{name}: not changed; {_BY_HAND}")
    return new_text, moved


_BY_HAND: Final = "write the tokens of endpoints as tables [[token]] by hand"


# --- what is to be moved -----------------------------------------------------------------------


def _find(
    raw: Mapping[str, Any], types: Mapping[str, type[AnyEndpoint]], name: str
) -> list[MovedToken]:
    """The tokens to move, in the order of the file; one that several endpoints have is one."""
    found: list[MovedToken] = []
    names = {str(each.get("name")) for each in raw.get("token", []) if isinstance(each, dict)}
    for path, endpoint, table in _old_tokens(raw, types, name):
        keys = {_new_key(key): value for key, value in table.items()}
        if isinstance(rights := keys.get("rights"), str):
            keys["rights"] = _RIGHTS.get(rights, [rights])
        same = next((each for each in found if each.keys.get("secret") == keys.get("secret")), None)
        if same is None:
            keys["name"] = _unused(_name_of(path, endpoint, keys.get("secret")), names)
            keys["endpoints"] = [endpoint]
            found.append(MovedToken(path, _in_order(keys), [path]))
            continue
        if _limits(same.keys) != _limits(keys):
            raise ConfigurationError(
                f"{name}: not changed: {path_text(path)} has the secret of {path_text(same.path)}, "
                "but other rights or addresses; give each its own secret"
            )
        same.paths.append(path)
        if endpoint not in same.keys["endpoints"]:
            same.keys["endpoints"].append(endpoint)
    return found


def _old_tokens(
    raw: Mapping[str, Any], types: Mapping[str, type[AnyEndpoint]], name: str
) -> Iterator[tuple[KeyPath, str, Mapping[str, Any]]]:
    """Each token with its path and its endpoint."""
    endpoints = raw.get("endpoint")
    for endpoint, table in endpoints.items() if isinstance(endpoints, dict) else ():
        kind = types.get(str(table.get("type"))) if isinstance(table, dict) else None
        for key in () if kind is None else kind.options_type.token_keys:
            if key not in table:
                continue
            path = ("endpoint", endpoint, key)
            if not isinstance(table[key], list):
                yield path, endpoint, {"token": table[key]}
                continue
            for position, each in enumerate(table[key]):
                if not isinstance(each, dict):
                    text = f"{path_text((*path, position))}: not changed: expected a table"
                    raise ConfigurationError(f"{name}: {text}")
                yield (*path, position), endpoint, each


def _new_key(key: str) -> str:
    return "secret" if key == "token" else key


def _limits(keys: Mapping[str, Any]) -> tuple[object, object]:
    return sorted(keys.get("rights", _RIGHTS["both"])), keys.get("addresses", ["*"])


def _in_order(keys: Mapping[str, Any]) -> dict[str, Any]:
    others = [key for key in keys if key not in _ORDER]
    return {key: keys[key] for key in (*_ORDER, *others) if key in keys}


def _name_of(path: KeyPath, endpoint: str, secret: object) -> str:
    """A name for a token: its endpoint, and for one of several also where its secret is from."""
    position = path[-1]
    if not isinstance(position, int):
        return endpoint
    source = ""
    match secret:
        case {"file": str(file)}:
            source = PurePath(file).stem
        case {"env": str(variable)}:
            source = variable.lower()
    words = [word for word in _WORD.split(source) if word and word != "token"]
    name = "-".join([endpoint, *(words or [str(position + 1)])])[:_MAX_NAME]
    return name if NAME.fullmatch(name) else f"{endpoint}-{position + 1}"


def _unused(name: str, names: set[str]) -> str:
    """The name, with a number if it is taken; it is taken then."""
    number, found = 1, name
    while found in names:
        number += 1
        found = f"{name}-{number}"
    names.add(found)
    return found


# --- the text ----------------------------------------------------------------------------------


class _Rewriting:
    """Moves the tokens in a text, as far as their tables or keys are written on lines of their own.

    A table of a list of tokens becomes ``[[token]]`` where it is; another token becomes one after
    the table that it was in.
    """

    def __init__(self, text: str, moved: Sequence[MovedToken]) -> None:
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
            inner = ".".join(["token", *map(_new_key, header.path[3:])])
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
        if self._current is not None:
            key = _new_key(each.path[0])
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
        lines = [f"{line}{self._end}" for line in table.splitlines()]
        if comment.strip() and len(path) == 3:
            lines[2] = f"{lines[2].rstrip()}{comment}{self._end}"
        self._waiting.append(above + "".join(lines))

    def _end_table(self) -> None:
        """Write what is missing of the current table, after its last key."""
        if self._last and not self._lines[self._last - 1].endswith("\n"):
            self._lines[self._last - 1] += self._end
        if self._current is not None:
            self._lines.insert(self._last, self._key("endpoints"))
        elif self._waiting:
            after = "".join(f"{self._end}{each}" for each in self._waiting)
            self._lines.insert(self._last, after)
        self._current, self._waiting = None, []


def _move_rest(text: str, moved: Iterable[MovedToken], name: str) -> str:
    """Move what is in a table that is written in braces: to the end of the file."""
    raw = parse_toml(text, name)
    tables: list[str] = []
    document = tomlkit.parse(text)
    for each in moved:
        for _, endpoint, key, *_ in each.paths:
            if key in raw["endpoint"][endpoint]:
                del raw["endpoint"][endpoint][key]
                document["endpoint"][endpoint].remove(key)
        if not any(t.get("name") == each.keys["name"] for t in raw.get("token", [])):
            tables.append(toml_table("[[token]]", each.keys))
    if not tables:
        return text
    return "\n\n".join([document.as_string().rstrip("\n"), *tables]) + "\n"


def _expected(raw: Mapping[str, Any], moved: Iterable[MovedToken]) -> dict[str, Any]:
    """The tables that the new text must have."""
    copy = deepcopy(dict(raw))
    for each in moved:
        for _, endpoint, key, *_ in each.paths:
            copy["endpoint"][endpoint].pop(key, None)
        copy.setdefault("token", []).append(each.keys)
    return copy


def _sorted(raw: dict[str, Any]) -> dict[str, Any]:
    """The tables of a file, in which the order of tokens does not matter."""
    return {**raw, "token": sorted(raw.get("token", []), key=lambda each: str(each.get("name")))}
