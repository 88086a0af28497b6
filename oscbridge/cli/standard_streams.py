"""Standard input, output and error of a program that was started without them."""

from __future__ import annotations

import errno
import os
import sys
from io import TextIOWrapper
from typing import Final

__all__ = [
    "colours",
    "discard_output",
    "escape_unknown_characters",
    "is_full",
    "open_standard_streams",
]

_FULL: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}


def open_standard_streams() -> None:
    """Open those of the descriptors 0 to 2 that are closed on the null device.

    To be called before anything else is opened: a socket or a file would get such a descriptor,
    and whatever this process or its children print would be written to it.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            # Ascending, so the lowest free descriptor is this one.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
            mode = "w" if number else "r"
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8", closefd=False))


def colours() -> bool | None:
    """False if the environment refuses them (https://no-color.org), else None: as the stream."""
    is_refused = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return False if is_refused else None


def is_full(error: OSError) -> bool:
    """Whether an error says that the standard output accepts no more; not that of a named file."""
    return error.errno in _FULL and error.filename is None


def discard_output() -> None:
    """Discard the buffer of the standard output, and everything printed from now on."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def escape_unknown_characters() -> None:
    r"""Print a character that the encoding of the terminal lacks as an escape, ``\u2192``.

    Otherwise a name in a message or in a file could end a command with an error.
    """
    for stream in (sys.stdout, sys.stderr):
        if not isinstance(stream, TextIOWrapper):  # replaced, in a test for example
            continue
        if stream.errors == "strict" or (
            stream.errors == "surrogateescape" and not stream.encoding.lower().startswith("utf")
        ):
            stream.reconfigure(errors="backslashreplace")
