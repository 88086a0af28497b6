"""Installs small plugins, as pip would: a module and its metadata."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from oscbridge.plugins.manager import Plugin, Plugins

OWN = ("osc", "websocket")
"""The project's own plugins that are installed where the tests run."""

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Installs a plugin whose module holds ``code``."""
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)

    def install(name: str, code: str, *, entry: str = "", version: str = "1.2") -> None:
        module = f"oscbridge_{name}"
        (tmp_path / f"{module}.py").write_text("import oscbridge\n" + dedent(code))
        info = tmp_path / f"oscbridge_{name}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: oscbridge-{name}\nVersion: {version}\n"
        )
        (info / "entry_points.txt").write_text(f"[oscbridge]\n{entry or name} = {module}\n")

    yield install
    for name in set(sys.modules) - before:
        if name.startswith("oscbridge_"):
            del sys.modules[name]


@pytest.fixture
def load() -> Callable[[], dict[str, Plugin]]:
    """Loads all installed plugins. Returns them by name, without the project's own."""

    def load() -> dict[str, Plugin]:
        return {p.name: p for p in Plugins().plugins if p.name not in OWN}

    return load
