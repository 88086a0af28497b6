"""Keeps a plugin from ending the process, mainly while it is imported or asked what it offers."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NoReturn

__all__ = ["ProcessExit", "exits_refused", "recursion_limit_kept"]

_EXITS: Final = ("_exit", "abort")
"""Functions of :mod:`os` that end the process at once, without any ``except`` or ``finally``."""


class ProcessExit(BaseException):
    """A plugin has tried to end the process."""


@contextmanager
def exits_refused() -> Iterator[None]:
    """Within it, ``os._exit`` and ``os.abort`` raise :class:`ProcessExit`.

    Only for this thread and this process: a forked child may end itself. Code in C and signals
    still end the process. The limit of recursion is kept as well.
    """
    thread, process = threading.get_ident(), os.getpid()
    before = {name: getattr(os, name) for name in _EXITS}
    is_over = False

    def refusing(name: str) -> object:
        def exit_refused(*arguments: object) -> NoReturn:
            if is_over or (threading.get_ident(), os.getpid()) != (thread, process):
                before[name](*arguments)
            raise ProcessExit(f"os.{name}({', '.join(map(repr, arguments))}) would end the program")

        return exit_refused

    for name in _EXITS:
        setattr(os, name, refusing(name))
    try:
        with recursion_limit_kept():
            yield
    finally:
        is_over = True  # a plugin may have kept the function
        for name in _EXITS:
            setattr(os, name, before[name])


@contextmanager
def recursion_limit_kept() -> Iterator[None]:
    """Within it, ``sys.setrecursionlimit`` raises :class:`ProcessExit` for less than the limit.

    With 60 calls inside each other, nothing in the process would work any more.
    """
    least, set_limit = sys.getrecursionlimit(), sys.setrecursionlimit

    def set_at_least(limit: int, /) -> None:
        if limit < least:
            raise ProcessExit(
                f"sys.setrecursionlimit({limit}) would end the program, which has {least}"
            )
        set_limit(limit)

    sys.setrecursionlimit = set_at_least
    try:
        yield
    finally:
        sys.setrecursionlimit = set_limit
