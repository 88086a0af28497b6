import { describe, expect, it } from "vitest";

import { controlKind, scaleOf } from "./control_kind";
import type { ValueRow } from "./protocol";

function row(types: string, args: ValueRow["args"], over: Partial<ValueRow> = {}): ValueRow {
  return {
    address: "/a",
    types,
    args,
    cut: false,
    count: 1,
    time: 1,
    received: true,
    sources: ["stage"],
    sinks: [],
    receivers: [],
    peer: "",
    described: null,
    ...over,
  };
}

const described = { text: "", unit: "dB", least: -90, most: 10, choices: [] };

describe("the control of a value", () => {
  it.each([
    [row("f", [0.5]), "fader"],
    [row("i", [3]), "fader"],
    [row("T", [true]), "toggle"],
    [row("", []), "trigger"],
    [row("I", ["impulse"]), "trigger"],
    [row("s", ["Ariel"]), "text"],
    [row("r", ["#e0a458ff"]), "colour"],
    [row("ff", [0.1, 0.2]), "xy"],
    [row("b", ["01ff"]), "none"],
    [row("s", ["x"], { cut: true }), "none"],
    [row("i", [1], { described: { ...described, choices: [1, 2] } }), "menu"],
  ])("fits its type", (value, kind) => expect(controlKind(value)).toBe(kind));
});

describe("the range of a fader", () => {
  it("is 0 to 1 as long as nothing else was seen", () => {
    expect(scaleOf(row("f", [0.5]), 0, [NaN, 0.2])).toEqual({ least: 0, most: 1, whole: false });
  });
  it("holds what was seen, with the same on both sides of 0", () => {
    expect(scaleOf(row("f", [-21]), 0, [3])).toEqual({ least: -50, most: 5, whole: false });
  });
  it("is that of the description", () => {
    expect(scaleOf(row("f", [0], { described }), 0, [])).toEqual({ least: -90, most: 10, whole: false });
  });
  it("is finite for the largest numbers", () => {
    const { least, most } = scaleOf(row("d", [1.7e308]), 0, [-1.7e308]);
    expect(Number.isFinite(most - least)).toBe(true);
  });
  it("has whole numbers for whole numbers", () => {
    expect(scaleOf(row("i", [100]), 0, [])).toEqual({ least: 0, most: 100, whole: true });
  });
});
