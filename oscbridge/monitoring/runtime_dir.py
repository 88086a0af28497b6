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

from oscbridge.file_reading import open_regular

__all__ = [
    "LOOPBACK",
    "TCP_SUFFIX",
    "UNIX_SUFFIX",
    "VARIABLE",
    "folders",
    "has_unix_sockets",
    "open_folder",
    "read_contact",
    "remove_stale",
    "sockets",
]

VARIABLE: Final = "OSCBRIDGE_RUNTIME_DIR"
"""Environment variable that overrides the directory."""

UNIX_SUFFIX: Final = ".sock"
"""Suffix of Unix sockets. The name before it is the process id."""

TCP_SUFFIX: Final = ".tcp"
"""Suffix of the files that have the port and the token of a TCP socket."""

LOOPBACK: Final = "127.0.0.1"
"""Address of TCP sockets."""

CONTACT_SIZE: Final = 256
"""Characters of such a file that are read."""

REFUSAL_TIMEOUT: Final = 0.2
"""Seconds in which a loopback port without a listener refuses a connection."""

SETTLED: Final = 10.0
"""Seconds after which a process surely listens on the socket that it created."""

MAX_SOCKETS: Final = 1_000
"""Maximum number of files examined in a directory."""


def has_unix_sockets() -> bool:
    """Whether control sockets are Unix sockets here; otherwise they are TCP sockets."""
    return hasattr(socket, "AF_UNIX")


def folders() -> list[Path]:
    """Candidate directories, best first. A process uses the first usable one."""
    named = os.environ.get(VARIABLE)
    if named:
        return [Path(named)]
    if not hasattr(os, "getuid"):  # Windows: only its user can read this directory
        local = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
        return [Path(local, "oscbridge")]
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
    if not _is_ours(found):
        raise PermissionError(f"{path} belongs to another user")
    if stat.S_IMODE(found.st_mode) != 0o700:
        path.chmod(0o700)


def _is_ours(found: os.stat_result) -> bool:
    return not hasattr(os, "geteuid") or found.st_uid == os.geteuid()


def sockets(path: Path) -> Iterator[tuple[int, Path]]:
    """Control sockets in our directory with their process ids; a process may have ended."""
    try:
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) or not _is_ours(found):
            return
        files = sorted(path.iterdir())[:MAX_SOCKETS]
    except OSError:
        return
    for file in files:
        if file.suffix in (UNIX_SUFFIX, TCP_SUFFIX) and file.stem.isascii() and file.stem.isdigit():
            yield int(file.stem), file


def remove_stale(path: Path) -> None:
    """Remove sockets without a listener, which killed processes leave.

    The process id alone is not enough: a container that shares the directory has its own ids.
    """
    for pid, file in sockets(path):
        with suppress(OSError):
            if _is_refused(file) and (not _is_alive(pid) or _age(file) > SETTLED):
                file.unlink()


def read_contact(path: Path) -> tuple[int, str]:
    """Port and token in the file of a TCP socket.

    Raises ``OSError``; ``ConnectionRefusedError`` for a file with which nobody can connect.
    """
    with open_regular(path) as file:
        words = file.read(CONTACT_SIZE).decode("ascii", "replace").split()
    try:
        port, token = words
        number = int(port)
    except ValueError:
        number, token = 0, ""
    if not 0 < number < 65_536:
        raise ConnectionRefusedError(f"{path}: expected a port and a token")
    return number, token


def _is_refused(path: Path) -> bool:
    try:
        if path.suffix == TCP_SUFFIX:
            port, _ = read_contact(path)
            socket.create_connection((LOOPBACK, port), REFUSAL_TIMEOUT).close()
        else:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
                sock.setblocking(False)  # a blocked process must not block us
                sock.connect(str(path))
    except ConnectionRefusedError:
        return True
    except (OSError, AttributeError):  # no Unix sockets here, but a file of one
        return False
    return False


def _age(path: Path) -> float:
    return time.time() - path.lstat().st_mtime


def _is_alive(pid: int) -> bool:
    if pid == os.getpid():
        return False  # an earlier process had this id
    if os.name == "nt":
        return True  # os.kill() would end it
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        pass  # another user's
    return True
