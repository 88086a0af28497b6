"""Public names that have a successor. They still work, and say what to use instead.

Plugin authors get a ``DeprecationWarning`` at their own line, which pytest shows; users one line
in the log, with the file to ask about. A name stays for at least one release with this warning,
and is removed only together with a new version of the contract (``Endpoint.api``).
"""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pkgutil import resolve_name
from typing import Final

from oscbridge.failures import defined_at, is_foreign

__all__ = ["DEPRECATED", "Deprecation", "deprecated_name", "warn_if_deprecated"]

_log: Final = logging.getLogger("oscbridge.plugins")


@dataclass(frozen=True)
class Deprecation:
    """One deprecated name."""

    since: str
    """The version of oscbridge that deprecated it."""
    replacement: str
    """What to write instead, after "use": ``"oscbridge.Message.of"``."""
    home: str = ""
    """For a name of the package ``oscbridge``: where it is, as ``"package.module:name"``."""


DEPRECATED: Final[Mapping[str, Deprecation]] = {}
"""By what the author wrote: ``"oscbridge.NAME"``, ``"Endpoint.METHOD"`` for a method that plugins
override, or ``"HOOK"`` and ``"HOOK(ARGUMENT)"``."""


def warn_if_deprecated(name: str, function: object = None) -> Deprecation | None:
    """Warn where ``function`` is defined, or at the nearest line outside of oscbridge.

    That is logged as well, once per line.
    """
    found = DEPRECATED.get(name)
    if found is None:
        return None
    text = f"{name} is deprecated since oscbridge {found.since}; use {found.replacement}"
    file, line, module = _caller() if function is None else _place_of(function)
    _log_once(f"{text} ({file}:{line})")
    warnings.warn_explicit(text, DeprecationWarning, file, line, module)
    return found


def deprecated_name(name: str) -> object:
    """The value of a deprecated name of the package. Raises ``AttributeError`` for any other."""
    found = warn_if_deprecated(f"oscbridge.{name}")
    if found is None:
        text = f"module 'oscbridge' has no attribute {name!r}"
        raise AttributeError(text, name=name, obj=sys.modules["oscbridge"])
    return resolve_name(found.home)


@cache
def _log_once(text: str) -> None:
    _log.warning("%s", text)


def _caller() -> tuple[str, int, str]:
    """File, line and module of the innermost frame that is not oscbridge's."""
    frame = sys._getframe(1)
    while not is_foreign(frame.f_code.co_filename) and frame.f_back is not None:
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno, str(frame.f_globals.get("__name__", ""))


def _place_of(function: object) -> tuple[str, int, str]:
    """File, line and module of a function."""
    file, _, line = defined_at(function).rpartition(":")
    return file, int(line or 0), str(getattr(function, "__module__", ""))
