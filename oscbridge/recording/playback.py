"""Plays a recording on an event loop, while its speed and position may change.

``oscbridge play`` sends to a socket from its own thread (:mod:`oscbridge.recording.player`); this
is for a running bridge, whose event loop must not be blocked.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from typing import BinaryIO, Final

from oscbridge.recording.format import Record, Recording, RecordingError, read_summary
from oscbridge.recording.player import SHORTEST_ROUND_NS, Punctuality, Schedule

__all__ = ["MAX_SPEED", "MIN_SPEED", "Playback"]

MIN_SPEED: Final = 0.05
MAX_SPEED: Final = 100.0

BATCH: Final = 256
"""Records that are read at once, on a thread."""

MAX_TURN: Final = 0.005
"""Seconds of the event loop that late packets may take before others have their turn."""

LONGEST_WAIT: Final = 0.5
"""Seconds between two looks at the clock: the system may have been asleep."""


class Playback:
    """A recording that is being played. Used on the event loop.

    ``wanted`` selects records; ``deliver`` gets each with its packet, whose time tags are those of
    now, and returns whether it was delivered. Raises :class:`RecordingError` if ``file`` is not a
    recording.
    """

    def __init__(
        self,
        file: BinaryIO,
        wanted: Callable[[Record], bool],
        deliver: Callable[[Record, bytes], bool],
        *,
        speed: float = 1.0,
        loop: bool = False,
        at_ns: int = 0,
    ) -> None:
        self.length_ns = read_summary(file).length_ns
        """Its length; None until a recording without an end was read once."""
        file.seek(0)
        self._recording = Recording(file)
        self._wanted = wanted
        self._deliver = deliver
        self.loop = loop
        """Whether it begins again at its end."""
        self.rounds = 1
        self.delivered = 0
        self.left_out = 0
        """Packets that were not wanted, or could not be delivered."""
        self.error = ""
        """Why it ended early, human-readable."""
        self.punctuality = Punctuality()
        self._speed = speed
        self._at_ns = at_ns
        """Where it begins, or is paused."""
        self._is_paused = False
        self._seeks = at_ns > 0
        self._schedule: Schedule | None = None
        """While it runs."""
        self._changed = asyncio.Event()
        self._is_stopped = False

    @property
    def speed(self) -> float:
        """2 is twice as fast."""
        return self._speed

    @property
    def is_paused(self) -> bool:
        return self._is_paused

    @property
    def position_ns(self) -> int:
        """Nanoseconds since the start of the recording."""
        if self._schedule is None:
            return self._at_ns
        at = max(0, self._schedule.time_ns(time.monotonic_ns()))
        return at if self.length_ns is None else min(at, self.length_ns)

    # --- changes ------------------------------------------------------------------------------

    def set_speed(self, speed: float) -> None:
        """Play at another speed from now on."""
        self._hold()
        self._speed = speed

    def pause(self, on: bool) -> None:
        """Stop where it is, or continue from there."""
        self._hold()
        self._is_paused = on

    def seek(self, at_ns: int) -> None:
        """Go to a time of the recording."""
        self._hold()
        self._at_ns = at_ns if self.length_ns is None else min(at_ns, self.length_ns)
        self._seeks = True

    def stop(self) -> None:
        """End it."""
        self._is_stopped = True
        self._changed.set()

    def _hold(self) -> None:
        """Note the position; :meth:`run` continues from there."""
        self._at_ns = self.position_ns
        self._schedule = None
        self._changed.set()

    # --- playing ------------------------------------------------------------------------------

    async def run(self) -> None:
        """Play until the end, or until it is stopped. ``OSError`` is passed on."""
        records: Iterator[Record] = iter(())
        waiting: list[Record] = []
        is_new = True
        while not self._is_stopped:
            if self._seeks or is_new:
                records, waiting = await self._start_round(), []
                is_new = False
                if self._seeks:  # meanwhile
                    continue
            self._changed.clear()
            if self._is_paused:
                await self._changed.wait()
                continue
            recorded = self._recording.start_unix_ns
            self._schedule = Schedule.now(recorded, self._speed, self._at_ns)
            while not self._changed.is_set():
                if not waiting:
                    waiting = await asyncio.to_thread(self._read, records)
                    waiting.reverse()
                if not waiting:
                    if not self.loop:
                        return
                    await self._until(self._end_ns())
                    if not self._changed.is_set():
                        self._at_ns, self._schedule = 0, None
                        self.rounds += 1
                        is_new = True
                    break
                await self._play(waiting)

    async def _start_round(self) -> Iterator[Record]:
        self._seeks = False
        await asyncio.to_thread(self._recording.skip_to, self._at_ns)
        return iter(self._recording)

    def _read(self, records: Iterator[Record]) -> list[Record]:
        """The next records; none at the end, or at damage."""
        found: list[Record] = []
        try:
            found.extend(islice(records, BATCH))
        except RecordingError as error:
            self.error = str(error)
        if self._recording.length_ns is not None:
            self.length_ns = self._recording.length_ns
        return found

    def _end_ns(self) -> int:
        """The end of this round: a recording may cover a single instant."""
        end = self.position_ns if self.length_ns is None else self.length_ns
        return max(end, round(SHORTEST_ROUND_NS * self._speed))

    async def _play(self, waiting: list[Record]) -> None:
        """Deliver records, the last of the list first, until something has changed."""
        turn_ends = time.monotonic() + MAX_TURN
        while waiting and not self._changed.is_set() and self._schedule is not None:
            record = waiting[-1]
            if not self._wanted(record):
                self.left_out += 1
                waiting.pop()
                continue
            due = self._schedule.due_ns(record.time_ns)
            if due > time.monotonic_ns():
                await self._until(record.time_ns)
                turn_ends = time.monotonic() + MAX_TURN
                continue
            waiting.pop()
            if self._deliver(record, self._schedule.packet(record)):
                self.delivered += 1
                self.punctuality.add(time.monotonic_ns() - due)
            else:
                self.left_out += 1
            if time.monotonic() >= turn_ends:
                await asyncio.sleep(0)
                turn_ends = time.monotonic() + MAX_TURN

    async def _until(self, time_ns: int) -> None:
        """Wait for a time of the recording, or until something has changed."""
        schedule = self._schedule
        while schedule is not None and not self._changed.is_set():
            wait = (schedule.due_ns(time_ns) - time.monotonic_ns()) / 1e9
            if wait <= 0:
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(min(wait, LONGEST_WAIT)):
                    await self._changed.wait()
