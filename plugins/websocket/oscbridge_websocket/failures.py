"""Wrong tokens, by the network that they come from."""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

__all__ = ["Failures", "network_of"]

FIRST_DELAY: Final = 0.1
"""Seconds until the first wrong token is answered; each further one takes twice as long."""

MAX_DELAY: Final = 3.0
"""Seconds that no answer takes longer than. Less than the time for a handshake."""

MAX_FAILURES: Final = 10
"""Wrong tokens after which no more are looked at for a while, right ones included."""

BLOCK_TIME: Final = 60.0
"""Seconds of that while. Each wrong token after it begins another."""

FORGET_TIME: Final = 600.0
"""Seconds after its last wrong token when a network begins anew."""

MAX_NETWORKS: Final = 4_096
"""Networks that are remembered; then the one whose last wrong token is oldest is forgotten."""


def network_of(host: str) -> str:
    """What is counted as one: an IPv4 address, or the /64 of an IPv6 address.

    A household is given a /64 at least, so one machine has all the addresses in it.
    """
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((address, 64), strict=False))


class Failures:
    """Counts wrong tokens. Each makes the network wait longer; too many shut it out."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: OrderedDict[str, tuple[int, float]] = OrderedDict()
        """Count and time of the last one, the oldest first."""

    def __len__(self) -> int:
        return len(self._seen)

    def shut_out(self, network: str) -> float:
        """Seconds for which no token from there is looked at; 0 if it is."""
        count, last = self._seen.get(network, (0, 0.0))
        if count < MAX_FAILURES:
            return 0.0
        return max(0.0, last + BLOCK_TIME - self._clock())

    def add(self, network: str) -> float:
        """Count a wrong token. Returns the seconds to wait before it is answered."""
        now = self._clock()
        count = self._seen.pop(network, (0, 0.0))[0] + 1
        while self._seen:
            oldest, (_, last) = next(iter(self._seen.items()))
            if now - last < FORGET_TIME and len(self._seen) < MAX_NETWORKS:
                break
            del self._seen[oldest]
        self._seen[network] = (count, now)
        # Beyond the limit the power would only grow too large for a float.
        return min(MAX_DELAY, FIRST_DELAY * 2.0 ** min(count - 1, MAX_FAILURES))
