import { describe, expect, it } from "vitest";

import { count, delay, figure, moment, plain, rate, rateFigure, several, short, span, visible } from "./format";

describe("figures", () => {
  it.each([
    [1_284, "1,284"],
    [-4, "\u22124"],
    [0.6, "1"],
  ])("counts %d", (value, text) => expect(count(value)).toBe(text));

  it.each([
    [-0.482, "-0.482"],
    [1.7e308, "100000000000000000000"],
    [1e-6, "0.000001"],
    [5e-324, "0"],
  ])("has no exponent in %d", (value, text) => expect(String(plain(value))).toBe(text));

  it.each([
    [9_999, "9,999"],
    [12_840, "12.8k"],
    [100_000, "100k"],
    [4_100_000, "4.1M"],
  ])("shortens %d", (value, text) => expect(short(value)).toBe(text));

  it.each([
    [0, "quiet"],
    [0.05, "<0.1/s"],
    [2.5, "2.5/s"],
    [9.97, "10/s"],
    [1_736, "1,736/s"],
  ])("shows the rate %d", (value, text) => expect(rate(value)).toBe(text));

  it("shows no rate as 0 where a figure is expected", () => expect(rateFigure(0)).toBe("0"));

  it.each([
    [0.4821, "0.482"],
    [-0.4, "\u22120.400"],
    [12, "12"],
    [123.456, "123.46"],
    [0.00014, "0.00014"],
    [-3e-8, "\u22123e\u22128"],
  ])("shows the value %d", (value, text) => expect(figure(value)).toBe(text));
  it("shows a tiny value of a large range as 0.000", () => expect(figure(0.000_002, 1)).toBe("0.000"));
});

describe("times", () => {
  it.each([
    [0.4, "now"],
    [59, "59 s"],
    [61, "1 min"],
    [11_520, "3 h 12 min"],
    [86_400, "1 day"],
    [200_000, "2 days"],
  ])("shows the span of %d s", (value, text) => expect(span(value)).toBe(text));

  it.each([
    [0.00031, "0.31 ms"],
    [0.0121, "12 ms"],
    [1.44, "1.4 s"],
  ])("shows the delay of %d s", (value, text) => expect(delay(value)).toBe(text));
});

it("has the noun in the right number", () => {
  expect(several(1, "route")).toBe("1 route");
  expect(several(3, "address", "addresses")).toBe("3 addresses");
});

it("shows in a file what cannot be seen", () => {
  expect(visible("a\n\u001b[2J\u202eb é 🎛")).toBe("a\\u000a\\u001b[2J\\u202eb é 🎛");
});

describe("moments", () => {
  const at = new Date(2026, 4, 3, 20, 14, 8).getTime();
  it.each([
    [new Date(2026, 4, 3, 23, 0, 0), "20:14:08"],
    [new Date(2026, 4, 4, 1, 0, 0), "3 May, 20:14:08"],
    [new Date(2027, 0, 1, 1, 0, 0), "3 May 2026, 20:14:08"],
  ])("are shown on %s", (now, text) => expect(moment(at / 1_000, now.getTime())).toBe(text));
});
