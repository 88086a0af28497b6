"""Runs pip and shows on one line what it does: ``pip_install.py ARGUMENTS OF PIP INSTALL``.

In a terminal the line changes; elsewhere each package is a line. All of pip's output is shown if
it fails. It is run before anything is installed, so it needs Python alone.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from typing import Final

STEPS: Final = (
    (r"Obtaining file://\S*/([\w.-]+)$", "reading {}"),
    (r"Collecting ([\w.-]+)", "finding {}"),
    (r"Downloading (\S+?)-\d", "downloading {}"),
    (r"\s*(?:Installing|Preparing|Getting).*?: started", "building"),
    (r"Building (?:editable|wheel) for ([\w.-]+)", "building {}"),
    (r"Installing collected packages", "installing the packages"),
)


def step_of(line: str) -> str:
    """What a line of pip's output says that it does, or empty."""
    for pattern, text in STEPS:
        if found := re.match(pattern, line):
            return text.format(*found.groups())
    return ""


def main() -> int:
    is_terminal = sys.stdout.isatty()
    width = shutil.get_terminal_size().columns - 1
    began = time.monotonic()
    printed: list[str] = []
    last = ""
    command = [sys.executable, "-m", "pip", "install", "--progress-bar", "off", *sys.argv[1:]]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as pip:
        assert pip.stdout is not None
        for line in pip.stdout:
            printed.append(line)
            step = step_of(line)
            if step and step != last:
                last = step
                text = f"  {time.monotonic() - began:3.0f} s  {step}"
                print(f"\r{text[:width]:{width}}" if is_terminal else text, end="", flush=True)
                if not is_terminal:
                    print(flush=True)
    if is_terminal:
        print(f"\r{'':{width}}\r", end="", flush=True)
    if pip.returncode:
        sys.stdout.writelines(printed)
    return pip.returncode


if __name__ == "__main__":
    sys.exit(main())
