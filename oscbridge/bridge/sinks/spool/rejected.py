"""Messages of a spool that its endpoint can never deliver, kept for a person to look at."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Final

import orjson

from oscbridge.contract.delivery import Deliverable, Delivery
from oscbridge.errors import EncodeError
from oscbridge.logs.rate_limited import RateLimitedLog
from oscbridge.net.os_errors import what_failed
from oscbridge.osc.json import encode_json

__all__ = ["RejectedFile"]

MAX_SIZE: Final = 16 * 1024 * 1024
"""Bytes above which the file takes no more messages."""


class RejectedFile:
    """Appends messages to ``NAME.spool.rejected``, one JSON object per line.

    Each has ``time`` (Unix time in seconds), ``reason``, and ``message`` in the form of
    :func:`oscbridge.encode_json`.
    """

    def __init__(self, spool: Path, log: RateLimitedLog) -> None:
        self.path = spool.with_name(f"{spool.name}.rejected")
        self._log = log

    def keep(self, item: Deliverable, reason: str) -> None:
        """Append a message. A failure is logged."""
        message = item.message if isinstance(item, Delivery) else item
        try:
            fields = {
                "time": round(time.time(), 3),
                "reason": reason,
                "message": orjson.Fragment(encode_json(message)),
            }
            self._append(orjson.dumps(fields) + b"\n")
        except (OSError, EncodeError) as error:
            what = what_failed(error) if isinstance(error, OSError) else str(error)
            self._log.report("rejected", f"{self.path}: rejected message not kept: {what}")
            return
        self._log.report("rejected", f"rejected message kept in {self.path}")

    def _append(self, line: bytes) -> None:
        # For its owner only, like the spool.
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NONBLOCK", 0)
        descriptor = os.open(self.path, flags, 0o600)
        try:
            if os.fstat(descriptor).st_size + len(line) > MAX_SIZE:
                raise OSError(f"the file has reached {MAX_SIZE} bytes; move it away")
            os.write(descriptor, line)
        finally:
            os.close(descriptor)
