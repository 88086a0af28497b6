// What the bridge knows about the route that is being learned.

import { signal } from "@preact/signals";

import type { LearningStatus } from "../protocol";
import { connection, listen } from "../store";

export const learning = signal<LearningStatus | null>(null);
export const learnError = signal("");

listen("learning", (message) => (learning.value = message));

type Command = Parameters<typeof connection.command>[0];

export function learn(command: Command): Promise<string> {
  learnError.value = "";
  return connection.command(command).catch((error: Error) => {
    learnError.value = error.message;
    return "";
  });
}
