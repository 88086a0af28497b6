"""The folder in which a running process has its control socket, and others find it."""

from __future__ import annotations

import os
import socket
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

__all__ = ["VARIABLE", "folders", "open_folder", "remove_stale", "sockets"]

VARIABLE: Final = "OSCBRIDGE_RUNTIME_DIR"
"""An environment variable that names the folder, in place of all others."""

SETTLED: Final = 10.0
"""Seconds after which a process listens at the socket that it has made."""

MAX_SOCKETS: Final = 1_000
"""Files of a folder that are looked at."""


def folders() -> list[Path]:
    """Where the folder may be, best first. A process takes the first that it can use."""
    named = os.environ.get(VARIABLE)
    if named:
        return [Path(named)]
    user = os.getuid()
    found = [Path(f"/run/user/{user}/oscbridge")]
    session = os.environ.get("XDG_RUNTIME_DIR", "")
    if session.startswith("/"):
        found.insert(0, Path(session, "oscbridge"))
    found.append(Path(os.environ.get("TMPDIR") or "/tmp", f"oscbridge-{user}"))
    found.append(Path(f"/dev/shm/oscbridge-{user}"))  # containers with a read-only root have it
    return list(dict.fromkeys(found))


def open_folder(path: Path) -> None:
    """Make the folder, for this user alone. Raises ``OSError`` for one that is not safe."""
    with suppress(FileExistsError):
        path.mkdir(mode=0o700)
    found = path.lstat()  # what a link points to may be changed under our feet
    if not stat.S_ISDIR(found.st_mode):
        raise NotADirectoryError(f"{path} is no folder")
    if found.st_uid != os.geteuid():
        raise PermissionError(f"{path} is another user's")
    if stat.S_IMODE(found.st_mode) != 0o700:
        path.chmod(0o700)


def sockets(path: Path) -> Iterator[tuple[int, Path]]:
    """The control sockets in a folder of ours, with the process of each; it may be gone."""
    try:
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            return
        files = sorted(path.iterdir())[:MAX_SOCKETS]
    except OSError:
        return
    for file in files:
        if file.suffix == ".sock" and file.stem.isascii() and file.stem.isdigit():
            yield int(file.stem), file


def remove_stale(path: Path) -> None:
    """Remove sockets where nobody listens any more: a process that is killed leaves its own.

    Not by the id alone: a container that shares the folder counts its processes by itself.
    """
    for pid, file in sockets(path):
        with suppress(OSError):
            if _is_refused(file) and (not _is_alive(pid) or _age(file) > SETTLED):
                file.unlink()


def _is_refused(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.setblocking(False)  # one that is held up must not hold us up
        try:
            sock.connect(str(path))
        except ConnectionRefusedError:
            return True
        except OSError:
            return False
    return False


def _age(path: Path) -> float:
    return time.time() - path.lstat().st_mtime


def _is_alive(pid: int) -> bool:
    if pid == os.getpid():
        return False  # who had this id before us
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        pass  # another user's
    return True
