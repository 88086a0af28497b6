import { describe, expect, it } from "vitest";

import { decodeValue, encodeValue, parseNumber, textOf, WholeFloat, withKey } from "./values";

describe("values of a configuration", () => {
  it("keep whole floats apart from whole numbers", () => {
    const json = { scale: [{ $toml: "0.0" }, { $toml: "1.0" }, 0, 127], on: true };
    const value = decodeValue(json);
    expect(value).toEqual({ scale: [new WholeFloat(0), new WholeFloat(1), 0, 127], on: true });
    expect(encodeValue(value)).toEqual(json);
  });

  it.each([
    ["1", 1],
    ["1.0", new WholeFloat(1)],
    ["−0.5", -0.5],
    ["1e3", new WholeFloat(1000)],
    ["10_000", 10_000],
    ["30/s", "30/s"],
    ["", ""],
    ["1e999", "1e999"],
  ])("are typed: %s", (text, value) => {
    expect(parseNumber(text)).toEqual(value);
  });

  it("are shown as they are typed", () => {
    expect(textOf(new WholeFloat(1))).toBe("1.0");
    expect(textOf(["web", "desk"])).toBe("web, desk");
    expect(textOf({ send: "/xremote", every: 8 })).toBe("{ send = /xremote, every = 8 }");
  });

  it("are removed by their key", () => {
    expect(withKey({ a: 1, b: 2 }, "a", undefined)).toEqual({ b: 2 });
    expect(withKey({ a: 1 }, "b", "x")).toEqual({ a: 1, b: "x" });
  });
});
