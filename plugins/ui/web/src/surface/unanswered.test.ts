import { expect, test } from "vitest";

import type { SurfacePage } from "../protocol";
import { empty } from "./pinning";
import { withChanges } from "./unanswered";

const widget = { ...empty("fader", { x: 0, y: 0, w: 1, h: 6 }), id: "one", label: "One" };
const page: SurfacePage = { id: "main", name: "Main", columns: 12, locked: true, tokens: [], widgets: [widget] };
const pages = new Map([["main", page]]);

test("without changes the pages are the same", () => {
  expect(withChanges(pages, [])).toBe(pages);
});

test("an unlocked page is unlocked at once, and keeps the rest", () => {
  const found = withChanges(pages, [{ op: "change_page", page: "main", changes: { locked: false, position: 0 } }]);
  expect(found.get("main")).toEqual({ ...page, locked: false });
  expect(page.locked).toBe(true);
});

test("later changes of a control are added to earlier ones", () => {
  const found = withChanges(pages, [
    { op: "change_widget", page: "main", widget: "one", changes: { w: 2 } },
    { op: "change_widget", page: "main", widget: "one", changes: { w: 3, label: "Two" } },
  ]);
  expect(found.get("main")?.widgets).toEqual([{ ...widget, w: 3, label: "Two" }]);
});

test("changes of a page that is gone change nothing", () => {
  const found = withChanges(pages, [{ op: "change_page", page: "other", changes: { name: "New" } }]);
  expect([...found]).toEqual([...pages]);
});
