import { expect, test } from "vitest";

import { withBranch, withoutBranch } from "./open_branches";

const numbered = (name: string, count: number) => Array.from({ length: count }, (_, i) => `/${name}${i}`);
const opened = (paths: readonly string[]) => paths.reduce<readonly string[]>(withBranch, [""]);

test("a further branch closes the one that was opened first, with those below it", () => {
  const open = opened(["/first", "/first/below", ...numbered("b", 188)]);
  expect(open).toHaveLength(189);
  expect(open).not.toContain("/first");
  expect(open).not.toContain("/first/below");
  expect(open[0]).toBe("");
  expect(open.at(-1)).toBe("/b187");
});

test("long branches fit into one message, however many were opened", () => {
  const open = opened(numbered("x".repeat(200), 190));
  expect(JSON.stringify(open).length).toBeLessThanOrEqual(10_000);
  expect(open.at(-1)).toBe(`/${"x".repeat(200)}189`);
});

test("the branches above the new one stay open", () => {
  const open = opened(["/a", "/a/b", ...numbered("b", 187), "/a/b/c"]);
  expect(open).toContain("/a/b");
  expect(open).toContain("/a/b/c");
});

test("a branch whose path is too long is not opened", () => {
  expect(withBranch(["", "/a"], `/${"x".repeat(10_000)}`)).toEqual(["", "/a"]);
});

test("a branch is closed with those below it", () => {
  expect(withoutBranch(["", "/a", "/a/b", "/ab"], "/a")).toEqual(["", "/ab"]);
});
