// Made by `python -m oscbridge_ui.typescript` from oscbridge_ui/*messages.py. Do not edit.

/** Watch the recordings, the recorder and the player. */
export interface WatchRecordings {
  type: "watch_recordings";
}

/** Record the messages that pass. Requires the right ``configure``, as all of these. */
export interface StartRecording {
  type: "start_recording";
  id: number;
  name?: string;
}

/** End the recording. */
export interface StopRecording {
  type: "stop_recording";
  id: number;
}

/** Remove a recording from the disk. */
export interface RemoveRecording {
  type: "remove_recording";
  id: number;
  name: string;
}

/** Play a recording; it replaces the one that is being played. */
export interface PlayRecording {
  type: "play_recording";
  id: number;
  name: string;
  direction?: "in" | "out";
  source?: string;
  speed?: number;
  loop?: boolean;
  position?: number;
}

/** Change how it is played; values that are left out stay. */
export interface ChangePlayback {
  type: "change_playback";
  id: number;
  paused?: boolean | null;
  speed?: number | null;
  loop?: boolean | null;
  position?: number | null;
}

/** Play it no longer. */
export interface StopPlayback {
  type: "stop_playback";
  id: number;
}

/** Send a recording, as ``recording_data``; another one, or ``unwatch``, ends it. */
export interface DownloadRecording {
  type: "download_recording";
  id: number;
  name: string;
}

/** A piece of a recording; it is kept once all pieces are there and it is valid. */
export interface UploadRecording {
  type: "upload_recording";
  id: number;
  name: string;
  size: number;
  offset: number;
  data: string;
}

/** A recording on the disk. */
export interface RecordingEntry {
  name: string;
  size: number;
  started: number | null;
  seconds: number | null;
}

/** The recording in progress. */
export interface RecorderState {
  name: string;
  seconds: number;
  size: number;
  packets: number;
  dropped: Readonly<Record<string, number>>;
}

/** The playback in progress. */
export interface PlaybackState {
  name: string;
  position: number;
  seconds: number | null;
  speed: number;
  loop: boolean;
  paused: boolean;
  direction: "in" | "out";
  source: string;
  delivered: number;
  left_out: number;
  rounds: number;
}

/** The recordings, the recorder and the player. */
export interface RecordingsState {
  type: "recordings";
  entries: readonly RecordingEntry[] | null;
  recorder: RecorderState | null;
  playback: PlaybackState | null;
  sources: readonly string[];
  folder: string;
  free: number;
  notice: string;
  failed: boolean;
}

/** A piece of a recording that is being downloaded. */
export interface RecordingData {
  type: "recording_data";
  id: number;
  offset: number;
  size: number;
  data: string;
}
