"""The values of a configuration that only its files may set: code, paths and secrets. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, TypeAlias, get_args

from pydantic import BaseModel

from oscbridge.bridge.broken_endpoint import BrokenEndpoint
from oscbridge.bridge.config.bridge_models import BridgeOptions
from oscbridge.bridge.config.endpoint_models import HostOptions
from oscbridge.bridge.config.problem import KeyPath
from oscbridge.bridge.config.route_models import RouteOptions
from oscbridge.bridge.config.secrets import Secret
from oscbridge.contract.endpoint import AnyEndpoint
from oscbridge.contract.options import Options

__all__ = [
    "DEVICE_PATH",
    "EndpointTypes",
    "ProtectedValue",
    "is_secret_key",
    "models_of",
    "protected_in",
    "protected_keys_of",
]

EndpointTypes: TypeAlias = Mapping[str, type[AnyEndpoint]]

MAX_DEPTH: Final = 8
"""Tables inside each other that are searched; the models have four."""

Reason: TypeAlias = Literal["path", "secret", "marked", "device", "unknown"]

DEVICE_PATH: Final = re.compile(r"[/\\]")
"""What the name of a device contains that is a path."""

_SECRET_KEYS: Final = ({"env"}, {"file"})
"""The keys of a table that stands for a secret."""


class ProtectedValue(NamedTuple):
    """A value that only the file may set."""

    path: KeyPath
    value: object
    reason: Reason

    @property
    def words(self) -> str:
        """What it is, human-readable."""
        match self.reason:
            case "path":
                return "names a file or a folder"
            case "secret":
                return "reads a secret"
            case "device":
                return "names a device that is not connected"
            case "unknown":
                return "belongs to a plugin that cannot be used"
        return "is protected"


def models_of(path: KeyPath, table: Mapping[str, Any], types: EndpointTypes) -> list[type[Options]]:
    """The models of the keys of a route, a bridge or an endpoint; none if its type is unknown."""
    match path[0]:
        case "route":
            return [RouteOptions]
        case "bridge":
            return [BridgeOptions]
    name = table.get("type")
    factory = types.get(name) if isinstance(name, str) else None
    if factory is None or issubclass(factory, BrokenEndpoint):
        return []
    return [HostOptions, factory.options_type]


def protected_in(
    path: KeyPath, table: Mapping[str, Any], types: EndpointTypes
) -> dict[KeyPath, ProtectedValue]:
    """The protected values of the table of a route, a bridge or an endpoint, by their paths in it.

    Of an endpoint whose type cannot be used all of them are.
    """
    found: dict[KeyPath, ProtectedValue] = {}
    models = models_of(path, table, types)
    if path[0] == "endpoint" and not models:
        return {(key,): ProtectedValue((key,), each, "unknown") for key, each in table.items()}
    parts: list[tuple[KeyPath, Mapping[str, Any], type[BaseModel]]]
    parts = [((), table, model) for model in models]
    if path[0] == "route":
        for key, value in table.items():
            inside = types[key].route_options_type if key in types else None
            if inside is not None and isinstance(value, Mapping):
                parts.append(((key,), value, inside))
    for start, inner, model in parts:
        for each in _by_model(inner, model, start, 0):
            found.setdefault(each.path, each)
    for each in _by_shape(table, (), 0):
        found.setdefault(each.path, each)
    return found


def protected_keys_of(model: type[BaseModel]) -> dict[str, Reason]:
    """The keys of a model that are protected as a whole, as they are written."""
    found: dict[str, Reason] = {}
    marked = model.protected_keys if issubclass(model, Options) else ()
    devices = model.device_keys if issubclass(model, Options) else ()
    for name, field in model.model_fields.items():
        key = field.alias or name
        if key in marked:
            found[key] = "marked"
        elif key in devices:
            found[key] = "device"
        elif _contains(field.annotation, Path):
            found[key] = "path"
    return found


def is_secret_key(model: type[BaseModel], key: str) -> bool:
    """Whether a key of a model takes secrets."""
    for name, field in model.model_fields.items():
        if key == (field.alias or name):
            return _contains(field.annotation, Secret)
    return False


def _by_model(
    table: Mapping[str, Any], model: type[BaseModel], start: KeyPath, depth: int
) -> Iterator[ProtectedValue]:
    protected = protected_keys_of(model)
    for name, field in model.model_fields.items():
        key = field.alias or name
        if key not in table:
            continue
        path, value = (*start, key), table[key]
        if key in protected:
            yield ProtectedValue(path, value, protected[key])
        elif depth < MAX_DEPTH:
            for inner in _models(field.annotation):
                for where, each in _tables(value, path):
                    yield from _by_model(each, inner, where, depth + 1)


def _tables(value: object, path: KeyPath) -> Iterator[tuple[KeyPath, Mapping[str, Any]]]:
    """A table, the tables in it, or those of a list."""
    if isinstance(value, Mapping):
        yield path, value
        for key, each in value.items():
            if isinstance(each, Mapping):
                yield (*path, key), each
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for index, each in enumerate(value):
            if isinstance(each, Mapping):
                yield (*path, index), each


def _by_shape(value: object, path: KeyPath, depth: int) -> Iterator[ProtectedValue]:
    """Tables that stand for secrets, wherever they are."""
    if depth > MAX_DEPTH:
        yield ProtectedValue(path, value, "marked")
    elif isinstance(value, Mapping):
        if set(value) in _SECRET_KEYS and path:
            yield ProtectedValue(path, value, "secret")
        for key, each in value.items():
            yield from _by_shape(each, (*path, key), depth + 1)
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _by_shape(each, (*path, index), depth + 1)


def _contains(annotation: object, kind: type) -> bool:
    """Whether a type or a part of it is this class."""
    if isinstance(annotation, type) and issubclass(annotation, kind):
        return True
    return any(_contains(each, kind) for each in get_args(annotation))


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)
