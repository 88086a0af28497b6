"""The add-on: its description by the rules of Home Assistant, and its folder.

https://developers.home-assistant.io/docs/add-ons/configuration and .../presentation
"""

from __future__ import annotations

import re
import struct
import tomllib
from pathlib import Path
from typing import Any

import pytest
from assemble import main as assemble
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docker" / "home-assistant"
SCHEMA_ELEMENT = re.compile(
    r"(?:str|int|float|password)(?:\([0-9.]*,[0-9.]*\))?\??|(?:bool|email|url|port)\??"
    r"|device(?:\(subsystem=\w+\))?\??|match\(.*\)\??|list\((?:[^|)]+\|)*[^|)]+\)\??"
)
"""A type of an option."""

DEFAULTS = {
    **dict.fromkeys(("advanced", "full_access", "host_network", "uart", "usb", "host_ipc"), False),
    **dict.fromkeys(("ingress_stream", "legacy", "hassio_api", "auth_api", "docker_api"), False),
    **{"boot": "auto", "startup": "application", "stage": "stable", "ingress_port": 8099},
    **{"init": True, "apparmor": True, "panel_icon": "mdi:puzzle", "panel_admin": True},
}
"""A key with its default is an error: it must be left out."""


def load(name: str) -> dict[str, Any]:
    found: dict[str, Any] = YAML(typ="safe", pure=True).load(FOLDER / name)
    return found


CONFIG = load("config.yaml")
TYPES = {
    "type": "object",
    "required": ["name", "version", "slug", "description", "arch"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "minLength": 1},
        "version": {"type": "string", "pattern": r"^\d+\.\d+\.\d+"},
        "slug": {"type": "string", "pattern": "^[-_.A-Za-z0-9]+$"},
        "description": {"type": "string", "maxLength": 100},
        "arch": {
            "type": "array",
            "uniqueItems": True,
            "items": {"enum": ["aarch64", "amd64"]},  # the others are no longer built
        },
        "stage": {"enum": ["stable", "experimental", "deprecated"]},
        "init": {"type": "boolean"},
        "startup": {"enum": ["initialize", "system", "services", "application", "once"]},
        "services": {"items": {"pattern": "^(mqtt|mysql):(provide|want|need)$"}},
        "ingress": {"type": "boolean"},
        "panel_icon": {"type": "string", "pattern": "^mdi:[a-z0-9-]+$"},
        "panel_title": {"type": "string"},
        "ports": {
            "propertyNames": {"pattern": r"^\d+/(tcp|udp)$"},
            "additionalProperties": {"type": ["integer", "null"], "minimum": 1, "maximum": 65535},
        },
        "ports_description": {"additionalProperties": {"type": "string"}},
        "map": {
            "items": {
                "type": "object",
                "required": ["type"],
                "additionalProperties": False,
                "properties": {
                    "type": {"enum": ["addon_config", "homeassistant_config", "share", "ssl"]},
                    "read_only": {"type": "boolean"},
                    "path": {"type": "string"},
                },
            }
        },
        "uart": {"type": "boolean"},
        "options": {"type": "object"},
        "schema": {"type": "object"},
    },
}
"""The keys that the add-on uses, as the Supervisor checks them."""


def test_description_is_valid() -> None:
    errors = [each.message for each in Draft202012Validator(TYPES).iter_errors(CONFIG)]
    assert errors == []
    assert {key for key in CONFIG if CONFIG[key] == DEFAULTS.get(key, ...)} == set()


def test_options_fit_their_schema_and_have_translations() -> None:
    for element in CONFIG["schema"].values():
        (text,) = element if isinstance(element, list) else [element]
        assert SCHEMA_ELEMENT.fullmatch(text), text
    assert set(CONFIG["options"]) == set(CONFIG["schema"])
    assert CONFIG["options"]["log"] in CONFIG["schema"]["log"].removeprefix("list(")
    assert CONFIG["options"]["plugins"] == []
    texts = load("translations/en.yaml")
    assert set(texts) == {"configuration", "network"}
    assert set(texts["configuration"]) == set(CONFIG["schema"])
    assert all(set(each) == {"name", "description"} for each in texts["configuration"].values())
    assert set(texts["network"]) == set(CONFIG["ports"]) == set(CONFIG["ports_description"])


@pytest.mark.parametrize(
    ("name", "fits"),
    [
        ("oscbridge-lamp", True),
        ("oscbridge_lamp==1.2", True),
        ("--index-url=http://example.org", False),
        ("a b", False),
        ("a;b", False),
    ],
)
def test_additional_plugins_are_names_of_packages(name: str, fits: bool) -> None:
    pattern = CONFIG["schema"]["plugins"][0].removeprefix("match(").removesuffix(")")
    assert bool(re.match(pattern, name)) is fits


@pytest.mark.parametrize(("name", "width", "height"), [("icon", 128, 128), ("logo", 250, 100)])
def test_pictures_have_the_size_that_home_assistant_shows(
    name: str, width: int, height: int
) -> None:
    data = (FOLDER / f"{name}.png").read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", data[16:24]) == (width, height)


def test_ports_are_those_of_the_configuration() -> None:
    for name in ("oscbridge.toml", "with-broker.toml.in"):
        found = tomllib.loads((FOLDER / name).read_text())
        assert found["bridge"]["osc"]["listen"] == "udp://0.0.0.0:9000"
        assert found["endpoint"]["web"]["listen"] == "0.0.0.0:8080"
    assert CONFIG["ports"] == {"8080/tcp": None, "9000/udp": 9000}


def test_documentation_lists_every_option_and_port() -> None:
    text = (FOLDER / "DOCS.md").read_text()
    for name in (*CONFIG["schema"], *CONFIG["ports"]):
        assert f"| `{name}` |" in text


def test_folder_has_all_that_the_supervisor_builds_it_from(tmp_path: Path) -> None:
    folder = tmp_path / "oscbridge"
    assemble(folder)
    top = {path.name for path in folder.iterdir()}
    assert {"config.yaml", "Dockerfile", "DOCS.md", "README.md", "CHANGELOG.md"} <= top
    assert {"icon.png", "logo.png", "translations"} <= top
    text = (folder / "Dockerfile").read_text()
    assert text.startswith((ROOT / "docker/Dockerfile").read_text())
    copied = re.findall(r"^COPY (?!--from)(.+?) \S+$", text.replace("\\\n", ""), re.MULTILINE)
    for path in (path for each in copied for path in each.split() if not path.startswith("--")):
        assert (folder / path).exists(), path
    assert re.findall(r"^FROM (?:--platform=\S+ )?(\S+)", text, re.MULTILINE)[-1] == "image"
    assert not list(folder.glob("plugins/*/tests"))
    assert (folder / "plugins/ui/oscbridge_ui/static/index.html").is_file(), "run: make ui"
    assert (folder / "config.yaml").read_bytes() == (FOLDER / "config.yaml").read_bytes()
