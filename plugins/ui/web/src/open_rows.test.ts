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
    rows.move(["/x", "/a"], 6);
    expect([rows.above(7), rows.above(8)]).toEqual([0, 100]);
    rows.close("/a");
    expect(rows.size).toBe(0);
  });

  it("add no height where they no longer are", () => {
    const rows = new OpenRows();
    rows.open("/z", 0, 100); // the only one of a narrow list
    rows.move(["/a", "/b", "/c"], 0); // all are shown again, and it is far below
    expect(rows.above(2)).toBe(0);
    expect(rows.at(90, 40)).toBe(2);
    rows.move(["/y", "/z"], 60);
    expect(rows.above(62)).toBe(100);
    rows.forget();
    expect(rows.total).toBe(0);
  });
});
