"""Python processes that the bridge or a plugin starts."""

from __future__ import annotations

import os
import signal
import sysconfig
from importlib.util import find_spec
from pathlib import Path

__all__ = ["child_environment", "how_it_ended"]


def child_environment(*packages: str) -> dict[str, str]:
    """The environment variables for a child process that runs a module of these packages.

    They are those of this process, with ``PYTHONPATH`` such that oscbridge and the ``packages``
    are imported from where this process imports them. For use with ``sys.executable -P -m``,
    which ignores the working directory.
    """
    specs = [find_spec(name) for name in ("oscbridge", *packages)]
    folders = [str(Path(spec.origin).parent.parent) for spec in specs if spec and spec.origin]
    # Installed packages are found without it, and must not precede the standard library.
    added = [folder for folder in folders if folder != sysconfig.get_path("purelib")]
    paths = filter(None, (os.environ.get("PYTHONPATH", ""), *dict.fromkeys(added)))
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def how_it_ended(code: int) -> str:
    """The end of a process, in words, by its ``returncode``."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"
