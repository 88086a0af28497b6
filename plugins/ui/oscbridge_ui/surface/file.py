"""The file of the surface: beside the configuration, or with the persistent state."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import stat
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from oscbridge import OSCBridgeError
from oscbridge.monitoring import Operations
from oscbridge_ui.first_error import first_error
from oscbridge_ui.surface.models import SurfaceDocument

__all__ = ["MAX_SIZE", "SurfaceFile", "surface_file"]

MAX_SIZE: Final = 4 << 20
"""Bytes of the file; more are not read, and not written."""

MAX_DAMAGED: Final = 10
"""Damaged files that are kept; then the last of them is replaced."""

SUFFIX: Final = ".surface.json"

_log: Final = logging.getLogger(__name__)


def surface_file(operations: Operations) -> SurfaceFile:
    """The file of a process: ``NAME.surface.json`` beside ``NAME.toml``.

    Without a configuration file, or where that folder cannot be written, it is in the folder of
    the persistent state; a surface beside the configuration is then where it begins.
    """
    state = operations.state_directory()
    if not operations.info.file:
        return SurfaceFile((state / f"default{SUFFIX}",))
    configuration = Path(operations.info.file)
    beside = configuration.with_name(f"{configuration.stem}{SUFFIX}")
    if _is_writable(beside):
        return SurfaceFile((beside,))
    digest = hashlib.sha256(os.fsencode(configuration)).hexdigest()[:8]
    return SurfaceFile((state / f"{configuration.stem}-{digest}{SUFFIX}", beside))


def _is_writable(path: Path) -> bool:
    if not os.access(path.parent, os.W_OK):
        return False
    try:
        mode = path.stat().st_mode
    except OSError:
        return True
    # Root may write anything; a file that was made read-only is left alone all the same.
    return os.access(path, os.W_OK) and bool(mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))


class SurfaceFile:
    """Reads the first of some files that is there, and writes the first of them.

    Its methods may wait for the disk, and raise :class:`OSCBridgeError`.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self.path = paths[0]
        """The file that is written."""
        self._paths = paths
        self._seen: tuple[int, ...] | None = None
        self._unread = ""
        """Why the file that is written could not be read; empty if it could."""

    def has_changed(self) -> bool:
        """Whether another program has written the file since it was read or written here."""
        return bool(self._unread) or _signature(self.path) != self._seen

    def read(self) -> SurfaceDocument:
        """The surface; an empty one without a file. A damaged file is renamed."""
        self._unread = ""
        for path in self._paths:
            self._seen = _signature(self.path)
            if path.is_fifo():  # to open it would wait for a writer
                raise self._not_read(path, "not a regular file")
            try:
                with path.open("rb") as file:
                    data = file.read(MAX_SIZE + 1)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise self._not_read(path, error.strerror or str(error)) from None
            why = f"larger than {MAX_SIZE} bytes"
            if len(data) <= MAX_SIZE:
                try:
                    return SurfaceDocument.model_validate_json(data)
                except ValidationError as error:
                    why = first_error(error)
            self._set_aside(path, why)
        return SurfaceDocument()

    def write(self, document: SurfaceDocument) -> None:
        """Replace the surface, all at once: after a power cut it is the old one or the new one.

        A file that could not be read is not replaced: nobody has seen what is in it.
        """
        if self._unread:
            raise OSCBridgeError(f"{self._unread}; it is not replaced")
        text = json.dumps(document.model_dump(mode="json"), indent=1, ensure_ascii=False)
        data = text.encode("utf-8", "backslashreplace")
        if len(data) > MAX_SIZE:
            raise OSCBridgeError(f"the surface would have {len(data)} bytes; at most {MAX_SIZE}")
        temporary: Path | None = None
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            target = self.path.resolve()
            mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else 0o644
            descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
            temporary = Path(name)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.chmod(mode)
            temporary.replace(target)
        except OSError as error:
            raise OSCBridgeError(f"{self.path}: {error.strerror or error}") from None
        finally:
            if temporary is not None:
                with suppress(OSError):  # it is gone once it has replaced the file
                    temporary.unlink()
        self._seen = _signature(self.path)

    def _not_read(self, path: Path, why: str) -> OSCBridgeError:
        text = f"{path}: {why}"
        if path == self.path:
            self._unread = text
        return OSCBridgeError(text)

    def _set_aside(self, path: Path, why: str) -> None:
        names = [f"{path.name}.damaged-{number + 1}" for number in range(MAX_DAMAGED)]
        new = next(
            (each for name in names if not (each := path.with_name(name)).exists()),
            path.with_name(names[-1]),
        )
        try:
            path.rename(new)
        except OSError as error:
            text = f"{why}; cannot be renamed: {error.strerror or error}"
            raise self._not_read(path, text) from None
        _log.error("%s: %s; kept as %s; starting with an empty surface", path, why, new)


def _signature(path: Path) -> tuple[int, ...] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
