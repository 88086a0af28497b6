"""The token that is made where the configuration has none and others reach ``[http]``."""

from __future__ import annotations

import logging
import os
import secrets
from pathlib import Path
from typing import Final

from oscbridge.bridge.config.state_path import state_directory
from oscbridge.file_reading import open_regular
from oscbridge.net.os_errors import what_failed

__all__ = ["generated_secret"]

NAME: Final = "control-room-token"
"""The file in the directory for persistent state."""

SECRET_BYTES: Final = 24
MIN_LENGTH: Final = 16
"""A shorter one in the file is replaced, in characters."""
MAX_LENGTH: Final = 256

_log: Final = logging.getLogger(__name__)


def generated_secret() -> str:
    """The secret from its file, which only this user can read; it is made at the first start.

    Where it cannot be saved it is different at each start, which is logged.
    """
    try:
        return _kept(state_directory() / NAME)
    except (OSError, RuntimeError, ValueError) as error:
        reason = what_failed(error) if isinstance(error, OSError) else str(error)
        _log.warning("http: the token of the control room cannot be kept: %s", reason)
        return secrets.token_urlsafe(SECRET_BYTES)


def _kept(path: Path) -> str:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with open_regular(path) as file:
            found = file.read(MAX_LENGTH + 1).decode("ascii").strip()
        if MIN_LENGTH <= len(found) <= MAX_LENGTH and found.isprintable() and " " not in found:
            path.chmod(0o600)
            return found
        path.unlink()
    except FileNotFoundError:
        pass
    secret = secrets.token_urlsafe(SECRET_BYTES)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(f"{secret}\n")
    return secret
