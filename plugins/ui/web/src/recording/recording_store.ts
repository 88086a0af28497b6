// Recordings of the bridge, what it records and what it plays.

import { signal } from "@preact/signals";

import type { RecordingEntry, RecordingsState } from "../protocol";
import { listen } from "../store";

export const recordings = signal<RecordingsState | null>(null);
export const entries = signal<readonly RecordingEntry[]>([]);
/** When the state came, in ms of the page's clock: a position goes on meanwhile. */
export const cameAt = signal(0);

listen("recordings", (message) => {
  recordings.value = message;
  cameAt.value = performance.now();
  if (message.entries) entries.value = message.entries;
});
