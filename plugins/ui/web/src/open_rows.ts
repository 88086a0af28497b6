// Rows of a virtual list that are open: each is higher than the others by a height of its own.

/** The open rows, with where each was last seen in the list. */
export class OpenRows {
  private readonly rows = new Map<string, { index: number; extra: number }>();

  get size(): number {
    return this.rows.size;
  }

  has(address: string): boolean {
    return this.rows.has(address);
  }

  open(address: string, index: number, extra: number): void {
    this.rows.set(address, { index, extra });
  }

  close(address: string): void {
    this.rows.delete(address);
  }

  /** Notes where rows are now: those of a part of the list, from an index on. */
  move(shown: readonly string[], first: number): void {
    if (!this.rows.size) return;
    const places = new Map(shown.map((address, i) => [address, first + i]));
    for (const [address, each] of this.rows) {
      const wasHere = each.index >= first && each.index < first + shown.length;
      each.index = places.get(address) ?? (wasHere ? NaN : each.index);
    }
  }

  /** The list is another one: where rows are is not known until they are shown. */
  forget(): void {
    for (const each of this.rows.values()) each.index = NaN;
  }

  /** The height that open rows add above a row. */
  above(index: number): number {
    let height = 0;
    for (const each of this.rows.values()) if (each.index < index) height += each.extra;
    return height;
  }

  /** The height that all of them add. */
  get total(): number {
    return this.above(Infinity); // without those whose place is not known
  }

  /** The row at a distance from the top, for rows of this height. */
  at(distance: number, height: number): number {
    let rest = distance;
    for (const each of [...this.rows.values()].filter(({ index }) => !Number.isNaN(index)).sort((a, b) => a.index - b.index)) {
      const top = each.index * height;
      if (rest < top + height) break;
      rest = Math.max(top + height, rest - each.extra);
    }
    return Math.max(0, Math.floor(rest / height));
  }
}
