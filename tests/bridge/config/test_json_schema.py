"""The JSON Schema accepts what the bridge accepts, and marks mistakes."""

from __future__ import annotations

import ast
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from doc_pages import PAGES, name_of
from jsonschema import Draft202012Validator

import oscbridge
from oscbridge.bridge.config.config import DEFAULT
from oscbridge.bridge.config.file_models import SECTIONS, ConfigurationFile
from oscbridge.bridge.config.json_schema import configuration_schema
from oscbridge.bridge.config.reader import Reader
from oscbridge.plugins.manager import Plugins

ROOT = Path(__file__).parents[3]
TYPES = Plugins().endpoint_types
SCHEMA = configuration_schema(TYPES)
VALIDATOR = Draft202012Validator(SCHEMA)

FILES = sorted(ROOT.glob("docker/*.toml"))
SOURCES = sorted([*ROOT.glob("tests/**/*.py"), *ROOT.glob("plugins/*/tests/**/*.py")])


def without_dates(raw: dict[str, Any]) -> dict[str, Any]:
    """The same with dates as text, as editors compare them with the schema."""
    made: dict[str, Any] = json.loads(json.dumps(raw, default=str))
    return made


def tables(text: str) -> dict[str, Any] | None:
    """A configuration, or None if a text is not one."""
    if not re.search(r"^\s*\[\[?(bridge|endpoint|route|http|run)\b", text, re.MULTILINE):
        return None
    try:
        return without_dates(tomllib.loads(text))
    except tomllib.TOMLDecodeError:
        return None


def errors(raw: Mapping[str, Any]) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in VALIDATOR.iter_errors(raw)]


def known(raw: Mapping[str, Any]) -> bool:
    """Whether the types of all endpoints are installed."""
    return all(
        isinstance(each, dict) and each.get("type") in TYPES
        for each in raw.get("endpoint", {}).values()
    )


def blocks() -> Iterator[tuple[str, dict[str, Any]]]:
    """The configurations in the documentation and for containers."""
    yield "default", tomllib.loads(DEFAULT)
    for path in FILES:
        yield path.name, tomllib.loads(path.read_text())
    for path in PAGES:
        found = re.findall(r"^```toml\n(.*?)^```$", path.read_text(), re.MULTILINE | re.DOTALL)
        for number, text in enumerate(found, 1):
            raw = tables(text)
            if raw is not None and known(raw):
                yield f"{name_of(path)}-{number}", raw


BLOCKS = dict(blocks())


def test_schema_is_a_valid_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("name", BLOCKS)
def test_documented_configuration_is_valid(name: str) -> None:
    assert errors(BLOCKS[name]) == []


def test_enough_documented_configurations_were_found() -> None:
    assert len(BLOCKS) > 30


