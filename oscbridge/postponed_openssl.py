"""Postpones the import of OpenSSL until something uses it: TLS, hashes and secrets.

asyncio imports TLS always, and websockets and others import hashes. Together they take 6 MB and a
tenth of the time of a start. Most bridges have no certificate, and the first hash is that of the
first WebSocket client. Modules that every bridge loads import these modules, not names of them,
which would execute them.
"""

from __future__ import annotations

import sys
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
    """A module that is executed when somebody asks for a name of it.

    That of :class:`importlib.util.LazyLoader` is executed by every other ``import`` of it.
    """

    def __getattr__(self, name: str) -> object:
        if name.startswith("__") and name != "__all__":  # the import system asks for those always
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        with _LOCK:
            if type(self) is _PostponedModule and self.__name__ not in _executing:
                self._execute()
        return ModuleType.__getattribute__(self, name)

    def _execute(self) -> None:
        assert self.__spec__ is not None and self.__spec__.loader is not None
        _executing.add(self.__name__)
        try:
            self.__spec__.loader.exec_module(self)
            # Until then other threads wait.
            object.__setattr__(self, "__class__", ModuleType)
        finally:
            _executing.discard(self.__name__)


def postpone_openssl() -> None:
    """Postpone its modules that are not imported yet. To be called before asyncio is."""
    if "asyncio" in sys.modules:
        return
    asyncio = PathFinder.find_spec("asyncio")
    folders = None if asyncio is None else asyncio.submodule_search_locations
    for name in _MODULES:
        spec = PathFinder.find_spec(name, folders if "." in name else None)
        if spec is not None and name not in sys.modules:
            _postpone(spec)


def _postpone(spec: ModuleSpec) -> None:
    module = _PostponedModule(spec.name)
    module.__spec__, module.__loader__, module.__file__ = spec, spec.loader, spec.origin
    module.__package__ = spec.parent
    sys.modules[spec.name] = module
