import { describe, expect, it } from "vitest";

import { freePlace, moved, overlap, rowsOf, type Place } from "./placing";

describe("places of controls", () => {
  it("are beside each other, then below", () => {
    const taken: Place[] = [];
    for (let i = 0; i < 13; i++) taken.push(freePlace(taken, 12, 1, 6));
    expect(taken.map((each) => each.x)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0]);
    expect(taken[12]).toEqual({ x: 0, y: 6, w: 1, h: 6 });
  });

  it("use gaps", () => {
    const taken = [
      { x: 0, y: 0, w: 2, h: 2 },
      { x: 4, y: 0, w: 2, h: 2 },
    ];
    expect(freePlace(taken, 6, 2, 2)).toEqual({ x: 2, y: 0, w: 2, h: 2 });
  });

  it("are no wider than the page", () => {
    expect(freePlace([], 2, 5, 1)).toEqual({ x: 0, y: 0, w: 2, h: 1 });
  });

  it("touch without overlapping", () => {
    const a = { x: 0, y: 0, w: 2, h: 2 };
    expect(overlap(a, { x: 2, y: 0, w: 1, h: 1 })).toBe(false);
    expect(overlap(a, { x: 1, y: 1, w: 3, h: 3 })).toBe(true);
  });

  it("stay on the page when they are moved or made larger", () => {
    const at = { x: 10, y: 0, w: 2, h: 2 };
    expect(moved(at, 12, { x: 5, y: -3 })).toEqual(at);
    expect(moved(at, 12, { w: 5 })).toEqual(at);
    expect(moved(at, 12, { w: -5, h: -5 })).toEqual({ x: 10, y: 0, w: 1, h: 1 });
    expect(moved({ ...at, x: 4 }, 12, { w: 3 })).toEqual({ x: 4, y: 0, w: 5, h: 2 });
  });

  it("have at most the height that the bridge accepts", () => {
    expect(moved({ x: 0, y: 0, w: 1, h: 48 }, 12, { h: 1 }).h).toBe(48);
  });

  it("decide about the rows of a page", () => {
    expect(rowsOf([], 8)).toBe(8);
    expect(rowsOf([{ x: 0, y: 8, w: 1, h: 4 }], 8)).toBe(12);
  });
});
