"""The JSON Schema (2020-12) of a configuration file, made from the models. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema

from oscbridge.bridge.broken_endpoint import BrokenEndpoint
from oscbridge.bridge.config.endpoint_models import HostOptions
from oscbridge.bridge.config.file_models import ConfigurationFile
from oscbridge.bridge.config.route_models import RouteOptions
from oscbridge.contract.endpoint import AnyEndpoint
from oscbridge.contract.options import NARROWING, Options
from oscbridge.net.allowlist import AllowList

__all__ = ["configuration_schema"]

_Schema = dict[str, Any]

_TABLES_BY_NAME: Final = ("properties", "$defs", "patternProperties")
"""Keywords whose keys are names, not keywords."""


class _OptionsSchema(GenerateJsonSchema):
    """A schema for TOML: without null, and with the defaults as they are written."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def none_schema(self, schema: core_schema.NoneSchema) -> JsonSchemaValue:
        return {"not": {}}

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        inner = self.generate_inner(schema["schema"])
        default = _written(schema.get("default"))
        return inner if default is None else {**inner, "default": default}

    def function_before_schema(
        self, schema: core_schema.BeforeValidatorFunctionSchema
    ) -> JsonSchemaValue:
        # A validator may accept anything, unless it has a ``json_schema_input_type``.
        if getattr(schema["function"]["function"], "__name__", "") == NARROWING:
            return self.generate_inner(schema["schema"])
        declared = schema.get("json_schema_input_schema")
        return {} if declared is None else self.generate_inner(declared)

    def function_plain_schema(
        self, schema: core_schema.PlainValidatorFunctionSchema
    ) -> JsonSchemaValue:
        declared = schema.get("json_schema_input_schema")
        return {} if declared is None else self.generate_inner(declared)


def configuration_schema(types: Mapping[str, type[AnyEndpoint]]) -> dict[str, Any]:
    """The schema of a file with endpoints of these types, by name.

    It accepts every valid file. Some conditions are not expressed, e.g. that names exist.
    """
    types = {name: each for name, each in types.items() if not issubclass(each, BrokenEndpoint)}
    options = {name: factory.options_type for name, factory in types.items()}
    in_routes = {
        name: model
        for name, factory in types.items()
        if (model := factory.route_options_type) is not None
    }
    models: list[type[BaseModel]] = [ConfigurationFile, HostOptions, RouteOptions]
    models = list({*models, *options.values(), *in_routes.values()})
    models.sort(key=lambda model: (model.__module__, model.__qualname__))
    references, whole = models_json_schema(
        [(model, "validation") for model in models],
        by_alias=True,
        schema_generator=_OptionsSchema,
    )
    names = {model: each["$ref"] for (model, _), each in references.items()}
    definitions: dict[str, _Schema] = whole["$defs"]

    def definition(model: type[BaseModel]) -> _Schema:
        return definitions[names[model].removeprefix("#/$defs/")]

    host = definition(HostOptions)
    for name, factory in types.items():
        definitions[f"endpoint.{name}"] = _endpoint(name, factory, host, definition(options[name]))
    route = definition(RouteOptions)["properties"]
    for name, model in in_routes.items():
        route.setdefault(name, {"$ref": names[model]})  # a key of routes has precedence
    top = definition(ConfigurationFile)
    top["properties"]["endpoint"] = _endpoints(top["properties"]["endpoint"], types)
    tidy: _Schema = _tidy(
        {"$schema": "https://json-schema.org/draft/2020-12/schema", **top}
        | {"title": "oscbridge", "$defs": _used(definitions, top)}
    )
    return tidy


def _endpoint(
    name: str, factory: type[AnyEndpoint], host: _Schema, options: _Schema
) -> dict[str, Any]:
    """The table of an endpoint of one type: the keys of all types and its own."""
    shared = {key: dict(each) for key, each in host["properties"].items()}
    shared["policy"]["default"] = factory.policy
    shared["on_start"]["default"] = factory.on_start
    kind = {"const": name, "description": "The type of the endpoint."}
    return {
        "type": "object",
        "description": options.get("description", ""),
        "properties": {"type": kind, **shared, **options.get("properties", {})},
        "required": ["type", *options.get("required", ())],
        "additionalProperties": False,
    }


def _endpoints(schema: _Schema, types: Mapping[str, object]) -> _Schema:
    """The tables of endpoints: one of the types, which ``type`` names."""
    tables = [{"$ref": f"#/$defs/endpoint.{name}"} for name in types]
    kind = {"type": {"enum": list(types)}}
    one: _Schema = {"properties": kind, "required": ["type"], "oneOf": tables}
    [pattern] = schema["patternProperties"]
    return {**schema, "patternProperties": {pattern: one}}


def _used(definitions: Mapping[str, _Schema], top: _Schema) -> dict[str, _Schema]:
    """The definitions that are reachable from a schema, by name."""
    found: dict[str, _Schema] = {}
    waiting = [top]
    while waiting:
        for name in re.findall(r"'#/\$defs/([^']+)'", str(waiting.pop())):
            if name not in found:
                found[name] = definitions[name]
                waiting.append(definitions[name])
    return dict(sorted(found.items()))


def _written(value: object) -> object:
    """A default as it is written in TOML, or None if it is not a value but a table or nothing."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Options):
        return None
    if type(value) in (tuple, list) or isinstance(value, AllowList):
        items = [_written(each) for each in value]  # type: ignore[attr-defined]
        return None if None in items else items
    return None if isinstance(value, Mapping) else str(value)


def _tidy(schema: Any, *, names: bool = False) -> Any:
    """Without titles, closed objects, and descriptions in Markdown, on one line."""
    if isinstance(schema, list):
        return [_tidy(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    tidy = {
        key: _tidy(each, names=not names and key in _TABLES_BY_NAME)
        for key, each in schema.items()
        if names or key not in ("title", "format") or each == "oscbridge"
    }
    if not names:
        if tidy.get("anyOf") == [{"type": "integer"}, {"type": "number"}]:
            tidy = {**tidy, "type": "number"}
            del tidy["anyOf"]
        if "patternProperties" in tidy:
            tidy["additionalProperties"] = False
        text = tidy.pop("description", "")
        if text:
            tidy = {"description": " ".join(text.replace("``", "`").split()), **tidy}
    return tidy
