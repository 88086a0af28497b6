"""What rtmidi does not know of a JACK server: that it has ended, and how fast it goes."""

from __future__ import annotations

import ctypes
import ctypes.util
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

__all__ = ["UNKNOWN", "JackWatch", "watch"]

_NO_START: Final = 1
"""JackNoStartServer."""

_Status: Final = ctypes.c_int
_Callback: Final = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


class JackWatch(NamedTuple):
    """A server that is watched."""

    period: float
    """Seconds between the times at which it takes messages."""
    end: Callable[[], None]
    """To be called at the end."""


UNKNOWN: Final = JackWatch(0.0, lambda: None)
"""What is watched where there is no server, or no library."""


def watch(on_end: Callable[[], None]) -> JackWatch:
    """Have ``on_end`` called, on a thread of JACK's, when the server ends.

    To be called when rtmidi is loaded. What it returns is to be kept.
    """
    try:
        jack = ctypes.CDLL(_library())
        jack.jack_client_open.restype = ctypes.c_void_p
        found = jack.jack_client_open(b"oscbridge watches", _NO_START, ctypes.byref(_Status()))
        if not found:
            return UNKNOWN
        client = ctypes.c_void_p(found)
        callback = _Callback(lambda _argument: on_end())
        jack.jack_on_shutdown(client, callback, None)
        period = jack.jack_get_buffer_size(client) / (jack.jack_get_sample_rate(client) or 1)
    except (OSError, AttributeError):
        return UNKNOWN

    def end() -> None:
        nonlocal callback  # kept as long: JACK has no more than its address
        jack.jack_client_close(client)
        del callback

    return JackWatch(period, end)


def _library() -> str | None:
    """The library that rtmidi has loaded; wheels bring their own. Else the system's."""
    try:
        lines = Path("/proc/self/maps").read_text().splitlines()
    except OSError:
        lines = []
    paths = [words[5] for line in lines if len(words := line.split(maxsplit=5)) == 6]
    loaded = [path for path in paths if Path(path).name.startswith("libjack")]
    return loaded[0] if loaded else ctypes.util.find_library("jack")
