"""One session of RTP-MIDI: a peer, both directions, its clock."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from oscbridge_midi.receiver import MidiReceiver
from oscbridge_midi.rtp.session_commands import ClockSync, Feedback
from oscbridge_midi.rtp.sockets import Address
from oscbridge_midi.rtp.streams import ReceiveStream, SendStream

__all__ = ["ClockOffset", "RtpSession", "ticks"]

GUARDS: Final = 8
"""Packets with the journal alone after the last message, until it is acknowledged."""

FIRST_GUARD: Final = 0.05
"""Seconds until the first; each following one waits twice as long."""

FEEDBACK_INTERVAL: Final = 0.1
FEEDBACK_COUNT: Final = 32
"""Seconds, and received packets, after which the sender gets feedback."""

MEMORY: Final = 5.0
"""Seconds for which lost messages can be repaired when a receiver sends no feedback."""

MAX_MARKS: Final = 256
"""Moments at which the sent packets are noted for that."""

MAX_DELAY: Final = 1.0
"""Seconds that a packet may have travelled; an older time of its clock is not believed."""


def ticks(when_ns: int = 0) -> int:
    """The clock of this process, now or at a monotonic time, in units of 0.1 ms."""
    return (when_ns or time.monotonic_ns()) // 100_000


class ClockOffset:
    """The offset from the peer's clock to ours."""

    def __init__(self) -> None:
        self._offset: int | None = None
        self._epoch = 0

    def set(self, ours: int, theirs: int) -> None:
        """Both clocks at one moment."""
        self._offset = ours - theirs
        self._epoch = time.time_ns() - time.monotonic_ns()

    def unix_ns(self, timestamp: int, later: int = 0) -> int:
        """The Unix time of a timestamp of 32 bits, ``later`` units after it.

        Now, while the offset is unknown or if the result is in the future or too old.
        """
        if self._offset is None:
            return time.time_ns()
        now = ticks()
        age = (now - (timestamp + later + self._offset) + (1 << 31) & 0xFFFF_FFFF) - (1 << 31)
        if 0 <= age <= MAX_DELAY * 10_000:
            return self._epoch + (now - age) * 100_000  # the same for equal timestamps
        return time.time_ns()


class RtpSession:
    """A session that both sides have accepted. It has no timer: :meth:`turn` is called often.

    ``on_lost`` is called with the number of lost packets, and whether they were repaired.
    """

    def __init__(
        self,
        ssrc: int,
        peer: Address,
        send: Callable[[bytes], bool],
        send_control: Callable[[bytes], None],
        receiver: MidiReceiver,
        on_lost: Callable[[int, bool], None],
    ) -> None:
        self.peer = peer
        """The address of its data port."""
        self.heard_at = time.monotonic()
        """When the last packet came, in monotonic time."""
        self._ssrc = ssrc
        self._send = send
        self._send_control = send_control
        self._receiver = receiver
        self._on_lost = on_lost
        self._sent = SendStream(ssrc)
        self._received = ReceiveStream()
        self._clock = ClockOffset()
        self._guards = 0
        self._guard_at = 0.0
        self._unconfirmed = 0
        """Received packets without feedback."""
        self._confirmed_at = 0.0
        self._has_feedback_since = time.monotonic()
        self._marks: deque[tuple[float, int]] = deque(maxlen=MAX_MARKS)

    def send(self, messages: Sequence[bytes], when_ns: int = 0) -> int:
        """Send messages. Returns how many packets the system did not accept.

        They are stamped with a monotonic time in nanoseconds; 0 is now.
        """
        now = time.monotonic()
        refused = 0
        for packet in self._sent.packets(messages, ticks(when_ns), now):
            refused += not self._send(packet)
        self._guards, self._guard_at = GUARDS, now + FIRST_GUARD
        return refused

    def receive(self, data: bytes) -> None:
        """Take a packet with MIDI. Raises :class:`oscbridge.DecodeError`."""
        self.heard_at = time.monotonic()
        found = self._received.receive(data)
        if found is None:
            return
        if found.lost:
            self._on_lost(found.lost, found.is_repaired)
        for later, message in found.messages:
            self._receiver.receive(message, self._clock.unix_ns(found.timestamp, later))
        self._unconfirmed += 1
        if self._unconfirmed >= FEEDBACK_COUNT or found.lost:
            self._confirm(self.heard_at)
        if found.problem is not None:
            raise found.problem

    def take_feedback(self, feedback: Feedback) -> None:
        """The peer has got packets."""
        self.heard_at = self._has_feedback_since = time.monotonic()
        self._sent.acknowledge(feedback.sequence)

    def take_sync(self, sync: ClockSync) -> ClockSync | None:
        """Take a step of the synchronisation. Returns the next one."""
        self.heard_at = time.monotonic()
        now = ticks()
        if sync.step == 0:
            return ClockSync(self._ssrc, 1, sync.first, now)
        if sync.step == 1:
            self._clock.set((sync.first + now) // 2, sync.second)
            return ClockSync(self._ssrc, 2, sync.first, sync.second, now)
        self._clock.set(sync.second, (sync.first + sync.third) // 2)
        return None

    def turn(self, now: float) -> None:
        """Take due actions: feedback, and packets that repair the loss of the last ones."""
        if self._unconfirmed and now >= self._confirmed_at + FEEDBACK_INTERVAL:
            self._confirm(now)
        if now - self._has_feedback_since > MEMORY:
            while self._marks and self._marks[0][0] < now - MEMORY:
                self._sent.forget(self._marks.popleft()[1])
        if self._sent.is_acknowledged:
            self._guards = 0
        elif not self._marks or self._marks[-1][1] != self._sent.sequence - 1:
            self._marks.append((now, self._sent.sequence - 1))
        if self._guards and now >= self._guard_at:
            self._send(self._sent.guard(ticks(), now))
            self._guards -= 1
            self._guard_at = now + FIRST_GUARD * 2 ** (GUARDS - self._guards)

    @property
    def is_waiting(self) -> bool:
        """Whether :meth:`turn` has something to do soon."""
        return bool(self._guards or self._unconfirmed)

    def close(self) -> None:
        """The peer is gone: end its notes."""
        now = time.time_ns()
        for message in self._received.end():
            self._receiver.receive(message, now)
        self._receiver.close()

    def _confirm(self, now: float) -> None:
        highest = self._received.highest
        if highest is not None:
            self._unconfirmed, self._confirmed_at = 0, now
            self._send_control(Feedback(self._ssrc, highest).encode())
