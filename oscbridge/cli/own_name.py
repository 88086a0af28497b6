"""The name by which commands that are printed call this program."""

from __future__ import annotations

import shutil
import sys

__all__ = ["own_name"]


def own_name() -> str:
    """``oscbridge``, or the path of the program where a shell does not find it by this name."""
    if shutil.which("oscbridge"):
        return "oscbridge"
    return f'"{sys.argv[0]}"' if " " in sys.argv[0] else sys.argv[0]
