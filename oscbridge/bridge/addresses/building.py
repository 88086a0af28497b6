"""Contents of the address space, computed on a thread: with many addresses that takes seconds."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Final

from oscbridge.address_space.info import AddressInfo
from oscbridge.bridge.addresses.contents import SpaceContents
from oscbridge.bridge.addresses.learned import NewAddresses
from oscbridge.bridge.addresses.links import DirectLink
from oscbridge.bridge.config.resolved import Configuration
from oscbridge.bridge.daemon_thread import in_daemon_thread

__all__ = ["ContentsBuilder", "SpaceInputs"]

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True)
class SpaceInputs:
    """All that contents are made of, at one time. Nothing of it may change any more."""

    configuration: Configuration
    direct: Mapping[str, Sequence[DirectLink]]
    """The routes of plugins by their sources."""
    mirrored: Mapping[str, Sequence[AddressInfo]]
    """What endpoints say about their peers."""
    learned: NewAddresses
    """Facts learned from messages."""
    viewed: Set[str]
    """The endpoints whose views are wanted."""

    def build(self) -> SpaceContents:
        """The contents, with the books that will be asked for. On any thread."""
        contents = SpaceContents(self.configuration, self.direct)
        for name, infos in self.mirrored.items():
            contents.mirror(name, infos)
        for part, learned in self.learned.items():
            contents.grow(part, learned)
        contents.describe_routes()
        contents.complete(self.viewed)
        return contents


class ContentsBuilder:
    """Builds contents on a thread, and again as long as there are other inputs meanwhile.

    ``inputs`` returns those of this moment; ``built`` is called with them and the result. All on
    the event loop, which has the time in between.
    """

    def __init__(
        self,
        inputs: Callable[[], SpaceInputs],
        built: Callable[[SpaceInputs, SpaceContents], None],
    ) -> None:
        self._inputs = inputs
        self._built = built
        self._is_stale = False
        self._task: asyncio.Task[None] | None = None

    @property
    def is_busy(self) -> bool:
        """Whether contents are being built."""
        return self._task is not None

    def request(self) -> None:
        """The inputs are others now: build with them."""
        self._is_stale = True
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._build())

    async def wait(self) -> None:
        """Wait until nothing is being built any more."""
        while self._task is not None:
            await asyncio.wait([self._task])

    def cancel(self) -> None:
        """Build nothing more."""
        if self._task is not None:
            self._task.cancel()

    async def _build(self) -> None:
        clock = asyncio.get_running_loop().time
        try:
            while self._is_stale:
                self._is_stale = False
                inputs, started = self._inputs(), clock()
                self._built(inputs, await in_daemon_thread(inputs.build, "address space"))
                if self._is_stale:  # others need the time, too
                    await asyncio.sleep(clock() - started)
        except Exception as error:
            _log.error("cannot compute the known addresses", exc_info=error)
        finally:
            self._task = None
