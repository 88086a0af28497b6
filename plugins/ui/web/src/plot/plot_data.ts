// The histories of values that are plotted together: sampled by one clock, for ten minutes.

export const SAMPLE = 0.1; // seconds between samples
export const SPAN = 600; // seconds that are kept
const MAX = SPAN / SAMPLE;

/** Columns for a plot: the times, then a column per address. */
export class PlotData {
  private times: number[] = [];
  private readonly columns = new Map<string, (number | null)[]>();

  /** The addresses in the order of the columns. */
  get addresses(): string[] {
    return [...this.columns.keys()];
  }

  /** Plots these addresses; `before` gives earlier values of a new one. */
  choose(addresses: readonly string[], before: (address: string, time: number) => number | null): void {
    for (const each of this.columns.keys()) if (!addresses.includes(each)) this.columns.delete(each);
    for (const each of addresses) {
      if (!this.columns.has(each)) this.columns.set(each, this.times.map((time) => before(each, time)));
    }
    if (!addresses.length) this.times = [];
  }

  /** Begins with times in the past, for which `choose` asks for values. */
  begin(now: number, seconds: number): void {
    if (this.times.length) return;
    for (let i = Math.floor(seconds); i > 0; i--) this.times.push(now - i);
  }

  /** Fills gaps of an address with samples of its past, one per second, the last that of `now`. */
  fill(address: string, now: number, samples: readonly (number | null)[]): void {
    const column = this.columns.get(address);
    if (!column) return;
    this.times.forEach((time, i) => {
      column[i] ??= samples[samples.length - 1 - Math.round(now - time)] ?? null;
    });
  }

  /** Adds a sample of all. */
  add(time: number, valueOf: (address: string) => number | null): void {
    const last = this.times.at(-1);
    if (last !== undefined && time <= last) return;
    this.times.push(time);
    for (const [address, column] of this.columns) column.push(valueOf(address));
    const old = this.times.length - MAX;
    if (old > 50) {
      this.times.splice(0, old);
      for (const column of this.columns.values()) column.splice(0, old);
    }
  }

  /** The columns of the last seconds. */
  table(seconds: number): [number[], ...(number | null)[][]] {
    const end = this.times.at(-1) ?? 0;
    let first = this.times.findIndex((time) => time >= end - seconds);
    if (first < 0) first = 0;
    return [this.times.slice(first), ...[...this.columns.values()].map((each) => each.slice(first))];
  }
}

/** Lowest, highest and mean of a column. */
export function statistics(column: readonly (number | null)[]): { least: number; most: number; mean: number } | null {
  let least = Infinity;
  let most = -Infinity;
  let sum = 0;
  let count = 0;
  for (const each of column) {
    if (each === null) continue;
    least = Math.min(least, each);
    most = Math.max(most, each);
    sum += each;
    count++;
  }
  return count ? { least, most, mean: sum / count } : null;
}
