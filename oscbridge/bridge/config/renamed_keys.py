"""Rewrites a configuration file from former names of keys to the current ones.

Comments, order and formatting are kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from copy import deepcopy
from typing import Any, NamedTuple, TypeAlias

import tomlkit
from pydantic import BaseModel
from tomlkit.container import Container
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AoT, Array, InlineTable, Item, Key, KeyType, SingleKey, Table

from oscbridge.bridge.config.bridge_models import BridgeOptions
from oscbridge.bridge.config.endpoint_models import HostOptions
from oscbridge.bridge.config.error_messages import (
    inner_model,
    moved_keys_of,
    renamed_keys_of,
)
from oscbridge.bridge.config.problem import KeyPath, path_text
from oscbridge.bridge.config.process_models import HTTPOptions, RunOptions
from oscbridge.bridge.config.route_models import RouteOptions
from oscbridge.bridge.config.token_migration import TokenMigration
from oscbridge.bridge.config.token_models import TokenOptions
from oscbridge.bridge.config.token_rewriting import EmptyTokens, MovedToken
from oscbridge.bridge.config.toml import parse_toml
from oscbridge.contract.endpoint import Endpoint
from oscbridge.errors import ConfigurationError

__all__ = ["RenamedKey", "rename_keys"]

_Keys: TypeAlias = Mapping[tuple[str, ...], str]
"""New names by path: without positions in lists, and with the former names."""


class RenamedKey(NamedTuple):
    """A key that was renamed."""

    path: KeyPath
    """Where it is, with its former name."""
    new: str
    is_moved: bool = False
    """Whether it is now a key of the table around its former one."""

    @property
    def target(self) -> KeyPath:
        """Where it is now, in tables with their former names."""
        return (*self.path[: -2 if self.is_moved else -1], self.new)

    def __str__(self) -> str:
        if self.is_moved:
            return f"{path_text(self.path)}: moved to '{path_text(self.target)}'"
        return f"{path_text(self.path)}: renamed to {self.new!r}"


def rename_keys(
    text: str,
    types: Mapping[str, type[Endpoint]],
    name: str,
    migration: TokenMigration | None = None,
) -> tuple[str, Sequence[RenamedKey | MovedToken | EmptyTokens]]:
    """The text of a file with the current names of keys, and the renamed and moved keys.

    ``types`` are the endpoint types by name; ``name`` is the file's, for error messages;
    ``migration`` moves the tokens of this file and the others of the configuration; by default it
    is the only one. Raises :class:`ConfigurationError` if the file is not TOML, or has a key under
    both names.
    """
    text, moved_tokens = (migration or TokenMigration({name: text}, types)).apply(name)
    raw = parse_toml(text, name)
    renamed = list(_find(raw, (), (), raw, types))
    _refuse_duplicates(raw, renamed, name)
    if not renamed:
        return text, moved_tokens
    keys = {_without_positions(each.path): each.new for each in renamed if not each.is_moved}
    moved = [each for each in renamed if each.is_moved]
    try:
        document = tomlkit.parse(text)
        for each in moved:
            _move(document, each)
        _rename(document, keys, ())
        new_text = document.as_string()
    except (TOMLKitError, RecursionError) as error:
        raise ConfigurationError(f"{name}: not changed: {error}; rename the keys by hand") from None
    expected = _renamed(_moved(raw, moved), keys, ())
    if parse_toml(new_text, name) != expected:
        raise ConfigurationError(f"{name}: not changed; rename the keys by hand")
    return new_text, [*moved_tokens, *renamed]


def _models(
    path: tuple[str, ...], raw: Mapping[str, Any], types: Mapping[str, type[Endpoint]]
) -> list[type[BaseModel]]:
    """The models of the table at a path, which has the current names of keys."""
    models: list[type[BaseModel] | None]
    match path:
        case ("bridge", _, *inner):
            models = [BridgeOptions]
        case ("endpoint", str(name), *inner):
            endpoint = types.get(str(raw["endpoint"][name].get("type")))
            models = [HostOptions, None if endpoint is None else endpoint.options_type]
        case ("route", type_name, *inner) if type_name not in RouteOptions.model_fields:
            models = [types[type_name].route_options_type if type_name in types else None]
        case ("route", *inner):
            models = [RouteOptions]
        case ("token", *inner):
            models = [TokenOptions]
        case ("http", *inner):
            models = [HTTPOptions]
        case ("run", *inner):
            models = [RunOptions]
        case _:
            return []
    found = (inner_model(each, tuple(inner)) for each in models if each is not None)
    return [each for each in found if each is not None]


def _find(
    node: Any,
    path: KeyPath,
    current: tuple[str, ...],
    raw: Mapping[str, Any],
    types: Mapping[str, type[Endpoint]],
) -> Iterator[RenamedKey]:
    """The keys with former names below a node; ``current`` is its path with current names."""
    if isinstance(node, list):
        for position, item in enumerate(node):
            yield from _find(item, (*path, position), current, raw, types)
    elif isinstance(node, dict):
        names: dict[str, str] = {}
        for model in _models(current, raw, types):
            names |= renamed_keys_of(model)
        moved = {} if len(path) < 3 else _moved_names(_models(current, raw, types))
        for key, value in node.items():
            new = names.get(key)
            if key in moved:
                yield RenamedKey((*path, key), moved[key], is_moved=True)
            elif new is not None:
                yield RenamedKey((*path, key), new)
            name = key if new is None else new
            yield from _find(value, (*path, key), (*current, name), raw, types)


def _refuse_duplicates(raw: Mapping[str, Any], renamed: list[RenamedKey], name: str) -> None:
    problems = []
    taken: set[KeyPath] = set()
    for each in renamed:
        table: Any = raw
        for step in each.path[: -2 if each.is_moved else -1]:
            table = table[step]
        target = each.target
        if each.new in table or target in taken:
            text = f"not changed: its current name {each.new!r} is set too; remove one of them"
            problems.append(f"{name}: {path_text(each.path)}: {text}")
        taken.add(target)
    if problems:
        raise ConfigurationError("\n".join(problems))


def _moved_names(models: Iterable[type[BaseModel]]) -> Mapping[str, str]:
    return {old: new for model in models for old, new in moved_keys_of(model).items()}


def _moved(raw: Mapping[str, Any], moved: Iterable[RenamedKey]) -> dict[str, Any]:
    """A copy of the tables of a file with some keys in the tables around their own."""
    copy = deepcopy(dict(raw))
    for each in moved:
        _move(copy, each)
    return copy


def _move(document: MutableMapping[str, Any], key: RenamedKey) -> None:
    """Move a key into the table around its own, which is removed if it is empty then."""
    outer: Any = document
    for step in key.path[:-2]:
        outer = outer[step]
    inner = outer[key.path[-2]]
    value = inner.pop(key.path[-1])
    if not inner:
        del outer[key.path[-2]]
    outer[key.new] = value


def _without_positions(path: KeyPath) -> tuple[str, ...]:
    return tuple(step for step in path if isinstance(step, str))


def _renamed(node: Any, keys: _Keys, path: tuple[str, ...]) -> Any:
    """The tables of a file with the current names: what the rewritten file must say."""
    if isinstance(node, list):
        return [_renamed(item, keys, path) for item in node]
    if isinstance(node, dict):
        return {
            keys.get((*path, key), key): _renamed(value, keys, (*path, key))
            for key, value in node.items()
        }
    return node


def _rename(node: object, keys: _Keys, path: tuple[str, ...]) -> None:
    """Rename keys in a parsed document, below a node."""
    match node:
        case Container():
            for position, (key, item) in enumerate(node.body):
                if key is None:
                    continue  # a comment or a blank line
                _rename(item, keys, (*path, key.key))
                if (new := keys.get((*path, key.key))) is not None:
                    node.body[position] = _entry(key, item, new)
        case Table() | InlineTable():
            _rename(node.value, keys, path)
        case AoT():
            for table in node.body:
                _rename(table, keys, path)
        case Array():
            for item in node:
                _rename(item, keys, path)


def _entry(key: Key, item: Item, new: str) -> tuple[Key, Item]:
    """An entry of a table under its new name."""
    kind = key.t if isinstance(key, SingleKey) else KeyType.Bare
    if isinstance(item, Table | AoT):
        item.invalidate_display_name()  # the header as it was written in the file
    old = key.as_string()  # with the blanks around it
    before = old[: len(old) - len(old.lstrip())]
    after = old[len(old.rstrip()) :]
    if len(after) > 1:  # aligned with the keys around it
        after = " " * max(1, len(after) + len(key.key) - len(new))
    written = SingleKey(new, kind).as_string()
    fresh = SingleKey(new, kind, key.sep, f"{before}{written}{after}")
    fresh._dotted = key.is_dotted()  # there is no public way to set it
    return fresh, item
