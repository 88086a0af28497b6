import { describe, expect, it } from "vitest";

import { argumentTexts, colourText, line } from "./argument_text";

describe("several values of a message", () => {
  it("are shown by their types", () => {
    const args = [0.25, "#e0a458ff", "00903c64", "1", "on", true, null];
    expect(argumentTexts({ types: "frmtsTN", args })).toEqual([
      "0.250",
      "#E0A458",
      "note C4 · 100 · ch 1",
      "immediately",
      "on",
      "true",
      "nil",
    ]);
  });

  it("are shown as they are beside an array", () => {
    expect(argumentTexts({ types: "[rr]r", args: ["[#e0a458ff #e0a458ff]", "#e0a458ff"] })).toEqual([
      "[#e0a458ff #e0a458ff]",
      "#e0a458ff",
    ]);
  });
});

describe("a text of the network", () => {
  it("is one line, and shows marks that change its direction", () => {
    expect(line("a\nb\t c \u202egpj.exe")).toBe("a b c \\u202egpj.exe");
  });
});

describe("a colour", () => {
  it.each([
    ["#e0a458ff", "#E0A458"],
    ["#e0a45800", "#E0A45800"],
    ["#ffffffff", "#FFFFFF"],
  ])("%s is %s", (hex, shown) => expect(colourText(hex)).toBe(shown));
});
