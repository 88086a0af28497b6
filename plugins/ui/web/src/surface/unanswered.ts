// Changes of this browser, shown before the bridge has answered.

import type { SurfaceEdit, SurfacePage } from "../protocol";

type Change = Extract<SurfaceEdit, { op: "change_widget" | "change_page" }>;

export function isChange(edit: SurfaceEdit): edit is Change {
  return edit.op === "change_widget" || edit.op === "change_page";
}

/** The pages with these changes. Pages without any stay the same objects. */
export function withChanges(
  pages: ReadonlyMap<string, SurfacePage>,
  edits: readonly SurfaceEdit[],
): ReadonlyMap<string, SurfacePage> {
  if (!edits.length) return pages;
  const found = new Map(pages);
  for (const edit of edits) {
    const page = isChange(edit) ? found.get(edit.page) : undefined;
    if (!page || !isChange(edit)) continue;
    found.set(page.id, edit.op === "change_page" ? changedPage(page, edit) : changedWidget(page, edit));
  }
  return found;
}

function changedPage(page: SurfacePage, edit: Extract<Change, { op: "change_page" }>): SurfacePage {
  const changes = { ...edit.changes };
  delete changes.position; // where it is among the others is not part of a page
  return { ...page, ...changes };
}

function changedWidget(page: SurfacePage, edit: Extract<Change, { op: "change_widget" }>): SurfacePage {
  const widgets = page.widgets.map((each) => (each.id === edit.widget ? { ...each, ...edit.changes } : each));
  return { ...page, widgets };
}
