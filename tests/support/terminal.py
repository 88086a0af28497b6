"""Programs in a terminal."""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess
import termios
from collections.abc import Mapping

from oscbridge.testing.process import PROGRAM

__all__ = ["in_terminal"]


def in_terminal(environment: Mapping[str, str], *args: str) -> str:
    """The output of the program in a terminal of 80 columns."""
    controller, terminal = pty.openpty()
    termios.tcsetwinsize(terminal, (24, 80))
    command = [PROGRAM, *args]
    with subprocess.Popen(command, stdout=terminal, stderr=terminal, env=environment):
        os.close(terminal)
        output = b""
        with contextlib.suppress(OSError):  # the program has closed its end
            while data := os.read(controller, 65_536):
                output += data
    os.close(controller)
    return output.decode()
