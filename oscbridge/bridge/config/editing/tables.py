"""Changes the text of one table: keys that keep their value keep their formatting. Pure."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AbstractTable, Item

from oscbridge.bridge.config.editing.edits import EditRefused, TomlText
from oscbridge.bridge.config.problem import KeyPath
from oscbridge.toml_text import toml_table, toml_value

__all__ = ["changed_table", "new_table", "plain_table", "same_value"]


def plain_table(table: Mapping[str, Any]) -> dict[str, Any]:
    """A table of an edit with plain values. Raises :class:`EditRefused`."""
    return {key: _plain(value) for key, value in table.items()}


def new_table(path: KeyPath, table: Mapping[str, Any]) -> str:
    """The text of a new table, without a line end. Raises :class:`EditRefused`."""
    name = ".".join(_key(str(step)) for step in path)
    header = f"[[{name}]]" if path == ("route",) else f"[{name}]"
    return toml_table(header, plain_table(table))


def changed_table(text: str, path: KeyPath, table: Mapping[str, Any]) -> str:
    """The text of a table, header included, with another content. Raises :class:`EditRefused`."""
    try:
        document = tomlkit.parse(text + "\n")
        node: Any = document
        for step in path:
            node = node[0 if isinstance(step, int) else step]
        _update(node, table)
        return tomlkit.dumps(document).rstrip("\n")
    except TOMLKitError as error:
        raise EditRefused(f"the table cannot be changed: {error}; change the text") from None


def _update(node: MutableMapping[str, Any], table: Mapping[str, Any]) -> None:
    for key in [each for each in node if each not in table]:
        del node[key]
    for key, value in table.items():
        there = node.get(key)
        if there is not None and _is_kept(_unwrapped(there), value):
            continue
        if isinstance(there, AbstractTable) and isinstance(value, Mapping):
            _update(there, value)
        else:
            node[key] = _item(value)


def _is_kept(old: object, new: object) -> bool:
    """Whether a key keeps its value. That of a page has no floats; written TOML is exact."""
    if isinstance(new, TomlText):
        return repr(old) == repr(_plain(new))
    return same_value(old, _plain(new))


def _unwrapped(value: object) -> object:
    return value.unwrap() if isinstance(value, Item) else value


def _item(value: object) -> Item:
    text = value if isinstance(value, TomlText) else toml_value(_plain(value))
    return tomlkit.value(text)


def _plain(value: Any) -> Any:
    match value:
        case TomlText():
            try:
                return tomlkit.value(value).unwrap()
            except TOMLKitError as error:
                raise EditRefused(f"{value}: not a value of TOML: {error}") from None
        case Mapping():
            return plain_table(value)
        case list() | tuple():
            return [_plain(each) for each in value]
        case bool() | int() | float() | str():
            return value
    raise EditRefused(f"{value!r} is not a value of TOML; leave the key out")


def _key(step: str) -> str:
    return toml_table("", {step: 0}).split("\n")[1].rpartition(" = ")[0].rstrip()


def same_value(one: object, other: object) -> bool:
    """Whether two values of TOML are the same; numbers as in JSON, which has no floats."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same_value(one[k], other[k]) for k in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same_value, one, other))
    return one == other
