"""The documentation of options: the docstrings below the fields of a model."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import pairwise
from types import ModuleType
from typing import Final

from pydantic import BaseModel

__all__ = ["option_docs"]

MAX_MODULES: Final = 256
"""Modules whose docstrings are kept, as every model of a module needs them."""


def option_docs(model: type[BaseModel]) -> dict[str, str]:
    """The text about each field of a model, by its name; without fields that have none.

    A ``Field(description=...)`` has precedence. The docstrings are read from the source here, not
    by pydantic with ``use_attribute_docstrings``: that reads the source of every model when it is
    imported, an eighth of the time that a bridge takes to start.
    """
    found: dict[str, str] = {}
    for each in reversed(model.__mro__):
        module = inspect.getmodule(each) if issubclass(each, BaseModel) else None
        if module is not None:
            found.update(_docstrings(module).get(each.__qualname__, {}))
    fields = model.model_fields.items()
    texts = {name: field.description or found.get(name, "") for name, field in fields}
    return {name: text for name, text in texts.items() if text}


@lru_cache(MAX_MODULES)
def _docstrings(module: ModuleType) -> Mapping[str, Mapping[str, str]]:
    """Docstrings of the annotated names of all classes in a module, by qualified names."""
    try:
        tree = ast.parse(inspect.getsource(module))
    except (OSError, TypeError):  # e.g. typed into an interpreter
        return {}
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # being edited since
        return {}
    return dict(_classes(tree, ""))


def _classes(parent: ast.AST, path: str) -> Iterator[tuple[str, Mapping[str, str]]]:
    for node in ast.iter_child_nodes(parent):
        if isinstance(node, ast.ClassDef):
            yield path + node.name, dict(_attributes(node))
            yield from _classes(node, f"{path}{node.name}.")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _classes(node, f"{path}{node.name}.<locals>.")
        else:
            yield from _classes(node, path)


def _attributes(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for first, second in pairwise(node.body):
        match first, second:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                yield name, inspect.cleandoc(text)