def texts(path: Path) -> Iterator[str]:
    """The texts in a module."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_every_configuration_that_the_bridge_accepts_in_a_test_is_valid(tmp_path: Path) -> None:
    count = 0
    for path in SOURCES:
        for text in texts(path):
            raw = tables(text)
            if raw is None or "include" in raw or not known(raw):
                continue
            if Reader(raw, TYPES, tmp_path).problems:
                continue
            count += 1
            assert errors(raw) == [], f"{path.name}:\n{text}"
    assert count > 60


INVALID = {
    "unknown-table": "[brigde.stage]",
    "unknown-key": '[bridge.stage]\nlisen = "udp://127.0.0.1:9000"',
    "former-key": "[bridge.stage.limits]\npacket = 5",
    "scheme": '[bridge.stage]\nlisten = "upd://127.0.0.1:9000"',
    "no-port": '[bridge.stage]\nlisten = "udp://127.0.0.1"',
    "mode": '[bridge.stage]\nmode = "thread"',
    "range": "[bridge.stage]\nworkers = 0",
    "fraction": "[bridge.stage]\nworkers = 1.5",
    "type-of-value": '[bridge.stage]\nallow = "10.0.0.0/8"',
    "name": '[bridge."a b"]',
    "limit": "[bridge.stage.limits]\nmax_depth = 101",
    "no-type": '[endpoint.web]\nlisten = "127.0.0.1:8080"',
    "endpoint-type": '[endpoint.web]\ntype = "websockt"',
    "key-of-another-type": '[endpoint.web]\ntype = "websocket"\nbroker = "mqtt://127.0.0.1:1883"',
    "missing-key": '[endpoint.desk]\ntype = "osc"',
    "policy": '[endpoint.web]\ntype = "websocket"\npolicy = "drop"',
    "former-token": '[endpoint.web]\ntype = "websocket"\ntoken = { env = "TOKEN" }',
    "secret": '[[token]]\nname = "one"\nsecret = "0123456789"',
    "secret-of-two": '[[token]]\nname = "one"\nsecret = { env = "TOKEN", file = "token" }',
    "no-secret": '[[token]]\nname = "one"',
    "right": '[[token]]\nname = "one"\nsecret = { env = "TOKEN" }\nrights = ["write"]',
    "rights": '[[token]]\nname = "one"\nsecret = { env = "TOKEN" }\nrights = "listen"',
    "inner-key": '[endpoint.web.spool]\nsize = 5\n[endpoint.web]\ntype = "websocket"',
    "no-from": '[[route]]\nto = "web"',
    "no-target": '[[route]]\nfrom = "stage"\nto = []',
    "match": '[[route]]\nfrom = "stage"\nmatch = "fader"\nto = "web"',
    "rate": '[[route]]\nfrom = "stage"\nlimit = "30 per second"\nto = "web"',
    "scale": '[[route]]\nfrom = "stage"\nscale = [0, 1]\nto = "web"',
    "route-options": '[[route]]\nfrom = "stage"\nto = "house"\nmqtt = { qos = 3 }',
    "route-options-key": '[[route]]\nfrom = "stage"\nto = "house"\nmqtt = { topc = "a" }',
    "entity": (
        '[[route]]\nfrom = "stage"\nto = "house"\n'
        'mqtt = { homeassistant = { component = "lamp", name = "x" } }'
    ),
    "broker": '[endpoint.house]\ntype = "mqtt"\nbroker = []',
    "broker-without-scheme": '[endpoint.house]\ntype = "mqtt"\nbroker = "localhost"',
    "broker-scheme": '[endpoint.house]\ntype = "mqtt"\nbroker = ["http://localhost"]',
    "route-name": '[[route]]\nname = "a b"\nfrom = "stage"\nto = "web"',
    "types": '[[route]]\nfrom = "stage"\ntypes = "q"\nto = "web"',
    "send": '[[route]]\nfrom = "stage"\nsend = "level {0}"\nto = "web"',
    "function": '[[route]]\nfrom = "stage"\nfunction = "convert"\nto = "web"',
    "subscribe": '[bridge.stage.clients]\nsubscribe = "subscribe"',
    "absorb": '[bridge.stage.clients]\nabsorb = ["/xremote", "xinfo"]',
    "static": '[bridge.stage.clients]\nstatic = "desk.local:9000"',
    "port": '[http]\nlisten = "127.0.0.1"',
    "duration": "[run]\ndrain_timeout = -1",
    "not-a-table": "run = 5",
    "not-a-list": '[route]\nfrom = "stage"',
}


@pytest.mark.parametrize("text", INVALID.values(), ids=INVALID)
def test_mistake_is_marked(text: str) -> None:
    assert errors(tomllib.loads(text))


def properties(schema: object, path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """All keys of all tables, with their schemas."""
    if isinstance(schema, dict):
        for key, each in schema.get("properties", {}).items():
            if isinstance(each, dict):
                yield f"{path}.{key}", each
        for key, each in schema.items():
            yield from properties(each, f"{path}.{key}")


@pytest.mark.parametrize(("path", "schema"), [*properties(SCHEMA)], ids=lambda each: str(each)[:60])
def test_every_key_says_what_it_takes(path: str, schema: Mapping[str, Any]) -> None:
    """A BeforeValidator and a plain validator need a ``json_schema_input_type``."""
    assert {"type", "anyOf", "$ref", "const", "enum", "patternProperties"} & set(schema), path


@pytest.mark.parametrize(("path", "schema"), [*properties(SCHEMA)], ids=lambda each: str(each)[:60])
def test_every_key_is_described(path: str, schema: Mapping[str, Any]) -> None:
    if "$ref" not in schema and not path.endswith(".type"):
        assert schema["description"], path
        assert "``" not in schema["description"]


def test_every_table_is_in_the_schema() -> None:
    assert set(SCHEMA["properties"]) == {*SECTIONS, "include"} == {*ConfigurationFile.model_fields}


class LampOptions(oscbridge.Options):
    """A lamp."""

    channel: int = 3
    """The channel."""


class LampRoute(oscbridge.Options):
    """The options of a route to a lamp."""

    fade: float = 0.5
    """Seconds."""


class Lamp(oscbridge.Endpoint[LampOptions, oscbridge.Delivery[LampRoute]]):
    policy = "latest"
    on_start = "ignore"


def test_schema_contains_a_plugin() -> None:
    schema = configuration_schema({"lamp": Lamp})
    table = schema["$defs"]["endpoint.lamp"]["properties"]
    assert table["channel"] == {"description": "The channel.", "default": 3, "type": "integer"}
    assert (table["policy"]["default"], table["on_start"]["default"]) == ("latest", "ignore")
    assert schema["$defs"]["RouteOptions"]["properties"]["lamp"]["$ref"] == "#/$defs/LampRoute"
    text = '[endpoint.a]\ntype = "lamp"\n[[route]]\nfrom = "a"\nto = "a"\nlamp = { fade = "x" }'
    assert [
        error.json_path for error in Draft202012Validator(schema).iter_errors(tomllib.loads(text))
    ] == ["$.route[0].lamp.fade"]
