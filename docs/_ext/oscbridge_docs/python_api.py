"""The public names of Python, as directives of autodoc."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from importlib import import_module

from oscbridge.public_names import HOMES

__all__ = ["python_api"]


def python_api(module: str) -> str:
    """The names of a module, by what they are."""
    return "\n".join(["```{eval-rst}", *_lines(module), "```"])


def _lines(module: str) -> Iterator[str]:
    names: list[str] = import_module(module).__all__
    if module != "oscbridge":  # nothing twice
        names = [name for name in names if name not in HOMES]
    values = {name: getattr(import_module(module), name) for name in names}
    errors = [n for n, v in values.items() if inspect.isclass(v) and issubclass(v, BaseException)]
    classes = [n for n, v in values.items() if inspect.isclass(v) and n not in errors]
    functions = [n for n, v in values.items() if inspect.isroutine(v)]
    others = [n for n in names if n not in {*errors, *classes, *functions}]
    for title, directive, found in (
        ("Classes", "autoclass", classes),
        ("Errors", "autoexception", errors),
        ("Functions", "autofunction", functions),
        ("Other names", "autodata", others),
    ):
        if found:
            yield from ("", f".. rubric:: {title}", "")
        for name in sorted(found):
            yield f".. {directive}:: {module}.{name}"
            if directive in ("autoclass", "autoexception"):
                yield from ("   :members:", "   :undoc-members:", "   :show-inheritance:")
            if directive == "autodata":
                yield "   :no-value:"
            yield ""
