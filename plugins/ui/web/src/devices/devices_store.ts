// The devices around, as the bridge finds them.

import { signal } from "@preact/signals";

import { configuration } from "../editing/client";
import type { DevicesState, SavedState } from "../protocol";
import { queries } from "../router";
import { listen } from "../store";

export const devices = signal<DevicesState | null>(null);

listen("devices", (message) => (devices.value = message));

/** A free name for a new part, from a proposed one. */
export function freeName(wanted: string, taken: readonly string[]): string {
  const name = wanted.toLowerCase().replace(/[^a-z0-9_-]+/g, "_").replace(/^[_-]+|_+$/g, "") || "device";
  if (!taken.includes(name)) return name;
  for (let number = 2; ; number++) if (!taken.includes(`${name}_${number}`)) return `${name}_${number}`;
}

/** An edit that was saved. */
export interface Added {
  name: string;
  text: string;
  state: SavedState;
}

export interface SavedProps {
  onSaved(added: Added): void;
}

/** Whether texts contain all words of the search field. */
export function fits(...texts: readonly string[]): boolean {
  const text = texts.join(" ").toLowerCase();
  return queries.devices.value
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

/** The names of bridges and endpoints in the configuration. */
export function takenNames(): readonly string[] {
  const tables = configuration.value?.tables ?? {};
  const names = (key: string) => Object.keys((tables[key] ?? {}) as object);
  return [...names("bridge"), ...names("endpoint")];
}
