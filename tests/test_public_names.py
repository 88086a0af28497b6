"""The public names, the cost of their imports, and the import direction of the layers."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import oscbridge
import oscbridge.http
import oscbridge.monitoring
import oscbridge.recording
from oscbridge.public_names import HOMES

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "oscbridge"
BUILT_IN = PACKAGE / "endpoints"
PLUGINS = sorted(ROOT.glob("plugins/*/oscbridge_*"))

PUBLIC = {
    "oscbridge",
    "oscbridge.http",
    "oscbridge.monitoring",
    "oscbridge.recording",
    *(f"oscbridge.{name}" for name in oscbridge.__all__),
    *(f"oscbridge.http.{name}" for name in oscbridge.http.__all__),
    *(f"oscbridge.monitoring.{name}" for name in oscbridge.monitoring.__all__),
    *(f"oscbridge.recording.{name}" for name in oscbridge.recording.__all__),
}

HEAVY = ("aiohttp", "pydantic", "pydantic_core", "click", "rich", "pluggy", "orjson")
LIGHT = ("oscbridge", "oscbridge.osc", "oscbridge.osc_server", "oscbridge.udp_client")
LIGHT_WITHOUT_HTTP = (
    "oscbridge.cli",
    "oscbridge.cli.running",
    "oscbridge.cli.send",
    "oscbridge.http",
)


@pytest.mark.parametrize("name", oscbridge.__all__)
def test_public_name_resolves(name: str) -> None:
    assert getattr(oscbridge, name) is not None
    assert name in dir(oscbridge)


def test_type_checkers_find_the_public_names_where_they_are() -> None:
    seen = {
        alias.asname: node.module
        for node in ast.walk(ast.parse((PACKAGE / "__init__.py").read_text()))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname == alias.name  # else it is private
    }
    assert seen == HOMES


@pytest.mark.parametrize("name", oscbridge.http.__all__)
def test_public_name_for_http_resolves(name: str) -> None:
    assert getattr(oscbridge.http, name) is not None


@pytest.mark.parametrize("name", oscbridge.monitoring.__all__)
def test_public_name_for_monitoring_resolves(name: str) -> None:
    assert getattr(oscbridge.monitoring, name) is not None


@pytest.mark.parametrize("name", oscbridge.recording.__all__)
def test_public_name_for_recording_resolves(name: str) -> None:
    assert getattr(oscbridge.recording, name) is not None


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'oscbridge' has no attribute 'nothing'"):
        oscbridge.nothing  # noqa: B018


@pytest.mark.parametrize("module", LIGHT)
def test_osc_only_program_does_not_load_the_bridge(module: str) -> None:
    code = f"import sys, {module}; print(*(n for n in {HEAVY!r} if n in sys.modules))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.split() == []


@pytest.mark.parametrize("module", LIGHT_WITHOUT_HTTP)
def test_aiohttp_is_loaded_on_demand(module: str) -> None:
    code = f"import sys, {module}, oscbridge_websocket.endpoint; print('aiohttp' in sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout == "False\n"


def test_plugin_marker_loads_no_models() -> None:
    code = "import sys; from oscbridge import hookimpl; print('pydantic' in sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout == "False\n"


def imports(path: Path) -> Iterator[str]:
    """All modules that a file imports, including imports in functions."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            assert node.module
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def ours(path: Path) -> set[str]:
    return {name for name in imports(path) if name.split(".")[0] == "oscbridge"}


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("osc/*.py")), ids=lambda path: path.stem)
def test_protocol_imports_only_the_errors(path: Path) -> None:
    for name in ours(path):
        assert name.startswith(("oscbridge.osc.", "oscbridge.errors")) or name in (
            "oscbridge.osc",
            "oscbridge",
        )
    performing = {"socket", "asyncio", "threading", "selectors", "subprocess", "time", "os"}
    assert performing.isdisjoint(imports(path))


@pytest.mark.parametrize(
    "path",
    [path for package in (*PLUGINS, BUILT_IN) for path in sorted(package.rglob("*.py"))],
    ids=lambda path: f"{path.parent.name}/{path.name}",
)
def test_plugins_import_only_public_names(path: Path) -> None:
    tree = ast.parse(path.read_text())
    allowed = ["oscbridge.endpoints"]
    if path.name == "conformance.py":  # a peer, which nothing imports but the conformance suite
        allowed.append("oscbridge.testing")
    assert {name for name in ours(path) if not name.startswith(tuple(allowed))} <= PUBLIC
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == "oscbridge"
        ):
            assert node.attr in oscbridge.__all__, f"{path.name} uses oscbridge.{node.attr}"


@pytest.mark.parametrize(
    "path",
    sorted(ROOT.glob("plugins/*/tests/*.py")),
    ids=lambda path: f"{path.parents[1].name}/{path.name}",
)
def test_plugin_tests_import_only_public_names_and_test_helpers(path: Path) -> None:
    assert not {name for name in ours(path) - PUBLIC if not name.startswith("oscbridge.testing")}
