"""No two classes of the bridge and its plugins have the same name."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("oscbridge", "plugins/*/oscbridge_*", "bundle", "docs/_ext", "pytest_oscbridge")


def test_every_class_has_a_name_of_its_own() -> None:
    places = defaultdict(list)
    for folder in FOLDERS:
        for path in (path for found in ROOT.glob(folder) for path in found.rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_bytes())):
                if isinstance(node, ast.ClassDef):
                    places[node.name].append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert len(places) > 1_000
    assert {name: found for name, found in places.items() if len(found) > 1} == {}
