"""Finds circles of imports, and prints the levels: ``python tests/lint/import_graph.py``.

Every import counts, also under ``TYPE_CHECKING`` and in functions. A name imported from a package
counts as its submodule of that name, if there is one, else as the package.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Final, TypeAlias

ROOT: Final = Path(__file__).parents[2]

Graph: TypeAlias = dict[str, set[str]]
"""For each module, or folder, those that it imports."""

_WEB_IMPORT: Final = re.compile(r"""(?:from|import|import\()\s*["'](\.[^"']*)["']""")

_WEB_ENDINGS: Final = ("", ".ts", ".tsx", "/index.ts")
"""What an import leaves out of the name of a file."""


def python_graph(package: Path) -> Graph:
    """The imports between the modules of a package."""
    files = {_module_name(path, package): path for path in package.rglob("*.py")}
    return {name: set(_imports(name, path, files)) - {name} for name, path in files.items()}


def web_graph(folder: Path) -> Graph:
    """The imports between the modules of a page, in TypeScript."""
    files = {path.resolve() for path in folder.rglob("*.ts*")}
    graph: Graph = {}
    for path in files:
        bases = [path.parent / found for found in _WEB_IMPORT.findall(path.read_text())]
        names = [Path(f"{base}{end}").resolve() for base in bases for end in _WEB_ENDINGS]
        graph[_place(path, folder)] = {_place(name, folder) for name in names if name in files}
    return graph


def folder_graph(graph: Graph) -> Graph:
    """The imports between what is directly in a package: its folders and single modules.

    Without ``__main__``, which is a script: it starts the program, and nothing imports it.
    """
    folders: Graph = {}
    for module, imported in graph.items():
        if "." in module:  # not the package itself, which only collects names
            found = folders.setdefault(_folder(module), set())
            found.update(_folder(each) for each in imported if "." in each)
    return {name: found - {name} for name, found in folders.items() if name != "__main__"}


def circle(graph: Mapping[str, Collection[str]]) -> Sequence[str]:
    """A circle of imports: each one is imported by the next. Empty if there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        found: Sequence[str] = error.args[1]
        return found
    return ()


def levels(graph: Mapping[str, Collection[str]]) -> Iterator[Sequence[str]]:
    """The levels of a graph without circles, lowest first: each imports only lower ones."""
    sorter = TopologicalSorter(graph)
    sorter.prepare()
    while sorter.is_active():
        level = sorter.get_ready()
        yield sorted(level)
        sorter.done(*level)


def all_graphs() -> Mapping[str, Graph]:
    """The graphs of the bridge, of every plugin, and of the page of the control room."""
    packages = [ROOT / "oscbridge", *sorted(ROOT.glob("plugins/*/oscbridge_*"))]
    graphs = {_place(package, ROOT): python_graph(package) for package in packages}
    for folder in sorted(ROOT.glob("plugins/*/web/src")):
        graphs[_place(folder, ROOT)] = web_graph(folder)
    return graphs


def main() -> int:
    """Print the levels. Returns 1 if there is a circle."""
    graphs = all_graphs()
    for place, graph in graphs.items():
        if found := circle(graph):
            print(f"{place}: circle of imports: {' <- '.join(found)}")
            return 1
    for number, level in enumerate(levels(folder_graph(graphs["oscbridge"])), 1):
        print(f"{number:2}  {'  '.join(level)}")
    return 0


def _imports(name: str, path: Path, known: Collection[str]) -> Iterator[str]:
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) + 1 - node.level] if node.level else []
            origin = ".".join([*above, *filter(None, [node.module])])
            for alias in node.names:
                full = f"{origin}.{alias.name}"
                yield from (each for each in [full if full in known else origin] if each in known)


def _module_name(path: Path, package: Path) -> str:
    parts = path.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _folder(module: str) -> str:
    return module.split(".")[1]


def _place(path: Path, folder: Path) -> str:
    return path.resolve().relative_to(folder.resolve()).as_posix()


if __name__ == "__main__":
    sys.exit(main())
