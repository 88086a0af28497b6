"""Watches a JACK server for what rtmidi does not report: its end, and its period."""

from __future__ import annotations

import ctypes
import ctypes.util
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

__all__ = ["NOT_WATCHED", "JackWatch", "watch"]

_NO_START: Final = 1
"""JackNoStartServer."""

_Status: Final = ctypes.c_int
_Callback: Final = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


class JackWatch(NamedTuple):
    """A watched server."""

    period: float
    """Seconds between its processing cycles."""
    end: Callable[[], None]
    """Stops watching."""


NOT_WATCHED: Final = JackWatch(0.0, lambda: None)
"""Used without a JACK server or library."""


def watch(on_end: Callable[[], None]) -> JackWatch:
    """Call ``on_end`` on a thread of JACK when the server ends.

    rtmidi must be loaded. The result must be kept as long as the server is to be watched.
    """
    try:
        jack = ctypes.CDLL(_library())
        jack.jack_client_open.restype = ctypes.c_void_p
        found = jack.jack_client_open(b"oscbridge watches", _NO_START, ctypes.byref(_Status()))
        if not found:
            return NOT_WATCHED
        client = ctypes.c_void_p(found)
        callback = _Callback(lambda _argument: on_end())
        jack.jack_on_shutdown(client, callback, None)
        period = jack.jack_get_buffer_size(client) / (jack.jack_get_sample_rate(client) or 1)
    except (OSError, AttributeError):
        return NOT_WATCHED

    def end() -> None:
        nonlocal callback  # keeps it alive: JACK only has its address
        jack.jack_client_close(client)
        del callback

    return JackWatch(period, end)


def _library() -> str | None:
    """The library that rtmidi has loaded, because wheels bundle one; else the system's."""
    try:
        lines = Path("/proc/self/maps").read_text().splitlines()
    except OSError:
        lines = []
    paths = [words[5] for line in lines if len(words := line.split(maxsplit=5)) == 6]
    loaded = [path for path in paths if Path(path).name.startswith("libjack")]
    return loaded[0] if loaded else ctypes.util.find_library("jack")
