"""The real program, started as on the command line."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import pytest

from oscbridge.testing.process import PROGRAM, OscbridgeProcess

CONFIGURATION = """
[bridge.stage]
listen = "udp://127.0.0.1:0"
[endpoint.web]
type = "websocket"
listen = "127.0.0.1:0"
"""


@pytest.fixture
def environment() -> Iterator[dict[str, str]]:
    """The environment, without variables that colour or change the output; a test may extend it.

    Its runtime directory is separate: no command of another test finds its bridges.
    """
    drop = ("FORCE_COLOR", "NO_COLOR", "PYTHONPATH", "COLUMNS", "LINES", "PYTHONWARNINGS")
    kept = {name: value for name, value in os.environ.items() if name not in drop}
    with tempfile.TemporaryDirectory() as folder:  # short: a socket's path has a limit
        yield kept | {"OSCBRIDGE_RUNTIME_DIR": folder}


@pytest.fixture
def call(
    environment: dict[str, str], tmp_path: Path
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the program to its end, in its own folder."""

    def call(*args: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [PROGRAM, *args],
            capture_output=True,
            text=True,
            timeout=30,
            env=environment,
            cwd=tmp_path,
            check=False,
        )

    return call


@pytest.fixture
def start(environment: dict[str, str]) -> Iterator[Callable[..., OscbridgeProcess]]:
    """Starts the program in the background; ``stderr`` is for its log."""
    running: list[OscbridgeProcess] = []

    def start(*args: str, stderr: IO[bytes] | int = subprocess.STDOUT) -> OscbridgeProcess:
        running.append(OscbridgeProcess(*args, env=environment, stderr=stderr))
        return running[-1]

    yield start
    for program in running:
        program.close()


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., str]:
    """Writes a configuration file. Returns its path."""

    def write(text: str = CONFIGURATION, name: str = "show.toml") -> str:
        (tmp_path / name).write_text(text)
        return str(tmp_path / name)

    return write
