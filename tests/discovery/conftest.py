"""Programs that find each other on loopback."""

from __future__ import annotations

import secrets
import sys
from collections.abc import AsyncIterator, Callable

import pytest

from oscbridge import Discovery

if sys.platform != "linux":  # mDNS on loopback
    collect_ignore_glob = ["test_loopback.py", "test_hostile.py", "test_bridges.py"]


@pytest.fixture
async def program() -> AsyncIterator[Callable[[], Discovery]]:
    """Makes the discovery of one more program on this machine."""
    made: list[Discovery] = []

    def make() -> Discovery:
        made.append(Discovery(("127.0.0.1",)))
        return made[-1]

    yield make
    for each in made:
        await each.close()


@pytest.fixture
def unique() -> str:
    """A name that no other test run on this machine uses."""
    return f"test {secrets.token_hex(6)}"
