import { expect, it } from "vitest";

import type { ValueRow, ValuesState } from "./protocol";
import { branches, sampleOf, takeRows, takeValues, values } from "./values_store";

const single = Math.fround(0.005);
const row: ValueRow = {
  address: "/a",
  types: "f",
  args: [single],
  cut: false,
  count: 1,
  time: 1,
  received: true,
  sources: ["stage"],
  sinks: [],
  receivers: [],
  peer: "",
  described: null,
};

const state: ValuesState = { type: "values", time: 1, total: 1, live: 1, stale: 0, found: 1, first: 0, order: null, rows: [], histories: [], tree: null, sources: null, forgotten: 0 };

it("a number that stays has no step between what the bridge has kept and what arrives", () => {
  takeRows([row], 1);
  takeValues({ ...state, histories: [{ address: "/a", values: [null, 0.005, 0.005] }] });
  values.get("/a")!.take(row, 2);
  const seen = values.get("/a")!.series.values().filter((each) => !Number.isNaN(each));
  expect(new Set(seen)).toEqual(new Set([0.005]));
});

it("only numbers have samples", () => {
  expect(sampleOf({ ...row, args: ["x", true] })).toBeNull();
  expect(sampleOf({ ...row, args: ["x", 1234567] })).toBe(1234570);
});

it("branches that are not in a message are unchanged", () => {
  const nodes = [{ name: "a", count: 1, leaf: true }];
  takeValues({ ...state, tree: { "": nodes, "/a": nodes } });
  const before = branches.value[""];
  takeValues({ ...state, tree: { "/a": [] } });
  expect(branches.value).toEqual({ "": nodes, "/a": [] });
  expect(branches.value[""]).toBe(before);
});
