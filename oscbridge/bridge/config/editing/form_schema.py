"""The JSON Schema of the configuration for forms: with what only the file may set. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

from pydantic import BaseModel

from oscbridge.bridge.broken_endpoint import BrokenEndpoint
from oscbridge.bridge.config.editing.protected import (
    EndpointTypes,
    is_secret_key,
    protected_keys_of,
)
from oscbridge.bridge.config.endpoint_models import HostOptions
from oscbridge.bridge.config.json_schema import configuration_schema

__all__ = ["JSONDocument", "editing_schema"]

JSONDocument: TypeAlias = dict[str, Any]


def editing_schema(types: EndpointTypes, *, allow_code: bool = False) -> JSONDocument:
    """The schema of ``oscbridge schema``, with marks at keys of endpoints and routes.

    ``readOnly`` are those that only the file may set, ``x-secret`` those of them with a secret.
    There are none with ``allow_code``.
    """
    schema = configuration_schema(types)
    if allow_code:
        return schema
    definitions = schema["$defs"]
    for name, factory in types.items():
        found = definitions.get(f"endpoint.{name}")
        if found is None or issubclass(factory, BrokenEndpoint):
            continue
        models: tuple[type[BaseModel], ...] = (HostOptions, factory.options_type)
        for model in models:
            for key, marks in _marks_of(model):
                known = found["properties"].get(key)
                if known is not None and not ("x-secret" in marks and _is_text(known)):
                    found["properties"][key] = {**known, **marks}
    route = definitions["RouteOptions"]["properties"]
    route["function"] = {**route["function"], "readOnly": True}
    return schema


def _is_text(schema: JSONDocument) -> bool:
    """Whether a secret may be written as text, e.g. the URL of a webhook."""
    kinds = [schema, *schema.get("anyOf", ())]
    return any(each.get("type") == "string" for each in kinds)


def _marks_of(model: type[BaseModel]) -> Iterator[tuple[str, dict[str, bool]]]:
    for key, reason in protected_keys_of(model).items():
        if reason == "path":
            yield key, {"readOnly": True}
    for name, field in model.model_fields.items():
        if is_secret_key(model, field.alias or name):
            yield field.alias or name, {"readOnly": True, "x-secret": True}
