"""Memory that a supervisor shares with its worker."""

from __future__ import annotations

import os
from tempfile import TemporaryFile

__all__ = ["unnamed_file"]


def unnamed_file(size: int) -> int:
    """The descriptor of an unnamed file of zeros, to map and to inherit. Raises ``OSError``."""
    if hasattr(os, "memfd_create"):  # needs no writable folder
        memory = os.memfd_create("oscbridge-shared")
    else:
        with TemporaryFile() as file:
            memory = os.dup(file.fileno())
    try:
        os.ftruncate(memory, size)
    except BaseException:
        os.close(memory)
        raise
    return memory
