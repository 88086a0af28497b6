"""Reads TOML, with errors that explain themselves."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from typing import Any, Final

from oscbridge.bridge.config.environment import is_out_of_range
from oscbridge.bridge.config.problem import KeyPath, path_text
from oscbridge.errors import ConfigurationError

__all__ = ["MAX_DEPTH", "parse_toml"]

MAX_DEPTH: Final = 100
"""Tables and arrays inside each other; the configuration needs six."""

_DEEP_KEY: Final = re.compile(
    r"^[ \t]*+(?:\[{1,2}[ \t]*+)?"
    r"(?:(?:[\w-]++|\"(?:\\.|[^\"\\\n])*+\"|'[^'\n]*+')[ \t]*+\.[ \t]*+)"
    rf"{{{MAX_DEPTH}}}",
    re.MULTILINE,
)
"""A key or the name of a table with more than 100 parts. ``tomllib`` takes time in proportion to
the square of their number: 40 s for 20,000."""


def parse_toml(text: str, name: str) -> dict[str, Any]:
    """The tables of a file. Raises :class:`ConfigurationError` if it is not TOML."""
    if _DEEP_KEY.search(text):
        raise _too_deep(name)
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        from oscbridge.bridge.config.toml_errors import explain_toml_error

        explained = explain_toml_error(text, error)
        raise ConfigurationError(f"{name}: not valid TOML: {explained}") from None
    except RecursionError:
        raise _too_deep(name) from None
    except ValueError:  # from int(), which protects itself from long texts
        raise ConfigurationError(f"{name}: not valid TOML: {_long_integer(text)}") from None
    if not _is_shallow(tables, MAX_DEPTH):
        raise _too_deep(name)
    for place in _out_of_range(tables, ()):
        text = f"{path_text(place)}: integer out of range: it must fit in 64 bits"
        raise ConfigurationError(f"{name}: {text}")
    return tables


def _too_deep(name: str) -> ConfigurationError:
    return ConfigurationError(f"{name}: not valid TOML: nested too deeply")


def _is_shallow(node: object, depth: int) -> bool:
    """Whether tables and arrays are nested at most so deep; also by a key such as ``a.a.a``."""
    if not isinstance(node, dict | list):
        return True
    inner = node.values() if isinstance(node, dict) else node
    return depth > 0 and all(_is_shallow(each, depth - 1) for each in inner)


def _long_integer(text: str) -> str:
    limit = sys.get_int_max_str_digits()
    found = re.search(rf"[0-9](?:_?[0-9]){{{limit}}}", text)
    line = f" (at line {text.count(chr(10), 0, found.start()) + 1})" if found else ""
    return f"integer of more than {limit:,} digits{line}"


def _out_of_range(node: object, place: KeyPath) -> Iterator[KeyPath]:
    """The places of integers out of range."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield from _out_of_range(value, (*place, key))
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from _out_of_range(value, (*place, number))
    elif is_out_of_range(node):
        yield place
