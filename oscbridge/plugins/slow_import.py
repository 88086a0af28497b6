"""Names a plugin whose import takes long: it would hang the start without a word."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from oscbridge.failures import is_foreign

__all__ = ["named_if_slow"]

SLOW_IMPORT: Final = 5.0
"""Seconds after which an import is named."""


@contextmanager
def named_if_slow(plugin: str, log: logging.Logger) -> Iterator[None]:
    """Around the import of a plugin: if it takes long, log its name and its current line."""
    thread = threading.get_ident()

    def report() -> None:
        frame = sys._current_frames().get(thread)
        while frame is not None and not is_foreign(frame.f_code.co_filename):
            frame = frame.f_back
        place = "" if frame is None else f" ({frame.f_code.co_filename}:{frame.f_lineno})"
        log.warning("plugin %r: still being imported after %g s%s", plugin, SLOW_IMPORT, place)

    timer = threading.Timer(SLOW_IMPORT, report)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
