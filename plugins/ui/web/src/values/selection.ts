// Which values are listed: the search, the filters, the branch, the order, and the rows on the screen.

import { computed, signal } from "@preact/signals";

import { cut } from "../format";
import { OpenRows } from "../open_rows";
import { MAX_NAME } from "../protocol";
import { queries } from "../router";
import { connection, pulse } from "../store";

export type Sort = "address" | "rate" | "age";

export const stateFilter = signal<"all" | "live" | "stale">("all");
export const source = signal("");
export const prefix = signal("");
export const sort = signal<Sort>("address");
export const openBranches = signal<readonly string[]>([""]);
export const range = signal({ first: 0, count: 60 });
/** Whether the list is held: nothing moves, and nothing is new. */
export const isHeld = signal(false);
/** Messages that the bridge had received when the list was held. */
export const heldAt = signal(0);

/** Addresses that are plotted. */
export const chosen = signal<readonly string[]>([]);
const MAX_CHOSEN = 6;
/** Addresses whose control is open. */
export const openRows = new OpenRows();
export const openVersion = signal(0);

const query = computed(() => queries.values.value);

export function watch(): void {
  connection.watch(() => ({
    type: "watch_values",
    query: cut(query.value, MAX_NAME),
    source: source.value,
    state: stateFilter.value,
    prefix: prefix.value,
    sort: sort.value,
    ...range.value,
    chosen: chosen.value,
    open: openBranches.value,
  }));
}

/** What makes another list of it. */
export const selection = computed(() => [query.value, source.value, stateFilter.value, prefix.value, sort.value].join("\n"));

/** Plots an address, or no longer. */
export function choose(address: string): void {
  const isChosen = chosen.value.includes(address);
  chosen.value = isChosen ? chosen.value.filter((each) => each !== address) : [...chosen.value, address].slice(-MAX_CHOSEN);
}

export function hold(): void {
  heldAt.value = pulse.value?.received ?? 0;
  isHeld.value = !isHeld.value;
}
