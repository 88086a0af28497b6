import { describe, expect, it } from "vitest";

import type { ValueRow } from "../protocol";
import { empty, isOn, isPinnable, labelOf, newId, pageName, pinned, pressed } from "./pinning";

function row(address: string, types: string, ...args: ValueRow["args"][number][]): ValueRow {
  return {
    address,
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
  };
}

const TARGET = { name: "stage", received: true, label: "as if from stage" };
const PLACE = { x: 0, y: 0, w: 1, h: 1 };

describe("a pinned value", () => {
  it("has the control of its type", () => {
    const kinds = [
      pinned(row("/a", "f", 0.5), [], TARGET, [], 12),
      pinned(row("/a", "T", true), [], TARGET, [], 12),
      pinned(row("/a", ""), [], TARGET, [], 12),
      pinned(row("/a", "ff", 0, 1), [], TARGET, [], 12),
      pinned(row("/a", "r", "#ff0000ff"), [], TARGET, [], 12),
      pinned(row("/a", "s", "x"), [], TARGET, [], 12),
      pinned(row("/a", "f", 0.5), [], undefined, [], 12),
    ].map((each) => each.kind);
    expect(kinds).toEqual(["fader", "button", "button", "xy", "colour", "text", "meter"]);
  });

  it("has the range of what was seen", () => {
    const found = pinned(row("/a", "i", 100), [3, 120], TARGET, [], 12);
    expect([found.least, found.most]).toEqual([0, 127]);
  });

  it("is named by what tells it from others", () => {
    expect(labelOf("/1/fader10")).toBe("fader10");
    expect(labelOf("/ch/3/level")).toBe("ch 3 level");
    expect(labelOf("/ch/01/mix/fader")).toBe("ch 01 fader");
    expect(labelOf("/cue/next")).toBe("next");
    expect(labelOf("/")).toBe("/");
  });

  it("has a label that is not cut within a character", () => {
    expect(labelOf(`/${"x".repeat(63)}😀😀`)).toBe(`${"x".repeat(63)}😀`);
  });

  it("has an id of its own", () => {
    const ids = new Set(Array.from({ length: 1_000 }, newId));
    expect(ids.size).toBe(1_000);
    expect([...ids].every((each) => /^[a-z0-9]{12}$/.test(each))).toBe(true);
  });
});

describe("the name of a page", () => {
  const long = "x".repeat(40);

  it.each([
    ["Main", [], "Main"],
    ["Main", ["Main", "Main 2"], "Main 3"],
    [long, [long], `${"x".repeat(38)} 2`],
    [`${"x".repeat(39)}😀!`, [], `${"x".repeat(39)}😀`],
  ])("of %s is free and not too long", (wanted, taken, name) => {
    expect(pageName(wanted, taken)).toBe(name);
  });
});

describe("a button", () => {
  const button = empty("button", PLACE);

  it("sends its values with fitting tags", () => {
    expect(pressed(button, true)).toEqual({ types: "T", args: [true] });
    expect(pressed(button, false)).toEqual({ types: "F", args: [false] });
    expect(pressed({ ...button, types: "f", on: 1, off: 0 }, true)).toEqual({ types: "f", args: [1] });
    expect(pressed({ ...button, on: 1, off: 0 }, false)).toEqual({ types: "i", args: [0] });
    expect(pressed({ ...button, mode: "trigger", types: "", args: [] }, true)).toEqual({ types: "", args: [] });
  });

  it("follows the device", () => {
    expect(isOn(button, true)).toBe(true);
    expect(isOn(button, undefined)).toBe(false);
    expect(isOn({ ...button, on: 127, off: 0 }, 90)).toBe(true);
    expect(isOn({ ...button, on: "go", off: "stop" }, "go")).toBe(true);
  });
});

describe("an address", () => {
  it("is taken without spaces and control characters", () => {
    expect(["/a", "/a b", "/a\u0001", "a", ""].map(isPinnable)).toEqual([true, false, false, false, false]);
  });

  it("is pinned with the types of its values, without lists", () => {
    expect(pinned(row("/a", "[ff]", 0, 1), [], TARGET, [], 12).types).toBe("ff");
  });
});
