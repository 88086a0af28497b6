"""Unix time without jumps, for the ages of messages."""

from __future__ import annotations

import time
from typing import Final

__all__ = ["steady_time"]

_START: Final = time.time() - time.monotonic()


def steady_time() -> float:
    """Unix time by the clock at the start, and the seconds since then.

    A computer without a battery for its clock gets the right time while it is running. No value
    becomes older or younger by that.
    """
    return _START + time.monotonic()
