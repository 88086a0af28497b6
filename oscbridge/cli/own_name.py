"""The name by which commands that are printed call this program."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

__all__ = ["is_module", "own_name"]


def own_name() -> str:
    """``oscbridge``, or how it was called where a shell does not find it by this name."""
    if shutil.which("oscbridge"):
        return "oscbridge"
    program = sys.executable if is_module() else sys.argv[0]
    quoted = f'"{program}"' if " " in program else program
    return f"{quoted} -m oscbridge" if is_module() else quoted


def is_module() -> bool:
    """Whether it was started by ``python -m oscbridge``."""
    return Path(sys.argv[0]).name == "__main__.py"
