"""The hooks, from their specifications."""

from __future__ import annotations

import inspect
from collections.abc import Callable

from oscbridge.contract import hooks as specifications
from oscbridge_docs.markdown import paragraphs

__all__ = ["hooks"]


def hooks() -> str:
    """A section for each hook, in the order of the module."""
    found = {
        name: value
        for name, value in vars(specifications).items()
        if name.startswith("oscbridge_") and inspect.isfunction(value)
    }
    return "\n\n".join(_section(name, hook) for name, hook in found.items())


def _section(name: str, hook: Callable[..., object]) -> str:
    parameters = ", ".join(inspect.signature(hook).parameters)
    return f"## `{name}({parameters})`\n\n{paragraphs(hook.__doc__)}"
