import { expect, test } from "vitest";

import { keptMine, keptTheirs, textEdits, withText } from "./text_drafts";

const file = (name: string, text: string) => ({ name, text, read_only: "" });
const BEFORE = [file("a.toml", "one"), file("b.toml", "two")];
const AFTER = [file("a.toml", "theirs"), file("b.toml", "two")];

const drafts = withText(withText({}, "a.toml", "mine", BEFORE, "1"), "b.toml", "more", BEFORE, "1");

test("a draft is based on the file as it was when the draft began", () => {
  const later = withText(drafts, "a.toml", "mine again", AFTER, "2");
  expect(later["a.toml"]).toEqual({ text: "mine again", base: "one", version: "1" });
});

test("a text that is as it was is not a draft", () => {
  expect(Object.keys(withText(drafts, "a.toml", "one", AFTER, "2"))).toEqual(["b.toml"]);
});

test("the base is sent where the file has changed since", () => {
  expect(textEdits(drafts, BEFORE, false).map((each) => each.kind === "text" && each.base)).toEqual([null, null]);
  expect(textEdits(drafts, AFTER, false).map((each) => each.kind === "text" && each.base)).toEqual(["one", null]);
  expect(textEdits(drafts, AFTER, true).map((each) => each.kind === "text" && each.base)).toEqual([null, null]);
});

test("mine replaces the file, theirs ends the draft of a file that was changed", () => {
  expect(textEdits(keptMine(drafts, AFTER), AFTER, false).map((each) => each.kind === "text" && [each.text, each.base])).toEqual([
    ["mine", null],
    ["more", null],
  ]);
  expect(Object.keys(keptTheirs(drafts, AFTER))).toEqual(["b.toml"]);
});
