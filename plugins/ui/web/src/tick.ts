// A clock for what gets older by itself, while somebody looks at it.

import { signal } from "@preact/signals";

/** Increases every second. */
export const second = signal(0);

let users = 0;
let timer = 0;

/** Runs the clock. Returns what ends that. */
export function runClock(): () => void {
  if (++users === 1) timer = window.setInterval(() => second.value++, 1_000);
  return () => {
    if (--users === 0) window.clearInterval(timer);
  };
}
