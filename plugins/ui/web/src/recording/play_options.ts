// What the next recording plays, and how.

import { signal } from "@preact/signals";

import type { PlaybackState } from "../protocol";

export type Direction = PlaybackState["direction"];

export const direction = signal<Direction>("in");
/** The bridge or endpoint for all packets; empty: each has its own. */
export const source = signal("");
export const speed = signal(1);
export const isLoop = signal(false);
