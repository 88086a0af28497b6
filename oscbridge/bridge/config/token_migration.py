"""Rewrites a file in which endpoints have tokens of their own to one with ``[[token]]``.

Comments, order and formatting are kept.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import PurePath
from typing import Any, Final

import tomlkit
from tomlkit.exceptions import TOMLKitError

from oscbridge.bridge.config.names import NAME
from oscbridge.bridge.config.problem import KeyPath, path_text
from oscbridge.bridge.config.token_rewriting import (
    EmptyTokens,
    MovedToken,
    TokenRewriting,
    new_key,
)
from oscbridge.bridge.config.toml import parse_toml
from oscbridge.contract.endpoint import AnyEndpoint
from oscbridge.errors import ConfigurationError
from oscbridge.toml_text import toml_table

__all__ = ["TokenMigration"]

_RIGHTS: Final = {"both": ["listen", "send"], "listen": ["listen"], "send": ["send"]}
"""Rights by what they were called."""

_ORDER: Final = ("name", "secret", "rights", "addresses", "endpoints")
_WORD: Final = re.compile(r"[^A-Za-z0-9]+")
_MAX_NAME: Final = 60


class TokenMigration:
    """Moves the tokens of endpoints in all files of a configuration to tables ``[[token]]``.

    One secret in several files becomes one token, in the first of them.
    """

    def __init__(self, texts: Mapping[str, str], types: Mapping[str, type[AnyEndpoint]]) -> None:
        """``texts`` are those of the files by name, ``types`` the endpoint types by name.

        Raises :class:`ConfigurationError` if the tokens cannot be moved.
        """
        self._texts = texts
        self._raw = {name: parse_toml(text, name) for name, text in texts.items()}
        self._moved: list[MovedToken] = []
        self._own: dict[str, set[KeyPath]] = {name: set() for name in texts}
        """The paths of old tokens by file."""
        self._empty: dict[str, list[EmptyTokens]] = {name: [] for name in texts}
        self._names = set().union(*map(token_names, self._raw.values()))
        self._secrets = [pair for raw in self._raw.values() for pair in _secrets(raw)]
        for name, raw in self._raw.items():
            for path, endpoint, table in _old_tokens(raw, types, name):
                if table is None:
                    self._empty[name].append(EmptyTokens(path))
                else:
                    self._own[name].add(path)
                    self._add(name, path, endpoint, table)

    def _add(self, file: str, path: KeyPath, endpoint: str, table: Mapping[str, Any]) -> None:
        keys = {new_key(key): value for key, value in table.items()}
        if isinstance(rights := keys.get("rights"), str):
            keys["rights"] = _RIGHTS.get(rights, [rights])
        secret = keys.get("secret")
        for title, other in self._secrets:
            if other == secret:
                raise ConfigurationError(
                    f"{file}: not changed: {path_text(path)} has the secret of [[token]] "
                    f"{title!r}; remove it here, and add {endpoint!r} to the endpoints there"
                )
        same = next((each for each in self._moved if each.keys.get("secret") == secret), None)
        if same is None:
            keys["name"] = _unused(_name_of(path, endpoint, secret), self._names)
            keys["endpoints"] = [endpoint]
            self._moved.append(MovedToken(path, _in_order(keys), [path]))
            return
        if _limits(same.keys) != _limits(keys):
            raise ConfigurationError(
                f"{file}: not changed: {path_text(path)} has the secret of {path_text(same.path)}, "
                "but other rights or addresses; give each its own secret"
            )
        same.paths.append(path)
        if endpoint not in same.keys["endpoints"]:
            same.keys["endpoints"].append(endpoint)

    def apply(self, name: str) -> tuple[str, list[MovedToken | EmptyTokens]]:
        """The new text of a file, and the parts that were moved from it.

        Raises :class:`ConfigurationError` if that is not possible.
        """
        text, raw, own, empty = (
            self._texts[name],
            self._raw[name],
            self._own[name],
            self._empty[name],
        )
        moved = [
            replace(each, paths=paths)
            for each in self._moved
            if (paths := [path for path in each.paths if path in own])
        ]
        if not moved and not empty:
            return text, []
        new_tables = [each.keys for each in moved if each.path in own]
        places = [*own, *(each.path for each in empty)]
        try:
            rewriting = TokenRewriting(text, moved, [each.path for each in empty])
            new_text = _move_rest(rewriting.text, places, new_tables)
            if _sorted(tomllib.loads(new_text)) == _sorted(_expected(raw, places, new_tables)):
                return new_text, [*moved, *empty]
        except (ValueError, TOMLKitError, RecursionError):  # e.g. tokens in braces, of other forms
            pass
        raise ConfigurationError(f"{name}: not changed; {_BY_HAND}")


_BY_HAND: Final = "write the tokens of endpoints as tables [[token]] by hand"


# --- tables to move ----------------------------------------------------------------------------


def token_names(raw: Mapping[str, Any]) -> set[str]:
    """The names of the tables ``[[token]]`` of a file."""
    return {str(each.get("name")) for each in _tables(raw)}


def _secrets(raw: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    """The names and the secrets of the tables ``[[token]]`` of a file."""
    for table in _tables(raw):
        keys = {new_key(key): value for key, value in table.items()}
        if "secret" in keys:
            yield str(keys.get("name")), keys["secret"]


def _tables(raw: Mapping[str, Any]) -> list[dict[str, Any]]:
    tokens = raw.get("token")
    found = tokens if isinstance(tokens, list) else ()
    return [each for each in found if isinstance(each, dict)]


def _old_tokens(
    raw: Mapping[str, Any], types: Mapping[str, type[AnyEndpoint]], name: str
) -> Iterator[tuple[KeyPath, str, Mapping[str, Any] | None]]:
    """Each token with its path and its endpoint; None for an empty list of tokens."""
    endpoints = raw.get("endpoint")
    for endpoint, table in endpoints.items() if isinstance(endpoints, dict) else ():
        kind = types.get(str(table.get("type"))) if isinstance(table, dict) else None
        for key in () if kind is None else kind.options_type.token_keys:
            if key not in table:
                continue
            path = ("endpoint", endpoint, key)
            if table[key] == []:
                yield path, endpoint, None
                continue
            if not isinstance(table[key], list):
                yield path, endpoint, {"token": table[key]}
                continue
            for position, each in enumerate(table[key]):
                if not isinstance(each, dict):
                    text = f"{path_text((*path, position))}: not changed: expected a table"
                    raise ConfigurationError(f"{name}: {text}")
                yield (*path, position), endpoint, each


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


def _move_rest(
    text: str, places: Iterable[KeyPath], new_tables: Iterable[Mapping[str, Any]]
) -> str:
    """Move the keys of a table that is written in braces to the end of the file."""
    raw = tomllib.loads(text)
    document = tomlkit.parse(text)
    is_changed = False
    for _, endpoint, key, *_ in places:
        if key in raw["endpoint"][endpoint]:
            del raw["endpoint"][endpoint][key]
            document["endpoint"][endpoint].remove(key)
            is_changed = True
    names = token_names(raw)
    tables = [toml_table("[[token]]", each) for each in new_tables if each["name"] not in names]
    if not tables:
        return document.as_string() if is_changed else text
    return "\n\n".join([document.as_string().rstrip("\n"), *tables]) + "\n"


def _expected(
    raw: Mapping[str, Any], places: Iterable[KeyPath], new_tables: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """The tables that the new text must have."""
    copy = deepcopy(dict(raw))
    for _, endpoint, key, *_ in places:
        copy["endpoint"][endpoint].pop(key, None)
    if not new_tables:
        return copy
    return {**copy, "token": [*_tokens(copy), *new_tables]}


def _sorted(raw: dict[str, Any]) -> dict[str, Any]:
    """The tables of a file, in which the order of tokens does not matter."""
    return {**raw, "token": sorted(_tokens(raw), key=str)}


def _tokens(raw: Mapping[str, Any]) -> list[Any]:
    """The tables ``[[token]]`` of a file. Raises ``ValueError`` if they are something else."""
    tokens = raw.get("token", [])
    if not isinstance(tokens, list):
        raise ValueError("expected a list of tables")
    return tokens
