"""A recording that is being played into the bridge, or to its endpoints."""

from __future__ import annotations

from typing import BinaryIO

from oscbridge.monitoring import Operations
from oscbridge.recording import Playback, Record
from oscbridge_ui.recording.messages import ChangePlayback, PlaybackState, PlayRecording

__all__ = ["ActivePlayback"]


class ActivePlayback:
    """Closes ``file`` at its end. Raises :class:`OSCBridgeError` if it is not a recording."""

    def __init__(self, operations: Operations, file: BinaryIO, request: PlayRecording) -> None:
        self.name = request.name
        self._operations = operations
        self._request = request
        self._file = file
        self._playback = Playback(
            file,
            lambda record: record.direction == request.direction,
            self._deliver,
            speed=request.speed,
            loop=request.loop,
            at_ns=round(request.position * 1e9),
        )

    def _deliver(self, record: Record, packet: bytes) -> bool:
        if record.direction == "out":
            return self._operations.send_packet(record.name, packet)
        name = self._request.source or record.name
        return self._operations.put_in_packet(name, packet, f"recording {self.name}")

    async def run(self) -> tuple[str, bool]:
        """Play it until it ends. Returns how, human-readable, and whether that is an error."""
        playback = self._playback
        try:
            await playback.run()
        finally:
            self._file.close()
        count = playback.delivered
        text = f"{self.name}: played {count:,} message{'' if count == 1 else 's'}"
        if playback.error:
            return f"{text}, then the file is {playback.error}", True
        if not count and playback.left_out:
            where = self._request.source or "the bridges and endpoints of the recording"
            return f"{text}: {where} got none of {playback.left_out:,}", True
        return text, False

    def stop(self) -> None:
        """End it."""
        self._playback.stop()

    def change(self, request: ChangePlayback) -> None:
        """Change speed, position and so on."""
        playback = self._playback
        if request.loop is not None:
            playback.loop = request.loop
        if request.speed is not None and request.speed != playback.speed:
            playback.set_speed(request.speed)
        if request.position is not None:
            playback.seek(round(request.position * 1e9))
        if request.paused is not None and request.paused != playback.is_paused:
            playback.pause(request.paused)

    @property
    def state(self) -> PlaybackState:
        playback = self._playback
        length = playback.length_ns
        return PlaybackState(
            name=self.name,
            position=round(playback.position_ns / 1e9, 2),
            seconds=None if length is None else length / 1e9,
            speed=playback.speed,
            loop=playback.loop,
            paused=playback.is_paused,
            direction=self._request.direction,
            source=self._request.source,
            delivered=playback.delivered,
            left_out=playback.left_out,
            rounds=playback.rounds,
        )
