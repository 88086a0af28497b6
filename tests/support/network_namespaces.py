"""Two network namespaces with a cable between them, for packets between machines; as root."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from programs import find_program

__all__ = ["ip", "linked_namespaces"]


def ip(command: str) -> None:
    """Run a command of ip(8)."""
    done = subprocess.run(
        [find_program("ip"), *command.split()], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"ip {command}: {done.stderr}"


@contextmanager
def linked_namespaces(prefix: str, *commands: str) -> Iterator[tuple[str, str]]:
    """The names of two namespaces, which start with ``prefix``; each has an end, ``veth0``.

    ``commands`` are those of ip(8) for both; in them ``{number}`` is 1 and 2.
    """
    names = (f"{prefix}{os.getpid()}a", f"{prefix}{os.getpid()}b")
    try:
        for name in names:
            ip(f"netns add {name}")
        ip(f"link add veth0 netns {names[0]} type veth peer name veth0 netns {names[1]}")
        for number, name in enumerate(names, 1):
            for command in commands:
                ip(f"-n {name} {command.format(number=number)}")
        yield names
    finally:
        for name in names:
            subprocess.run(
                [find_program("ip"), "netns", "del", name], capture_output=True, check=False
            )
