"""Postpones the import of OpenSSL until something uses it: TLS, hashes and secrets.

asyncio imports TLS always, and websockets and others import hashes. Together they take 6 MB and a
tenth of the time of a start. Most bridges have no certificate, and the first hash is that of the
first WebSocket client. Modules that every bridge loads import these modules, not names of them,
which would execute them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib.machinery import ModuleSpec, PathFinder
from threading import RLock
from types import ModuleType
from typing import Final

__all__ = ["postpone_openssl"]

_MODULES: Final = ("ssl", "asyncio.sslproto", "hashlib", "hmac", "secrets")
"""Those that use OpenSSL or names of one another as soon as they are executed."""

_LOCK: Final = RLock()
_executing: Final[set[str]] = set()


class _PostponedModule(ModuleType):
    """A module that is executed when somebody asks for a name of it, or sets one.

    That of :class:`importlib.util.LazyLoader` is executed by every other ``import`` of it.
    """

    def __getattribute__(self, name: str) -> object:
        if name == "__dict__":
            _execute(self)
        return ModuleType.__getattribute__(self, name)

    def __getattr__(self, name: str) -> object:
        # The import system asks for those of its own always.
        if name.startswith("__") and name.endswith("__") and name != "__all__":
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        _execute(self)
        return ModuleType.__getattribute__(self, name)

    def __setattr__(self, name: str, value: object) -> None:
        _execute(self)  # now: later it would replace the value
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        _execute(self)
        object.__delattr__(self, name)

    def __dir__(self) -> Iterable[str]:
        _execute(self)
        return ModuleType.__dir__(self)


def _execute(module: _PostponedModule) -> None:
    """Execute a module, unless that was done. Other threads wait until it is complete."""
    with _LOCK:
        name, spec = module.__name__, module.__spec__
        if type(module) is not _PostponedModule or name in _executing:
            return
        assert spec is not None and spec.loader is not None
        _executing.add(name)
        try:
            spec.loader.exec_module(module)
            object.__setattr__(module, "__class__", ModuleType)
        finally:
            _executing.discard(name)


def postpone_openssl() -> None:
    """Postpone its modules that are not imported yet. To be called before asyncio is."""
    if "asyncio" in sys.modules or not _has_openssl():
        return
    asyncio = PathFinder.find_spec("asyncio")
    folders = None if asyncio is None else asyncio.submodule_search_locations
    for name in _MODULES:
        spec = PathFinder.find_spec(name, folders if "." in name else None)
        if spec is not None and name not in sys.modules:
            _postpone(spec)


def _has_openssl() -> bool:
    """Whether this Python has it; without it, an import must fail where it is written."""
    return "_ssl" in sys.builtin_module_names or PathFinder.find_spec("_ssl") is not None


def _postpone(spec: ModuleSpec) -> None:
    module = _PostponedModule(spec.name)
    ModuleType.__getattribute__(module, "__dict__").update(
        __spec__=spec, __loader__=spec.loader, __file__=spec.origin, __package__=spec.parent
    )
    sys.modules[spec.name] = module
