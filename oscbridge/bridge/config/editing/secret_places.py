"""Where the secrets of a configuration are in its tables. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from oscbridge.bridge.config.editing.protected import EndpointTypes, is_secret_key, models_of
from oscbridge.bridge.config.problem import KeyPath

__all__ = ["USER_AND_PASSWORD", "secrets_in", "texts_in"]

_NAMES: Final = re.compile(
    r"pass(word|code|phrase|wd)?$|secret|token|api_?-?key|authori[sz]ation|credential|cookie",
    re.IGNORECASE,
)
"""Names of keys whose texts are secrets, whatever the model says."""

USER_AND_PASSWORD: Final = re.compile(r"(?<=://)([^/@\s:]*):([^@/\s]+)(?=@)")
"""User and password in a URL."""


def secrets_in(raw: Mapping[str, Any], types: EndpointTypes) -> Iterator[tuple[KeyPath, str]]:
    """The secrets that are written in tables, with their paths."""
    for place, text in texts_in(raw, ()):
        name = next((step for step in reversed(place) if isinstance(step, str)), "")
        is_secret = bool(_NAMES.search(name)) or _is_secret(raw, place, types)
        if is_secret and not (len(place) > 1 and place[-1] in ("env", "file", "name", "rights")):
            if text:
                yield place, text
        else:
            for found in USER_AND_PASSWORD.finditer(text):
                yield place, found[2]


def _is_secret(raw: Mapping[str, Any], place: KeyPath, types: EndpointTypes) -> bool:
    """Whether the model of an endpoint says so."""
    if len(place) < 3 or place[0] != "endpoint":
        return False
    table = raw["endpoint"][place[1]]
    if not isinstance(table, Mapping):
        return False
    models = models_of(place, table, types)
    return any(is_secret_key(model, str(place[2])) for model in models)


def texts_in(value: object, path: KeyPath = ()) -> Iterator[tuple[KeyPath, str]]:
    """The texts in tables, with their paths."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from texts_in(each, (*path, key))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from texts_in(each, (*path, index))
    elif isinstance(value, str):
        yield path, value
