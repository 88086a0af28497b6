"""Shell completion: names of the running bridge, of a file, and of what ships with the bridge.

It runs at each press of Tab, so it imports little and waits for nothing long. Click calls the
functions; the shell gets what starts with the incomplete word.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from oscbridge.file_reading import open_regular
from oscbridge.monitoring.runtime_dir import UNIX_SUFFIX, folders, sockets

if TYPE_CHECKING:
    import click

__all__ = [
    "complete_example",
    "complete_file_source",
    "complete_part",
    "complete_profile",
    "complete_route",
    "complete_variable",
]

TIMEOUT: Final = 1.0
"""Seconds that all running bridges together may take to answer; usually it is some milliseconds."""

MAX_ANSWER: Final = 4_194_304
"""Bytes of one answer."""

MAX_NAMES: Final = 1_000
"""Names that are offered, at most."""


def complete_part(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """The bridges and endpoints of the running bridge."""
    found = (
        str(part["name"])
        for status in _statuses(ctx)
        for kind in ("bridges", "endpoints")
        for part in status[kind]
    )
    return _starting_with(incomplete, found)


def complete_route(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """The routes of the running bridge, by name, or by number where they have no name."""
    used = ctx.params.get("name") or ()
    given = {used} if isinstance(used, str) else set(used)
    found = (
        str(route["name"] or route["number"])
        for status in _statuses(ctx)
        for route in status["routes"]
    )
    return _starting_with(incomplete, (each for each in found if each not in given))


def complete_variable(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """The variables of the running bridge."""
    names = (str(name) for status in _statuses(ctx) for name in status["variables"])
    return _starting_with(incomplete, names)


def complete_file_source(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """The bridges and endpoints of the file that the command is given."""
    # Before the value of an option is complete, click does not assign the arguments.
    file = ctx.params.get("file") or next((word for word in ctx.args if word[:1] != "-"), None)
    if file is None:
        return []
    import tomllib

    names: list[str] = []
    with suppress(OSError, ValueError, AttributeError):  # the command itself reports the error
        with open_regular(Path(file)) as opened:
            raw = tomllib.load(opened)
        names = [*raw.get("bridge", {}), *raw.get("endpoint", {})]
    return _starting_with(incomplete, names)


def complete_example(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """The examples that ship with the bridge."""
    from oscbridge.cli.example_library import shipped_examples

    return _starting_with(incomplete, shipped_examples())


def complete_profile(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """The device profiles that ship with the bridge."""
    from oscbridge.profiles.library import device_profiles

    return _starting_with(incomplete, device_profiles())


def _starting_with(incomplete: str, names: Iterable[str]) -> list[str]:
    found = dict.fromkeys(name for name in names if name.startswith(incomplete))
    return [name for name in found if name.isprintable()][:MAX_NAMES]


# --- running bridges ---------------------------------------------------------------------------


def _statuses(ctx: click.Context) -> Iterator[Mapping[str, Any]]:
    """The status of each running bridge, or of the one that ``--pid`` names."""
    pid = ctx.params.get("pid")
    deadline = time.monotonic() + TIMEOUT
    for folder in folders():
        for number, path in sockets(folder):
            if path.suffix == UNIX_SUFFIX and pid in (None, number):
                # Of one that has ended, or does not answer in time, nothing is known.
                with suppress(OSError, ValueError, KeyError):
                    yield _ask(path, deadline)["status"]


def _ask(path: Path, deadline: float) -> Mapping[str, Any]:
    """The answer of a bridge. Raises ``OSError`` or ``ValueError``."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(_left(deadline))
        sock.connect(str(path))
        sock.sendall(b'{"command": "status"}\n')
        answer = bytearray()
        while not answer.endswith(b"\n") and len(answer) < MAX_ANSWER:
            sock.settimeout(_left(deadline))
            data = sock.recv(65_536)
            if not data:
                break
            answer += data
    found: Mapping[str, Any] = json.loads(answer)
    return found


def _left(deadline: float) -> float:
    """Seconds until then. Raises ``TimeoutError`` if there are none."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
