// What the plot shows: the time, whether it is paused, and the figures of its values.

import { signal } from "@preact/signals";

export const seconds = signal(60);
export const isPaused = signal(false);
/** Whether only a part of the time is shown: the plot is paused then. */
export const isZoomed = signal(false);

interface PlottedFigures {
  address: string;
  now: number | null;
  least: number;
  most: number;
  mean: number;
}

export const figures = signal<readonly PlottedFigures[]>([]);

const LINES = [
  { tone: "accent", dash: [] },
  { tone: "text", dash: [6, 3] },
  { tone: "d2", dash: [2, 3] },
  { tone: "warn", dash: [9, 3, 2, 3] },
  { tone: "accent-2", dash: [1, 2] },
  { tone: "dim", dash: [4, 4] },
] as const;

/** How the line of a value looks. */
export function lineOf(index: number) {
  return LINES[index % LINES.length]!;
}

export function pause(): void {
  isPaused.value = !isPaused.value;
  isZoomed.value = false;
}
