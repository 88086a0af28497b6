// Histories of figures: a ring of samples with a fixed interval.

export const INTERVAL = 1; // seconds between samples
export const LENGTH = 300; // samples: five minutes

/** The samples of one figure, oldest first; missing ones are NaN. */
export class Series {
  private readonly ring = new Float64Array(LENGTH).fill(NaN);
  private next = 0;
  private slot = -1;

  /** `holds`: between two samples the first one stays; otherwise nothing is known there. */
  constructor(private readonly holds = false) {}

  /** Adds a sample at a time in seconds; of several in one interval, the greatest stays. */
  add(time: number, value: number): void {
    const slot = Math.floor(time / INTERVAL);
    if (this.slot < 0) this.slot = slot - 1;
    const gap = Math.min(slot - this.slot, LENGTH);
    if (gap <= 0) {
      const last = (this.next + LENGTH - 1) % LENGTH;
      const known = this.ring[last] ?? NaN;
      this.ring[last] = Number.isNaN(known) ? value : Math.max(known, value);
      return;
    }
    // A short gap is one of the clock: a longer one is a gap in what is known.
    const before = this.ring[(this.next + LENGTH - 1) % LENGTH] ?? NaN;
    for (let i = 1; i < gap; i++) this.push(this.holds || gap <= 3 ? before : NaN);
    this.push(value);
    this.slot = slot;
  }

  private push(value: number): void {
    this.ring[this.next] = value;
    this.next = (this.next + 1) % LENGTH;
  }

  /** Replaces all samples: these are the latest, one per second, the last that of `time`. */
  fill(time: number, samples: readonly (number | null)[]): void {
    this.ring.fill(NaN);
    this.next = 0;
    const found = samples.slice(-LENGTH);
    found.forEach((each, i) => {
      this.ring[LENGTH - found.length + i] = each ?? NaN;
    });
    this.slot = Math.floor(time / INTERVAL);
  }

  /** The latest samples, oldest first. */
  values(length = LENGTH): number[] {
    const found: number[] = [];
    for (let i = LENGTH - length; i < LENGTH; i++) {
      found.push(this.ring[(this.next + i) % LENGTH] ?? NaN);
    }
    return found;
  }

  /** The sample at a time in seconds; null if it is not known. */
  at(time: number): number | null {
    const back = this.slot - Math.floor(time / INTERVAL);
    if (this.slot < 0 || back < 0 || back >= LENGTH) return null;
    const found = this.ring[(this.next + LENGTH - 1 - back) % LENGTH] ?? NaN;
    return Number.isNaN(found) ? null : found;
  }

  /** The sum of all samples. */
  sum(): number {
    return this.ring.reduce((sum, each) => (Number.isNaN(each) ? sum : sum + each), 0);
  }
}

/** The rate of a counter, from its values at two times. */
export class Counter {
  private count = NaN;
  private time = NaN;
  rate = 0;
  /** What was counted since the value before; 0 for the first one. */
  step = 0;

  /** The value at a time in seconds; a smaller one than before is that of a new process. */
  update(time: number, count: number): number {
    const seconds = time - this.time;
    if (Number.isNaN(seconds) || count < this.count || seconds < 0) {
      this.rate = 0;
      this.step = 0;
    } else if (seconds < 0.05) {
      return this.rate;
    } else {
      this.step = count - this.count;
      this.rate = this.step / seconds;
    }
    this.time = time;
    this.count = count;
    return this.rate;
  }
}
