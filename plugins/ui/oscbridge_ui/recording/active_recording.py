"""A recording that is being made of the messages that pass the bridge."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from oscbridge.monitoring import Operations, ShownMessage, peer_text
from oscbridge.recording import (
    MAX_RECORDING_SIZE,
    Record,
    RecordingWriter,
    RecordQueue,
    run_recording,
)
from oscbridge_ui.recording.messages import RecorderState

__all__ = ["ActiveRecording"]


class ActiveRecording:
    """Raises :class:`OSCBridgeError` if the file cannot be created."""

    def __init__(self, operations: Operations, path: Path, free: int) -> None:
        self.name = path.stem
        self._operations = operations
        self._writer = RecordingWriter(path, False, min(MAX_RECORDING_SIZE, free))
        self._queue = RecordQueue()
        self._stop = asyncio.Event()
        operations.hub.add(self._take)

    def stop(self) -> None:
        """End it."""
        self._stop.set()

    async def run(self) -> tuple[str, bool]:
        """Record until it ends. Returns how, human-readable, and whether that is an error."""
        writer = self._writer
        try:
            ended, error = await run_recording(self._queue.records(), writer, self._stop)
        finally:
            self._operations.hub.remove(self._take)
            writer.close()
        if error is not None:
            return f"{self.name}: {error}", True
        text = f"{self.name}: recorded {writer.packets:,} messages in {writer.seconds:.1f} s{ended}"
        dropped = sum(self._dropped.values())
        return (f"{text}; {dropped:,} dropped", True) if dropped else (text, bool(ended))

    @property
    def state(self) -> RecorderState:
        writer = self._writer
        return RecorderState(
            name=self.name,
            seconds=round(writer.seconds, 1),
            size=writer.size,
            packets=writer.packets,
            dropped=self._dropped,
        )

    @property
    def _dropped(self) -> dict[str, int]:
        return dict(self._queue.dropped.copy() + self._writer.dropped)

    def _take(self, shown: ShownMessage) -> None:
        """Called for each message, on any thread."""
        try:
            packet = shown.packet
        except Exception:  # a plugin may make messages that are not valid OSC
            self._queue.dropped["not valid OSC"] += 1
            return
        peer = peer_text(shown.message.origin)
        record = Record(time.monotonic_ns(), shown.direction, shown.name, peer, packet)
        self._queue.put((record,))
