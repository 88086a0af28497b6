import { expect, test } from "vitest";

import { framesOf, whyTooLarge } from "./frames";
import { MAX_LARGE, type MessagePart } from "./protocol";

test("a small message is one frame", () => {
  expect(framesOf('{"type":"watch_now"}')).toEqual(['{"type":"watch_now"}']);
});

test("the parts of a large message make it whole again, and fit into frames", () => {
  const text = JSON.stringify({ text: '"\n\\\u0001äö🎛️'.repeat(20_000) });
  const frames = framesOf(text);
  const parts = frames.map((each) => JSON.parse(each) as MessagePart);
  expect(parts.map((each) => each.text).join("")).toBe(text);
  expect(parts.map((each) => each.is_last)).toEqual([...parts.slice(1).map(() => false), true]);
  for (const each of frames) expect(new TextEncoder().encode(each).length).toBeLessThan(65_536);
});

test("a message that the bridge would not read is refused", () => {
  expect(whyTooLarge("x".repeat(20_000), false)).toBe("");
  expect(whyTooLarge("x".repeat(20_001), false)).toContain("at most 20,000 characters");
  expect(whyTooLarge("x".repeat(MAX_LARGE), true)).toBe("");
  expect(whyTooLarge("x".repeat(MAX_LARGE + 1), true)).toContain("at most 1,048,576 characters");
});

test("no part ends within a character", () => {
  const text = "x" + "🎛".repeat(30_000);
  for (const each of framesOf(text)) {
    const { text: part } = JSON.parse(each) as MessagePart;
    expect(part).not.toMatch(/^[\udc00-\udfff]|[\ud800-\udbff]$/);
  }
});
