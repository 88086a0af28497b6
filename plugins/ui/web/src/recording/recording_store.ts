// Recordings of the bridge, what it records and what it plays.

import { signal } from "@preact/signals";

import type { RecordingEntry, RecordingsState } from "../protocol";
import { connection, listen } from "../store";

export const recordings = signal<RecordingsState | null>(null);
export const entries = signal<readonly RecordingEntry[]>([]);
/** When the state came, in ms of the page's clock: a position goes on meanwhile. */
export const cameAt = signal(0);

listen("recordings", (message) => {
  recordings.value = message;
  cameAt.value = performance.now();
  if (message.entries) entries.value = message.entries;
});

/** Why the last command failed. */
export const error = signal("");

type Command = Parameters<typeof connection.command>[0];

/** Carries out a command, whose failure is shown by `error`. */
export function run(command: Command): void {
  error.value = "";
  connection.command(command).catch((reason: Error) => (error.value = reason.message));
}
