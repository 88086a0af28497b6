"""No module imports, by way of others, itself."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from import_graph import all_graphs, circle, folder_graph, levels, python_graph, web_graph

GRAPHS = all_graphs()

MAX_LEVELS = 8
"""Levels between the folders and single modules of the bridge. A new one needs a good reason."""


def write(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


@pytest.mark.parametrize("place", GRAPHS)
def test_no_module_is_in_a_circle_of_imports(place: str) -> None:
    assert circle(GRAPHS[place]) == ()


def test_graphs_have_the_bridge_all_plugins_and_the_page() -> None:
    assert {"oscbridge", "plugins/nats/oscbridge_nats", "plugins/ui/web/src"} <= GRAPHS.keys()
    assert "oscbridge.osc" in GRAPHS["oscbridge"]["oscbridge.contract.endpoint"]


def test_the_tree_has_few_levels() -> None:
    assert len(list(levels(folder_graph(GRAPHS["oscbridge"])))) <= MAX_LEVELS


@pytest.mark.parametrize(
    "statement",
    [
        "import lamp.b",
        "from lamp import b",
        "from lamp.b import name",
        "from . import b",
        "from .b import name",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from lamp.b import name",
        "def call():\n    from lamp.b import name",
    ],
)
def test_circle_is_found_however_a_module_is_imported(statement: str, tmp_path: Path) -> None:
    files = {"__init__.py": "", "a.py": statement, "b.py": "from lamp.a import other"}
    graph = python_graph(write(tmp_path / "lamp", files))
    assert set(circle(graph)) == {"lamp.a", "lamp.b"}


def test_circle_is_found_through_a_package(tmp_path: Path) -> None:
    files = {"__init__.py": "from lamp.a import name", "a.py": "from lamp import name"}
    assert set(circle(python_graph(write(tmp_path / "lamp", files)))) == {"lamp", "lamp.a"}


def test_circle_is_found_in_a_page(tmp_path: Path) -> None:
    files = {"a.ts": 'import { b } from "./in/b";', "in/b.tsx": 'import type { A } from "../a";'}
    assert set(circle(web_graph(write(tmp_path, files)))) == {"a.ts", "in/b.tsx"}


def test_circle_is_found_through_the_index_of_a_folder(tmp_path: Path) -> None:
    files = {
        "a.ts": 'import { b } from "./in";',
        "in/index.ts": 'export type * from "./b";',
        "in/b.ts": 'import type { A } from "../a";',
    }
    found = circle(web_graph(write(tmp_path, files)))
    assert set(found) == {"a.ts", "in/index.ts", "in/b.ts"}


def test_levels_begin_with_what_imports_nothing(tmp_path: Path) -> None:
    files = {
        "__init__.py": "from lamp.a import name",
        "a.py": "from lamp.low.b import name",
        "low/__init__.py": "",
        "low/b.py": "from lamp.low import c",
        "low/c.py": "import os",
    }
    graph = python_graph(write(tmp_path / "lamp", files))
    assert list(levels(folder_graph(graph))) == [["low"], ["a"]]
    assert [each[0] for each in levels(graph)] == ["lamp.low", "lamp.low.b", "lamp.a", "lamp"]
