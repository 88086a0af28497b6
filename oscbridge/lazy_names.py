"""Names of a module that are imported when they are used."""

from __future__ import annotations

import sys
from collections.abc import Callable

__all__ = ["lazy_names"]


def lazy_names(module: str, *paths: str) -> Callable[[str], object]:
    """``__getattr__`` for a module that has the last names of these dotted paths.

    The modules under the names of python-osc have all public names of those, including what they
    import, as programs use and replace them there. ``"name=path"`` gives another name.
    """
    homes = {}
    for path in paths:
        name, _, home = path.rpartition("=")
        homes[name or path.rpartition(".")[2]] = home

    def get(name: str) -> object:
        home = homes.get(name)
        if home is None:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        from pkgutil import resolve_name

        value: object = resolve_name(home)
        setattr(sys.modules[module], name, value)
        return value

    return get
