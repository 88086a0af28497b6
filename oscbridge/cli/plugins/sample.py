"""A sample configuration for an endpoint type, from its model and its JSON Schema. Pure."""

from __future__ import annotations

from oscbridge.cli.plugins.option_text import Schema, options_of, resolved
from oscbridge.contract.endpoint import AnyEndpoint
from oscbridge.toml_text import TomlTable, TomlValue, toml_table

__all__ = ["sample_configuration"]


def sample_configuration(
    type_name: str, factory: type[AnyEndpoint], options: Schema, definitions: Schema
) -> str:
    """A bridge, an endpoint of the type, and a route between the two, as TOML.

    ``options`` is the schema of the type's own options. The required ones have the values of
    ``Endpoint.example_options`` and of ``examples``, or made-up ones; the others are comments
    with their defaults.
    """
    name = type_name if type_name not in ("stage", "desk") else f"my-{type_name}"
    chosen = dict(factory.example_options)
    for key in options.get("required", ()):
        if key not in chosen:
            schema = options["properties"][key]
            chosen[key] = _made_up(schema, definitions, f"{type_name}_{key}")
    table = toml_table(f"[endpoint.{name}]", {"type": type_name, **chosen})
    defaults = [
        f"# {each.key} = {each.default}"
        for each in options_of(options, definitions)
        if each.key not in chosen and each.default
    ]
    endpoint = "\n".join([table, *defaults])
    if factory.is_sink():
        bridge = toml_table("[bridge.stage]", {"listen": "udp://127.0.0.1:9000"})
        route: TomlTable = {"from": "stage", "match": _match(factory, chosen), "to": name}
        return "\n\n".join([bridge, endpoint, toml_table("[[route]]", route)])
    desk = toml_table("[endpoint.desk]", {"type": "osc", "to": "udp://127.0.0.1:9001"})
    route = {"from": name, "match": "*", "to": "desk"}
    return "\n\n".join([endpoint, desk, toml_table("[[route]]", route)])


def _match(factory: type[AnyEndpoint], chosen: TomlTable) -> str:
    """The pattern of its default route, if it has exactly one; otherwise all addresses."""
    try:
        options = factory.options_type.model_validate(chosen)
        routes = factory.default_routes_for(options, is_source=False)
    except Exception:  # made-up values, or a mistake of the plugin
        routes = ()
    return routes[0] if len(routes) == 1 else "*"


def _made_up(schema: Schema, definitions: Schema, name: str) -> TomlValue:
    """A value that fits a schema; what else the model checks is not known."""
    schema = resolved(schema, definitions)
    value: TomlValue
    for key in ("const", "default"):
        if key in schema:
            value = schema[key]
            return value
    for key in ("examples", "enum"):
        if schema.get(key):
            value = schema[key][0]
            return value
    if schema.get("anyOf"):
        return _made_up(schema["anyOf"][0], definitions, name)
    kind = schema.get("type")
    if kind == "array":
        return [_made_up(schema.get("items", {}), definitions, name)]
    if kind == "object":
        properties = schema.get("properties", {})
        return {
            key: name.upper().replace("-", "_")
            if key == "env"
            else _made_up(properties.get(key, {}), definitions, f"{name}_{key}")
            for key in schema.get("required", ())
        }
    if kind in ("integer", "number"):
        value = schema.get("minimum", 1)
        return value
    return False if kind == "boolean" else "text"
