// The devices around, as the bridge finds them.

import { signal } from "@preact/signals";

import type { DevicesState } from "../protocol";
import { listen } from "../store";

export const devices = signal<DevicesState | null>(null);

listen("devices", (message) => (devices.value = message));

/** A free name for a new part, from a proposed one. */
export function freeName(wanted: string, taken: readonly string[]): string {
  const name = wanted.toLowerCase().replace(/[^a-z0-9_-]+/g, "_").replace(/^[_-]+|_+$/g, "") || "device";
  if (!taken.includes(name)) return name;
  for (let number = 2; ; number++) if (!taken.includes(`${name}_${number}`)) return `${name}_${number}`;
}
