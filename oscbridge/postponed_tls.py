"""Postpones the import of TLS until something uses it.

asyncio imports it always. It takes 2 MB and a tenth of the time of a start, and most bridges have
no certificate.
"""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec, PathFinder
from threading import RLock
from types import ModuleType
from typing import Final

__all__ = ["postpone_tls"]

_LOCK: Final = RLock()
_executing: Final[set[str]] = set()


class _PostponedModule(ModuleType):
    """A module that is executed when somebody asks for a name of it.

    That of :class:`importlib.util.LazyLoader` is executed by every other ``import`` of it.
    """

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):  # the import system asks for those of every module
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


def postpone_tls() -> None:
    """Postpone the modules of TLS that are not imported yet. To be called before asyncio is."""
    if "asyncio" in sys.modules or "ssl" in sys.modules:
        return
    tls, asyncio = PathFinder.find_spec("ssl"), PathFinder.find_spec("asyncio")
    if tls is None or asyncio is None:
        return
    _postpone(tls)
    protocol = PathFinder.find_spec("asyncio.sslproto", asyncio.submodule_search_locations)
    if protocol is not None:  # it uses names of ssl at once
        _postpone(protocol)


def _postpone(spec: ModuleSpec) -> None:
    module = _PostponedModule(spec.name)
    module.__spec__, module.__loader__, module.__file__ = spec, spec.loader, spec.origin
    module.__package__ = spec.parent
    sys.modules[spec.name] = module
