import { describe, expect, it } from "vitest";

import { OpenRows } from "./open_rows";

describe("open rows", () => {
  it("push down what follows them", () => {
    const rows = new OpenRows();
    rows.open("/a", 2, 100);
    rows.open("/b", 5, 60);
    expect([0, 2, 3, 5, 6].map((index) => rows.above(index))).toEqual([0, 0, 100, 100, 160]);
    expect(rows.total).toBe(160);
  });

  it("are found by their distance from the top", () => {
    const rows = new OpenRows();
    rows.open("/a", 2, 100);
    expect([0, 39, 40, 100, 119, 150, 219, 220, 260].map((each) => rows.at(each, 40))).toEqual([0, 0, 1, 2, 2, 3, 3, 3, 4]);
  });

  it("follow the list", () => {
    const rows = new OpenRows();
    rows.open("/a", 2, 100);
    rows.move("/a", 7);
    rows.move("/unknown", 1);
    expect(rows.above(5)).toBe(0);
    rows.close("/a");
    expect(rows.size).toBe(0);
  });
});
