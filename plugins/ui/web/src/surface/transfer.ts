// The surface as a file: exported, and imported as further pages.

import type { SurfaceEdit, SurfacePage, Widget } from "../protocol";
import { newId } from "./pinning";
import { edit, freeName, pageOrder, pages, revision } from "./surface_store";

const FORMAT = "oscbridge surface";
const MAX_FILE = 4_000_000; // characters
const MAX_PAGES = 32;

/** Saves all pages in a file. */
export function exportSurface(): void {
  const all = pageOrder.value.flatMap((id) => pages.value.get(id) ?? []);
  const text = JSON.stringify({ format: FORMAT, version: 1, revision: revision.value, pages: all }, null, 1);
  const url = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = "oscbridge.surface.json";
  link.click();
  window.setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** The pages of a file. What they have is checked by the bridge. Throws with the reason. */
export function readSurface(text: string): SurfacePage[] {
  if (text.length > MAX_FILE) throw new Error("This file is too large for a surface.");
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch {
    throw new Error("This file is not JSON.");
  }
  const { format, version, pages: list } = (found ?? {}) as Record<string, unknown>;
  if (format !== FORMAT || !Array.isArray(list)) throw new Error("This file is not a surface of oscbridge.");
  if (version !== 1) throw new Error(`Version ${String(version)} of the format; expected 1.`);
  if (list.length > MAX_PAGES) throw new Error(`${list.length} pages; at most ${MAX_PAGES}.`);
  if (!list.every((each) => each && typeof each === "object" && Array.isArray((each as SurfacePage).widgets))) {
    throw new Error("A page in this file is not valid.");
  }
  return list as SurfacePage[];
}

/** Adds the pages of a file to those that are there. Nothing stays of one that is not valid. */
export async function importSurface(text: string): Promise<string> {
  const added: string[] = [];
  try {
    for (const page of readSurface(text)) {
      const id = newId();
      const { widgets, ...rest } = page;
      const name = freeName(String(rest.name));
      await edit({ op: "add_page", page: { ...rest, id, name, locked: false, widgets: [] } });
      added.push(id);
      const puts = widgets.map((each): SurfaceEdit => {
        const widget: Widget = { ...each, id: newId() };
        return { op: "add_widget", page: id, widget };
      });
      await edit(...puts);
      if (page.locked === true) await edit({ op: "change_page", page: id, changes: { locked: true } });
    }
  } catch (error) {
    for (const id of added) {
      await edit({ op: "change_page", page: id, changes: { locked: false } }, { op: "remove_page", page: id });
    }
    throw error;
  }
  return added[0] ?? "";
}
