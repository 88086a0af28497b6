"""Makes a recording until something ends it: for ``oscbridge record`` and the control room."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from oscbridge.bridge.tasks import run_until
from oscbridge.recording.format import Record
from oscbridge.recording.writer import RecordingWriter

__all__ = ["run_recording"]


async def run_recording(
    records: AsyncIterator[Record],
    tape: RecordingWriter,
    stop: asyncio.Event,
    max_seconds: float | None = None,
) -> tuple[str, Exception | None]:
    """Record until it ends. Returns why, human-readable, and the error if there was one.

    Raises :class:`OSCBridgeError` if the end cannot be written.
    """
    collecting = asyncio.ensure_future(_collect(records, tape))
    writing = asyncio.ensure_future(tape.keep_writing())
    error: Exception | None = None
    try:
        stops = (asyncio.shield(writing), stop.wait())
        await run_until(collecting, *stops, timeout=max_seconds)
    except Exception as caught:
        error = caught
    in_time = not collecting.cancelled() or writing.done() or stop.is_set()
    tape.end(None if in_time or max_seconds is None else round(max_seconds * 1e9))
    await writing
    if error is not None:
        return "", error
    if not collecting.cancelled():
        return f": {collecting.result()}", None
    return "" if in_time else f": stopped after {max_seconds:g} seconds", None


async def _collect(records: AsyncIterator[Record], tape: RecordingWriter) -> str:
    """Write records. Returns why it ended, human-readable."""
    async for record in records:
        if not tape.add(record):
            return "maximum size reached"
    return "the source has ended"
