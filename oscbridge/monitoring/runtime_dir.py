"""The runtime directory, in which processes place and find control sockets."""

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
"""Environment variable that overrides the directory."""

SETTLED: Final = 10.0
"""Seconds after which a process surely listens on the socket that it created."""

MAX_SOCKETS: Final = 1_000
"""Maximum number of files examined in a directory."""


def folders() -> list[Path]:
    """Candidate directories, best first. A process uses the first usable one."""
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
    """Create the directory for this user alone. Raises ``OSError`` if an existing one is unsafe."""
    with suppress(FileExistsError):
        path.mkdir(mode=0o700)
    found = path.lstat()  # not stat(): the target of a link may change
    if not stat.S_ISDIR(found.st_mode):
        raise NotADirectoryError(f"{path} is not a directory")
    if found.st_uid != os.geteuid():
        raise PermissionError(f"{path} belongs to another user")
    if stat.S_IMODE(found.st_mode) != 0o700:
        path.chmod(0o700)


def sockets(path: Path) -> Iterator[tuple[int, Path]]:
    """Control sockets in our directory with their process ids; a process may have ended."""
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
    """Remove sockets without a listener, which killed processes leave behind.

    The process id alone is not enough: a container that shares the directory has its own ids.
    """
    for pid, file in sockets(path):
        with suppress(OSError):
            if _is_refused(file) and (not _is_alive(pid) or _age(file) > SETTLED):
                file.unlink()


def _is_refused(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.setblocking(False)  # a blocked process must not block us
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
        return False  # an earlier process had this id
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        pass  # another user's
    return True
