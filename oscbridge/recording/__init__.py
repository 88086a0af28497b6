"""Recordings of OSC traffic: the file format, writing and playing.

For plugins too. These names are public, and imported on first use.
"""

from typing import TYPE_CHECKING

from oscbridge.lazy_names import lazy_names

if TYPE_CHECKING:
    from oscbridge.recording.format import (
        Record,
        Recording,
        encode_end,
        encode_header,
        encode_record,
    )
    from oscbridge.recording.library import (
        MAX_RECORDING_SIZE,
        MAX_RECORDINGS,
        RecordingLibrary,
        RecordingUpload,
        StoredRecording,
    )
    from oscbridge.recording.playback import MAX_SPEED, MIN_SPEED, Playback
    from oscbridge.recording.record_queue import RecordQueue
    from oscbridge.recording.recorder import run_recording
    from oscbridge.recording.writer import RecordingWriter

__all__ = [
    "MAX_RECORDINGS",
    "MAX_RECORDING_SIZE",
    "MAX_SPEED",
    "MIN_SPEED",
    "Playback",
    "Record",
    "RecordQueue",
    "Recording",
    "RecordingLibrary",
    "RecordingUpload",
    "RecordingWriter",
    "StoredRecording",
    "encode_end",
    "encode_header",
    "encode_record",
    "run_recording",
]

__getattr__ = lazy_names(
    __name__,
    "oscbridge.recording.format.Record",
    "oscbridge.recording.format.Recording",
    "oscbridge.recording.format.encode_end",
    "oscbridge.recording.format.encode_header",
    "oscbridge.recording.format.encode_record",
    "oscbridge.recording.library.MAX_RECORDINGS",
    "oscbridge.recording.library.MAX_RECORDING_SIZE",
    "oscbridge.recording.library.RecordingLibrary",
    "oscbridge.recording.library.RecordingUpload",
    "oscbridge.recording.library.StoredRecording",
    "oscbridge.recording.playback.MAX_SPEED",
    "oscbridge.recording.playback.MIN_SPEED",
    "oscbridge.recording.playback.Playback",
    "oscbridge.recording.record_queue.RecordQueue",
    "oscbridge.recording.recorder.run_recording",
    "oscbridge.recording.writer.RecordingWriter",
)
