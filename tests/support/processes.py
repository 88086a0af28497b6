"""The running processes of this machine, as ``/proc`` lists them (proc(5))."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

__all__ = ["ProcessStat", "children_of", "members_of_group", "members_of_session", "processes"]


class ProcessStat(NamedTuple):
    """A line of ``/proc/PID/stat``, in part."""

    pid: int
    state: str
    """``Z`` is a zombie: it has ended and its parent does not know yet."""
    parent: int
    group: int
    session: int

    @property
    def is_running(self) -> bool:
        return self.state not in "ZX"


def processes() -> Iterator[ProcessStat]:
    """All processes, with zombies. Those that end meanwhile are left out."""
    # Not "[0-9]*/stat": pathlib asks whether each file exists, which can fail with ESRCH.
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError):
            state, *numbers = (path / "stat").read_text().rpartition(") ")[2].split()[:4]
            yield ProcessStat(int(path.name), state, *map(int, numbers))


def children_of(pid: int | None) -> list[int]:
    """The running children of a process."""
    return [each.pid for each in processes() if each.parent == pid and each.is_running]


def members_of_group(group: int) -> list[int]:
    """The processes of a process group, with zombies."""
    return [each.pid for each in processes() if each.group == group]


def members_of_session(session: int) -> list[int]:
    """The running processes of a session."""
    return [each.pid for each in processes() if each.session == session and each.is_running]
