import { describe, expect, it } from "vitest";

import { Counter, LENGTH, Series } from "./history";

describe("Series", () => {
  it("keeps the greatest value of an interval", () => {
    const series = new Series();
    series.add(10.1, 3);
    series.add(10.5, 7);
    series.add(10.9, 5);
    expect(series.values(1)).toEqual([7]);
  });

  it("shows a long gap as missing, and a short one as before", () => {
    const series = new Series();
    series.add(1, 4);
    series.add(3, 6);
    expect(series.values(3)).toEqual([4, 4, 6]);
    series.add(10, 8);
    expect(series.values(3)).toEqual([NaN, NaN, 8]);
  });

  it("may hold a value until the next one", () => {
    const series = new Series(true);
    series.add(1, 4);
    series.add(10, 8);
    expect(series.values(4)).toEqual([4, 4, 4, 8]);
  });

  it("takes what was counted elsewhere", () => {
    const series = new Series();
    series.add(1, 4);
    series.fill(20.5, [1, null, 3]);
    series.add(21, 5);
    expect(series.values(5)).toEqual([NaN, 1, NaN, 3, 5]);
    expect(series.at(20)).toBe(3);
  });

  it("forgets what is too old", () => {
    const series = new Series();
    for (let i = 0; i <= LENGTH; i++) series.add(i, i);
    expect(series.values()).toHaveLength(LENGTH);
    expect(series.values()[0]).toBe(1);
  });

  it("survives a clock that is set back", () => {
    const series = new Series();
    series.add(100, 1);
    series.add(50, 2);
    expect(series.values(1)).toEqual([2]);
  });
});

describe("Counter", () => {
  it("is a rate", () => {
    const counter = new Counter();
    expect(counter.update(1, 100)).toBe(0);
    expect(counter.update(3, 150)).toBe(25);
    expect(counter.step).toBe(50);
  });

  it("begins again where a new process counts from 0", () => {
    const counter = new Counter();
    counter.update(1, 100);
    expect(counter.update(2, 4)).toBe(0);
    expect(counter.update(3, 14)).toBe(10);
  });
});
