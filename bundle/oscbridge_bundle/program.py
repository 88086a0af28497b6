"""The entry point of the bundled program.

Without arguments it runs the bridge and opens the control room. ``login`` and ``folder`` are for
this program alone. With other arguments it is ``oscbridge``.
"""

from __future__ import annotations

import os
import runpy
import sys
from collections.abc import Sequence
from typing import Final

__all__ = ["main"]

CHILD: Final = ["-P", "-m"]
"""The first arguments of a worker: ``sys.executable -P -m MODULE`` starts this program again."""


def main() -> None:
    """Run what the arguments say."""
    arguments = sys.argv[1:]
    if arguments[:2] == CHILD and len(arguments) > 2:
        sys.argv = arguments[2:]
        runpy.run_module(arguments[2], run_name="__main__", alter_sys=True)
        return
    restore_library_path()
    from oscbridge.cli import main as run_oscbridge
    from oscbridge_bundle.commands import commands

    if not arguments:
        from oscbridge_bundle.desktop import arguments_of_start

        sys.argv[1:] = arguments_of_start()
        if not sys.argv[1:]:
            return
        wait_before_closing(run_oscbridge)
    elif arguments[0] in commands.commands:
        commands(prog_name="oscbridge")
    else:
        run_oscbridge()


def restore_library_path() -> None:
    """Let other programs, e.g. the browser, find their own libraries: the bundle's come first."""
    for name in ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"):
        before = os.environ.pop(f"{name}_ORIG", None)
        if before is not None:
            os.environ[name] = before
        elif getattr(sys, "frozen", False):
            os.environ.pop(name, None)


def wait_before_closing(run: object) -> None:
    """Keep the window of a start by double-click open if the bridge could not run."""
    assert callable(run)
    try:
        run()
    except SystemExit as error:
        if error.code not in (None, 0) and _has_window():
            _pause()
        raise


def _has_window() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def _pause(lines: Sequence[str] = ("", "Press Enter to close this window.")) -> None:
    print(*lines, sep="\n", file=sys.stderr)
    try:
        input()
    except (EOFError, KeyboardInterrupt):
        pass


if __name__ == "__main__":
    main()
