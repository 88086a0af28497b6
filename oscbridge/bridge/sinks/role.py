"""Whether a bridge with a backup delivers: until when it holds the lease."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from math import inf
from typing import Final

__all__ = ["LEASE_CLOCK", "Role"]


def _clock() -> Callable[[], float]:
    """The clock of the lease in seconds; it includes the time in which the machine is suspended,
    where the system knows that."""
    boot_time = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic if boot_time is None else partial(time.clock_gettime, boot_time)


LEASE_CLOCK: Final = _clock()


class Role:
    """The role of this bridge, for its sinks.

    They compare :attr:`until` with the clock at the moment of sending: after the process was
    stopped, or its loop blocked, no timer has told anybody yet that the lease is over.
    """

    def __init__(self) -> None:
        self.until = -inf
        """When it must have stopped sending, on :data:`LEASE_CLOCK`."""
        self.is_leader = False
        """Whether sinks accept messages. The end of a lease clears it a moment after ``until``."""

    @property
    def may_send(self) -> bool:
        """Whether a message may be sent now."""
        return LEASE_CLOCK() < self.until
