"""Keeps a process that a plugin forks from being a second bridge.

It has all that the bridge has: its sockets, its event loop, and its handlers of signals. A child
that does its work and exits is none of the bridge's business; one that returns from the code of
the plugin would receive, send and store what belongs to the bridge.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import weakref
from contextlib import suppress
from functools import partial
from typing import Final

from oscbridge.logs.setup import flush_log
from oscbridge.net.direct_readers import HasDirectReaders

__all__ = ["disown_in_children", "end_child"]

_SIGNALS: Final = ("SIGINT", "SIGTERM", "SIGHUP")

_log: Final = logging.getLogger(__name__)

_exit = os._exit
"""The function itself: while plugins are loaded, the module has one that refuses."""


def disown_in_children(loop: asyncio.AbstractEventLoop) -> None:
    """Let the children that are forked while a loop runs have nothing of it.

    Their signals have Python's handlers, the sockets of the loop are closed, and a child that
    returns to the loop ends.
    """
    if hasattr(os, "register_at_fork"):  # for ever: nothing can undo it
        os.register_at_fork(after_in_child=partial(_disown, weakref.ref(loop)))


def end_child() -> None:
    """End a forked process that has returned to the bridge."""
    _log.error("a process that a plugin has forked returned to the bridge; end it with os._exit()")
    flush_log()
    _exit(1)


def _disown(reference: weakref.ref[asyncio.AbstractEventLoop]) -> None:
    loop = reference()
    if loop is None or not loop.is_running():
        return
    with suppress(ValueError):  # on another thread
        signal.set_wakeup_fd(-1)
        for name in _SIGNALS:
            default = signal.default_int_handler if name == "SIGINT" else signal.SIG_DFL
            signal.signal(signal.Signals[name], default)
    for handle in (*getattr(loop, "_ready", ()), *getattr(loop, "_scheduled", ())):
        handle.cancel()
    if isinstance(loop, HasDirectReaders):
        loop.forget_direct_readers()
    _close_sockets(loop)
    loop.stop()


def _close_sockets(loop: asyncio.AbstractEventLoop) -> None:
    """Close what a loop watches; another file keeps each number, as objects have it."""
    selector = getattr(loop, "_selector", None)
    watched = None if selector is None else selector.get_map()
    if watched is None:
        return
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in [key.fd for key in watched.values()]:
        os.dup2(null, descriptor, inheritable=False)
    os.close(null)
