"""Tables of the keys of the configuration, from the models of the bridge and of all plugins."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from typing import Any, Final

from oscbridge.bridge.config.endpoint_models import HostOptions
from oscbridge.bridge.config.json_schema import configuration_schema
from oscbridge.cli.plugins.option_text import OptionText, Schema, options_of, resolved
from oscbridge.plugins.manager import Plugins
from oscbridge_docs.markdown import code, paragraphs, table

__all__ = ["TABLES", "endpoint_types", "options"]

TABLES: Final[Mapping[str, str]] = {
    "bridge": "BridgeOptions",
    "clients": "BridgeClientOptions",
    "limits": "LimitOptions",
    "endpoint": "endpoint.osc",
    "spool": "SpoolOptions",
    "osc": "endpoint.osc",
    "route": "RouteOptions",
    "token": "TokenOptions",
    "variables": "VariableOptions",
    "test": "CaseOptions",
    "run": "RunOptions",
    "http": "HTTPOptions",
}
"""The definitions of the schema by what pages call them."""

OWN_TABLES: Final = {
    "clients": "the table of clients, see below",
    "limits": "the table of limits, see below",
    "spool": "the file of the policy `spool`, see below",
}
"""Keys that are tables with a section of their own."""

COLUMNS: Final = ("key", "type", "default", "")
OF_THE_TYPE: Final = "the type's"

_HOST: Final = frozenset(HostOptions.model_fields)


def options(name: str) -> str:
    """The keys of one table of the configuration."""
    schema = _definitions()[TABLES[name]]
    if name == "endpoint":
        return _table(schema, only=_HOST, of_the_type=("policy", "on_start", "max_age"))
    if name == "osc":
        return _table(schema, without={*_HOST, "type"})
    if name == "route":
        return _table(schema, without=_types())
    return _table(schema)


def endpoint_types() -> str:
    """The keys of all endpoint types of all plugins, each type with its keys in routes."""
    return "\n".join(_endpoint_type(name) for name in _types())


def _endpoint_type(name: str) -> str:
    definitions = _definitions()
    schema = definitions[f"endpoint.{name}"]
    host = {key: schema["properties"][key]["default"] for key in ("policy", "on_start")}
    parts = [f'## `type = "{name}"`\n', paragraphs(Plugins().endpoint_types[name].__doc__) + "\n"]
    parts.append(_table(schema, without={*_HOST, "type"}))
    defaults = " and ".join(f'`{key} = "{value}"`' for key, value in host.items())
    parts.append(f"Defaults of this type: {defaults}.\n")
    in_routes = definitions["RouteOptions"]["properties"].get(name)
    if in_routes is not None:
        parts += [f"In a route, `{name} = {{ … }}`:\n", _table(resolved(in_routes, definitions))]
    return "\n".join(parts)


@cache
def _definitions() -> dict[str, Any]:
    found: dict[str, Any] = configuration_schema(Plugins().endpoint_types)["$defs"]
    return found


def _types() -> tuple[str, ...]:
    return tuple(sorted(Plugins().endpoint_types))


def _table(
    schema: Schema,
    *,
    only: Collection[str] | None = None,
    without: Collection[str] = (),
    of_the_type: Collection[str] = (),
) -> str:
    rows = list[tuple[str, str, str, str]]()
    for option in options_of(schema, _definitions()):
        if (only is None or option.key in only) and option.key not in without:
            default = OF_THE_TYPE if option.key in of_the_type else _default(option)
            kind = "table" if option.key in OWN_TABLES else _kind(option)
            rows.append((code(option.key), kind, default, option.help))
            if option.inner and option.key not in OWN_TABLES:
                rows += _inner_rows(option)
    return f":::{{container}} options\n\n{table(COLUMNS, rows)}\n:::\n"


def _inner_rows(option: OptionText) -> Iterator[tuple[str, str, str, str]]:
    """The keys of a table within a table, e.g. ``keepalive.every``."""
    for each in options_of(option.inner, _definitions()):
        yield code(f"{option.key}.{each.key}"), _kind(each), _default(each), each.help


def _kind(option: OptionText) -> str:
    """The type of a key; values that are listed are code."""
    return re.sub(r'\{[^}]*\}|"[^"]*"', r"`\g<0>`", option.type)


def _default(option: OptionText) -> str:
    if option.is_required:
        return "required"
    if option.key in OWN_TABLES:
        return "below"
    return code(option.default) if option.default else "none"
