"""Rewrites a file in which endpoints have tokens of their own to one with ``[[token]]``.

Comments, order and formatting are kept.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from pathlib import PurePath
from typing import Any, Final

import tomlkit
from tomlkit.exceptions import TOMLKitError

from oscbridge.bridge.config.names import NAME
from oscbridge.bridge.config.problem import KeyPath, path_text
from oscbridge.bridge.config.token_rewriting import MovedToken, TokenRewriting, new_key
from oscbridge.bridge.config.toml import parse_toml
from oscbridge.endpoint import AnyEndpoint
from oscbridge.errors import ConfigurationError
from oscbridge.toml_text import toml_table

__all__ = ["move_tokens", "token_names"]

_RIGHTS: Final = {"both": ["listen", "send"], "listen": ["listen"], "send": ["send"]}
"""Rights by what they were called."""

_ORDER: Final = ("name", "secret", "rights", "addresses", "endpoints")
_WORD: Final = re.compile(r"[^A-Za-z0-9]+")
_MAX_NAME: Final = 60


def move_tokens(
    text: str,
    types: Mapping[str, type[AnyEndpoint]],
    name: str,
    taken: set[str] | None = None,
) -> tuple[str, list[MovedToken]]:
    """The text of a file without tokens of its endpoints, and the tokens that were moved.

    ``types`` are the endpoint types by name; ``name`` is the file's, for error messages;
    ``taken`` are the names of tokens in other files, to which those of this one are added. Raises
    :class:`ConfigurationError` if that is not possible.
    """
    raw = parse_toml(text, name)
    moved = _find(raw, types, name, set() if taken is None else taken)
    if not moved:
        return text, []
    try:
        new_text = _move_rest(TokenRewriting(text, moved).text, moved)
        if _sorted(tomllib.loads(new_text)) == _sorted(_expected(raw, moved)):
            return new_text, moved
    except (ValueError, TOMLKitError, RecursionError):  # e.g. tokens in braces, to which none fits
        pass
    raise ConfigurationError(f"{name}: not changed; {_BY_HAND}")


_BY_HAND: Final = "write the tokens of endpoints as tables [[token]] by hand"


# --- tables to move ----------------------------------------------------------------------------


def token_names(raw: Mapping[str, Any]) -> set[str]:
    """The names of the tables ``[[token]]`` of a file."""
    tokens = raw.get("token")
    found = tokens if isinstance(tokens, list) else ()
    return {str(each.get("name")) for each in found if isinstance(each, dict)}


def _find(
    raw: Mapping[str, Any],
    types: Mapping[str, type[AnyEndpoint]],
    name: str,
    names: set[str],
) -> list[MovedToken]:
    """The tokens to move, in the order of the file; one that several endpoints have is one."""
    found: list[MovedToken] = []
    names |= token_names(raw)
    for path, endpoint, table in _old_tokens(raw, types, name):
        keys = {new_key(key): value for key, value in table.items()}
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


def _move_rest(text: str, moved: Iterable[MovedToken]) -> str:
    """Move the keys of a table that is written in braces to the end of the file."""
    raw = tomllib.loads(text)
    tables: list[str] = []
    document = tomlkit.parse(text)
    for each in moved:
        for _, endpoint, key, *_ in each.paths:
            if key in raw["endpoint"][endpoint]:
                del raw["endpoint"][endpoint][key]
                document["endpoint"][endpoint].remove(key)
        if each.keys["name"] not in token_names(raw):
            tables.append(toml_table("[[token]]", each.keys))
    if not tables:
        return text
    return "\n\n".join([document.as_string().rstrip("\n"), *tables]) + "\n"


def _expected(raw: Mapping[str, Any], moved: Sequence[MovedToken]) -> dict[str, Any]:
    """The tables that the new text must have."""
    copy = deepcopy(dict(raw))
    for each in moved:
        for _, endpoint, key, *_ in each.paths:
            copy["endpoint"][endpoint].pop(key, None)
    return {**copy, "token": [*_tokens(copy), *(each.keys for each in moved)]}


def _sorted(raw: dict[str, Any]) -> dict[str, Any]:
    """The tables of a file, in which the order of tokens does not matter."""
    return {**raw, "token": sorted(_tokens(raw), key=str)}


def _tokens(raw: Mapping[str, Any]) -> list[Any]:
    """The tables ``[[token]]`` of a file. Raises ``ValueError`` if they are something else."""
    tokens = raw.get("token", [])
    if not isinstance(tokens, list):
        raise ValueError("expected a list of tables")
    return tokens
