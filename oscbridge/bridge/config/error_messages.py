"""Error messages for values that a model rejects: place, value, problem and fix."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from oscbridge.bridge.config.captures import RouteContext
from oscbridge.bridge.config.environment import variable_of
from oscbridge.bridge.config.problem import ConfigProblem, KeyPath, path_text, show, written_path
from oscbridge.bridge.config.secrets import SECRET
from oscbridge.contract.options import Options
from oscbridge.failures import failure_text
from oscbridge.net.host_name import HostError
from oscbridge.suggestions import did_you_mean, suggest
from oscbridge.toml_text import TomlValue, toml_value

__all__ = [
    "explain",
    "inner_model",
    "keys_of",
    "moved_keys_of",
    "renamed_keys_of",
    "token_keys_of",
    "validate",
]

_Model = TypeVar("_Model", bound=BaseModel)


def explain(
    error: ErrorDetails,
    model: type[BaseModel],
    table: Mapping[str, Any],
    path: KeyPath,
    also: type[BaseModel] | None = None,
) -> ConfigProblem:
    """The problem behind one error of a ``model`` of the ``table`` at ``path``.

    ``also`` is a model whose keys are allowed in the same table.
    """
    location = tuple(error["loc"])
    place = (*path, *written_path(table, location))
    if not location:  # of the table as a whole
        return ConfigProblem(place, _what(error))
    if error["type"] == "extra_forbidden":
        return _unknown_key(place, location, model, also)
    if error["type"] == "missing":
        return ConfigProblem(place, "missing key")
    if error["type"] == SECRET:
        return ConfigProblem(place, _what(error))
    value = error["input"]
    if error["type"] == "string_type" and isinstance(value, list) and path[:1] == ("route",):
        return ConfigProblem(
            place, "expected one text, not a list; write a [[route]] for each", show(value)
        )
    text = _what(error)
    if error["type"] != "value_error":  # those texts name the fix themselves
        near = ""
        if error["type"] == "literal_error" and isinstance(value, str):
            near = did_you_mean(value, re.findall("'([^']*)'", error["ctx"]["expected"]))
        text = f"{text}; {near or _default(model, location)}".removesuffix("; ")
    elif isinstance(found := error["ctx"]["error"], HostError) and found.is_placeholder:
        key = place
        while isinstance(key[-1], int):  # a variable sets the whole list
            key = key[:-1]
        text = f"{text}; write the value, or set the variable {variable_of(key)}"
    return ConfigProblem(place, text, show(value))


def _unknown_key(
    place: KeyPath, location: KeyPath, model: type[BaseModel], also: type[BaseModel] | None
) -> ConfigProblem:
    models = [inner_model(model, location[:-1]), also if len(location) == 1 else None]
    key = str(location[-1])
    for each in models:
        new = renamed_keys_of(each).get(key)
        if new is not None:
            return ConfigProblem(place, f"renamed to {new!r}", renamed_to=(*place[:-1], new))
    if len(location) == 1 and key in token_keys_of(model):
        endpoint = str(place[1])
        text = f'moved to [[token]], with the key endpoints = ["{endpoint}"]'
        return ConfigProblem(place, text, renamed_to=("token", endpoint, "secret"))
    new = moved_keys_of(models[0]).get(key)
    if new is not None:
        path = (*place[:-2], new)
        return ConfigProblem(place, f"moved to '{path_text(path)}'", renamed_to=path)
    known = sorted(name for each in models for name in keys_of(each))
    return ConfigProblem(place, f"unknown key; {suggest(key, known, 'known keys')}")


def validate(
    problems: list[ConfigProblem],
    model: type[_Model],
    table: Mapping[str, Any],
    path: KeyPath,
    also: type[BaseModel] | None = None,
    directory: Path | None = None,
    captures: Sequence[str] | None = None,
    configuration: str = "",
    route: RouteContext | None = None,
    failures: list[ConfigProblem] | None = None,
) -> _Model | None:
    """A model of the table at ``path``, or None after adding its problems to ``problems``.

    ``also`` is a model whose keys are allowed in the same table; relative file names start at
    ``directory``; ``captures`` are the names that the match of a route offers, if known;
    ``configuration`` is the path of the file, empty if it is not read from one; ``route`` is what
    is known of the messages that reach the endpoint. ``failures`` gets the bug of a plugin's
    model instead of ``problems``.
    """
    try:
        context = {
            "directory": directory, "captures": captures, "configuration": configuration,
            "route": route,
        }  # fmt: skip
        return model.model_validate(table, context=context)
    except ValidationError as error:
        problems += [explain(each, model, table, path, also) for each in error.errors()]
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        text = f"its options cannot be read: the plugin failed: {failure_text(error)}"
        (problems if failures is None else failures).append(ConfigProblem(path, text))
    return None


_TEXTS: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "value_error": lambda ctx: str(ctx["error"]),
    "string_type": lambda _: "expected text in quotes",
    "bool_type": lambda _: "expected true or false",
    "bool_parsing": lambda _: "expected true or false",
    "int_type": lambda _: "expected a whole number",
    "int_parsing": lambda _: "expected a whole number",
    "int_from_float": lambda _: "expected a whole number",
    "float_type": lambda _: "expected a number",
    "float_parsing": lambda _: "expected a number",
    "dict_type": lambda _: 'expected a table, e.g. { name = "x" }',
    "tuple_type": lambda _: "expected a list, in brackets",
    "list_type": lambda _: "expected a list, in brackets",
    "literal_error": lambda ctx: f"expected {ctx['expected']}",
    "greater_than": lambda ctx: f"must be more than {ctx['gt']}",
    "greater_than_equal": lambda ctx: f"must be at least {ctx['ge']}",
    "less_than": lambda ctx: f"must be less than {ctx['lt']}",
    "less_than_equal": lambda ctx: f"must be at most {ctx['le']}",
}
"""Texts for pydantic's types of errors; for other types its own message is used."""


