// The window of the list of values that is on the screen.

import { signal } from "@preact/signals";

import { Series } from "./history";
import type { TreeNode, ValueRow, ValuesState } from "./protocol";

/** A row with what this page has seen of it. */
export class Value {
  readonly series = new Series(true);
  readonly version = signal(0);
  /** As `version`, but once per second: there is no more in the line of the last minute. */
  readonly slow = signal(0);
  rate = 0;
  private heardAt = 0;
  /** What the bar of a number shows: its description, or what was seen, with 0 and 1 at least. */
  range = { least: 0, most: 1 };
  private count = NaN;
  private time = 0;

  constructor(public row: ValueRow) {}

  take(row: ValueRow, time: number): void {
    this.row = row;
    this.heardAt = performance.now();
    const number = sampleOf(row);
    if (number !== null) {
      this.series.add(performance.now() / 1_000, number);
      const { least, most } = row.described ?? { least: null, most: null };
      this.range = { least: least ?? Math.min(this.range.least, number), most: most ?? Math.max(this.range.most, number) };
    }
    if (Number.isNaN(this.count)) {
      this.count = row.count;
      this.time = time;
    } else if (time - this.time >= 1) {
      this.rate = (row.count - this.count) / (time - this.time);
      this.count = row.count;
      this.time = time;
    }
    this.version.value++;
  }

  /** Called every second: the line goes on, and the rate drops to nothing when nothing comes. */
  rest(): void {
    const number = sampleOf(this.row);
    if (number !== null && performance.now() - this.heardAt < (MINUTE + 5) * 1_000) {
      this.series.add(performance.now() / 1_000, number);
      this.slow.value++;
    }
    if (this.rate > 0 && performance.now() - this.heardAt >= 2_500) {
      this.rate = 0;
      this.count = NaN;
      this.version.value++;
    }
  }
}

const DIGITS = 6; // of a sample

/** The number of a row as a sample; with as many digits as those that the bridge has kept. */
export function sampleOf(row: ValueRow): number | null {
  const number = numberOf(row);
  return number === null ? null : Number(number.toPrecision(DIGITS));
}

/** The first number among the values of a row. */
export function numberOf(row: ValueRow): number | null {
  const found = row.args.find((each) => typeof each === "number");
  return typeof found === "number" ? found : null;
}

export const values = new Map<string, Value>();
/** Whether the bridge watches values for this page. */
export const isWatched = signal(false);
export const listing = signal<{ first: number; order: readonly string[] }>({ first: 0, order: [] });
export const listCounts = signal({ total: 0, live: 0, stale: 0, found: 0, forgotten: 0 });
export const branches = signal<Readonly<Record<string, readonly TreeNode[]>>>({});
export const sourceNames = signal<readonly string[]>([]);
/** Unix time of the bridge minus that of the clock of this page, which does not jump; in seconds. */
let clockOffset = 0;
/** Unix time of the bridge, once per second while it is connected: ages are counted from it. */
export const bridgeTime = signal(0);

/** Called every second while the page is connected. */
export function tick(): void {
  bridgeTime.value = performance.now() / 1_000 + clockOffset;
  for (const each of values.values()) each.rest();
}

const MAX_KEPT = 2_000; // rows that are kept, so that their histories are there again

/** Forgets everything: another process knows other values. */
export function forgetValues(): void {
  values.clear();
  isWatched.value = false;
  listing.value = { first: 0, order: [] };
  listCounts.value = { total: 0, live: 0, stale: 0, found: 0, forgotten: 0 };
  branches.value = {};
  sourceNames.value = [];
}

const MINUTE = 60; // samples of the history of a row; that of a chosen one is longer

type Earlier = Readonly<{ address: string; samples: readonly (number | null)[] }>;
const listeners = new Set<(found: Earlier) => void>();

/** Calls `take` with the history of each address that is chosen. Returns what ends that. */
export function watchHistories(take: (found: Earlier) => void): () => void {
  listeners.add(take);
  return () => listeners.delete(take);
}

/** Increases with each address that is new to this page. */
export const knownAddresses = signal(0);

export function takeRows(rows: readonly ValueRow[], time: number): void {
  clockOffset = time - performance.now() / 1_000;
  if (Math.abs(time - bridgeTime.peek()) > 2) bridgeTime.value = time;
  for (const row of rows) {
    let value = values.get(row.address);
    if (value) values.delete(row.address);
    else {
      value = new Value(row);
      knownAddresses.value++;
    }
    values.set(row.address, value); // the latest last
    value.take(row, time);
  }
  for (const address of values.keys()) {
    if (values.size <= MAX_KEPT) break;
    values.delete(address);
  }
}

export function takeValues(message: ValuesState): void {
  isWatched.value = true;
  takeRows(message.rows, message.time);
  for (const { address, values: samples } of message.histories) {
    const value = values.get(address);
    value?.series.fill(performance.now() / 1_000, samples);
    if (value) value.slow.value++;
    if (samples.length > MINUTE) for (const take of listeners) take({ address, samples });
  }
  const counts = { ...message, order: undefined };
  const { total, live, stale, found, forgotten } = counts;
  listCounts.value = { total, live, stale, found, forgotten };
  if (message.order) listing.value = { first: message.first, order: message.order };
  if (message.tree) branches.value = { ...branches.value, ...message.tree };
  if (message.sources) sourceNames.value = message.sources;
}
