"""Deprecated names keep working, and say what to use instead."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

import oscbridge
from oscbridge.contract import deprecations
from oscbridge.contract.deprecations import Deprecation
from oscbridge.plugins.manager import Plugins

OLD: Mapping[str, Deprecation] = {
    "oscbridge.Msg": Deprecation("0.2", "oscbridge.Message", "oscbridge.osc:Message"),
    "Endpoint.deliver": Deprecation("0.2", "Endpoint.send"),
    "oscbridge_register_routes(source)": Deprecation("0.2", "'routes' alone"),
}
CODE = """
import oscbridge
Old = oscbridge.Msg

class Lamp(oscbridge.Endpoint):
    async def deliver(self, message): pass
    async def send(self, message): pass

@oscbridge.hookimpl
def oscbridge_endpoints():
    return {"lamp": Lamp}

@oscbridge.hookimpl
def oscbridge_register_routes(routes, source):
    pass
"""
WARNINGS = [
    (3, "oscbridge.Msg is deprecated since oscbridge 0.2; use oscbridge.Message"),
    (5, "Endpoint.deliver is deprecated since oscbridge 0.2; use Endpoint.send"),
    (13, "oscbridge_register_routes(source) is deprecated since oscbridge 0.2; use 'routes' alone"),
]


@pytest.fixture(autouse=True)
def old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deprecations, "DEPRECATED", OLD)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    tmp_path.chmod(0o755)
    path = tmp_path / "lamp.py"
    path.write_text(CODE)
    path.chmod(0o644)
    return path


def test_author_is_warned_at_the_own_line_and_the_plugin_works(file: Path) -> None:
    with pytest.warns(DeprecationWarning) as caught:
        plugins = Plugins([], file.parent)
    assert [(each.filename, each.lineno, str(each.message)) for each in caught] == [
        (str(file), line, text) for line, text in WARNINGS
    ]
    assert "lamp" in plugins.endpoint_types
    assert sys.modules["oscbridge_file_lamp"].Old is oscbridge.Message


def test_user_gets_one_line_per_use(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "oscbridge.plugins"), pytest.warns(DeprecationWarning):
        Plugins([], file.parent)
        Plugins([], file.parent)
    assert caplog.messages == [f"{text} ({file}:{line})" for line, text in WARNINGS]


def test_imported_name_is_deprecated_as_well(tmp_path: Path) -> None:
    code = compile("from oscbridge import Msg", str(tmp_path / "x.py"), "exec")
    with pytest.warns(DeprecationWarning, match=r"oscbridge\.Msg is deprecated") as caught:
        exec(code, space := {"__name__": "x"})
    assert space["Msg"] is oscbridge.Message
    assert {(each.filename, each.lineno) for each in caught} == {(str(tmp_path / "x.py"), 1)}


def test_every_deprecated_name_has_a_home() -> None:
    for name, each in vars(deprecations)["DEPRECATED"].items():
        assert bool(each.home) is name.startswith("oscbridge.")
