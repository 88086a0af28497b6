// The control that was removed last: it can be put back for a while, from every page.

import { computed, signal } from "@preact/signals";

import type { SurfacePage, Widget } from "../protocol";
import { choosePage, edit, pages, tryEdit } from "./surface_store";

const UNDO = 20_000; // ms for which it can be put back

const last = signal<{ widget: Widget; page: string } | null>(null);
let timer = 0;

/** What can be put back, and its page. */
export const removed = computed(() => {
  const page = pages.value.get(last.value?.page ?? "");
  return last.value && page && !page.locked ? { widget: last.value.widget, page } : null;
});

function keep(found: typeof last.value): void {
  window.clearTimeout(timer);
  last.value = found;
  if (found) timer = window.setTimeout(() => (last.value = null), UNDO);
}

export function removeWidget(page: SurfacePage, widget: Widget): void {
  const found = { widget, page: page.id };
  keep(found);
  edit({ op: "remove_widget", page: page.id, widget: widget.id }).catch(() => {
    if (last.value === found) keep(null);
  });
}

/** Puts it back, and shows its page. */
export function putBack(): void {
  const found = removed.value;
  if (!found) return;
  keep(null);
  choosePage(found.page.id);
  tryEdit({ op: "add_widget", page: found.page.id, widget: found.widget });
}
