// The pages of the surface, as the bridge has them. Edits go to the bridge, and come back from it.

import { computed, signal } from "@preact/signals";

import type { SurfaceEdit, SurfacePage, SurfaceState, Widget, WidgetChange } from "../protocol";
import { connection, listen, may } from "../store";
import { takeRows } from "../values_store";
import { newId, pageName } from "./pinning";
import { isChange, withChanges } from "./unanswered";

/** The pages as the bridge has them. */
const received = signal<ReadonlyMap<string, SurfacePage>>(new Map());
/** Changes that the bridge has not answered yet: keys and clicks may be faster. */
const unanswered = signal<readonly SurfaceEdit[]>([]);

/** The pages, with the changes of this browser. */
export const pages = computed(() => withChanges(received.value, unanswered.value));
export const pageOrder = signal<readonly string[]>([]);
export const revision = signal(0);
export const isKnown = signal(false);
export const file = signal("");
/** Why the surface is not kept. */
export const keepProblem = signal("");
export const tokenNames = signal<readonly string[]>([]);
export const editError = signal("");

/** The page that was chosen; it may be gone. */
const chosenPage = signal(sessionStorage.getItem("oscbridge page") ?? "");

export const page = computed<SurfacePage | undefined>(() => {
  const order = pageOrder.value;
  return pages.value.get(order.includes(chosenPage.value) ? chosenPage.value : (order[0] ?? ""));
});

export function choosePage(id: string): void {
  chosenPage.value = id;
  sessionStorage.setItem("oscbridge page", id);
}

export const mayEdit = computed(() => may("configure") && file.value !== "");

function take(message: SurfaceState): void {
  takeRows(message.rows, message.time);
  revision.value = message.revision;
  file.value = message.file;
  keepProblem.value = message.problem;
  tokenNames.value = message.token_names;
  isKnown.value = true;
  if (message.order) pageOrder.value = message.order;
  if (message.pages.length || message.order) {
    const all = new Map(received.value);
    for (const each of message.pages) all.set(each.id, each);
    for (const id of all.keys()) if (!pageOrder.value.includes(id)) all.delete(id);
    received.value = all;
  }
}

listen("surface", take);

const SETTLE = 300; // ms after an answer within which the changed page has come, too
const MAX_TEXT = 55_000; // characters of edits in one command

/** Makes edits, all of a command or none. Rejects with the reason; it is shown, too. */
export async function edit(...edits: readonly SurfaceEdit[]): Promise<void> {
  editError.value = "";
  const changes: readonly SurfaceEdit[] = edits.filter(isChange);
  const forget = () => (unanswered.value = unanswered.value.filter((each) => !changes.includes(each)));
  if (changes.length) unanswered.value = [...unanswered.value, ...changes];
  try {
    for (const part of parts(edits)) await connection.command({ type: "edit_surface", edits: part });
    if (changes.length) window.setTimeout(forget, SETTLE);
  } catch (error) {
    forget();
    editError.value = (error as Error).message;
    throw error;
  }
}

/** The edits as JSON, in parts that a command may have. */
function parts(edits: readonly SurfaceEdit[]): string[] {
  const found: string[] = [];
  let now: string[] = [];
  let size = 0;
  for (const each of edits.map((one) => JSON.stringify(one))) {
    if (each.length > MAX_TEXT) throw new Error("This is too large for a surface.");
    if (now.length && (size + each.length > MAX_TEXT || now.length >= 200)) {
      found.push(`[${now.join(",")}]`);
      now = [];
      size = 0;
    }
    now.push(each);
    size += each.length + 1;
  }
  if (now.length) found.push(`[${now.join(",")}]`);
  return found;
}

/** An edit from a control, whose failure is shown by `editError`. */
export function tryEdit(...edits: readonly SurfaceEdit[]): void {
  edit(...edits).catch(() => undefined);
}

export function newPage(name: string): SurfacePage {
  return { id: newId(), name, columns: 12, locked: false, tokens: [], widgets: [] };
}

/** A name that no page has. */
export function freeName(wanted: string): string {
  return pageName(
    wanted,
    [...pages.value.values()].map((each) => each.name),
  );
}

export function change(of: SurfacePage, widget: Widget, changes: WidgetChange): void {
  tryEdit({ op: "change_widget", page: of.id, widget: widget.id, changes });
}

export function watchSurface(): void {
  connection.watch(() => ({ type: "watch_surface", page: page.value?.id ?? "" }));
}