def _what(error: ErrorDetails) -> str:
    text = _TEXTS.get(error["type"])
    if text is None:
        return error["msg"][:1].lower() + error["msg"][1:]
    return text(error.get("ctx", {}))


def _default(model: type[BaseModel], location: KeyPath) -> str:
    """The default of a key, as an example of a valid value."""
    if isinstance(location[-1], int):  # an item of a list
        return _default(model, location[:-1])
    inner = inner_model(model, location[:-1])
    if inner is None:
        return ""
    for key, field in inner.model_fields.items():
        if (field.alias or key) == location[-1] and not field.is_required():
            default = field.get_default(call_default_factory=True, validated_data={})
            if default is None:
                return ""
            return f"the default is {toml_value(_plain(default))}"
    return ""


def _plain(value: object) -> TomlValue:
    """A value in a form that TOML has: of an address, its text."""
    if isinstance(value, str | int | float):
        return value
    if isinstance(value, tuple | list) and type(value) in (tuple, list):
        return [_plain(item) for item in value]
    return str(value)


def keys_of(model: type[BaseModel] | None) -> list[str]:
    """The keys of a model as they are written in the file."""
    if model is None:
        return []
    return [field.alias or key for key, field in model.model_fields.items()]


def renamed_keys_of(model: type[BaseModel] | None) -> Mapping[str, str]:
    """The current names of a model's keys by their former names."""
    return model.renamed_keys if model is not None and issubclass(model, Options) else {}


def moved_keys_of(model: type[BaseModel] | None) -> Mapping[str, str]:
    """The names of keys of the table around a model's, by their former names in its own."""
    return model.moved_keys if model is not None and issubclass(model, Options) else {}


def token_keys_of(model: type[BaseModel] | None) -> Collection[str]:
    """The former keys of an endpoint's own tokens, in the model of its options."""
    return model.token_keys if model is not None and issubclass(model, Options) else ()


def inner_model(model: type[BaseModel], location: KeyPath) -> type[BaseModel] | None:
    """The model of a table within a table, if there is exactly one."""
    for step in location:
        if isinstance(step, int):
            continue  # an item of a list of tables
        field = model.model_fields.get(step)
        inner = [] if field is None else list(_models(field.annotation))
        if len(inner) != 1:
            return None
        model = inner[0]
    return model


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    """The models in an annotation: that of a table, or of the items of a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)
