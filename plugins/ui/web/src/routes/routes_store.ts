// What the view Routes knows: the last messages of routes, which one is open, and what was saved.

import { signal } from "@preact/signals";

import { configuration } from "../editing/client";
import { cut } from "../format";
import { decodeTable, isList, type FormTable, type JsonValue } from "../forms/values";
import type { EditWanted, LastMessages, RoutePart, SavedState } from "../protocol";
import { connection, listen, order, parts } from "../store";

/** The last messages of routes, by id. */
export const lastMessages = signal<ReadonlyMap<string, LastMessages>>(new Map());

/** What the panel beside the table shows. */
export type Open =
  | { kind: "form"; index: number | null; table: FormTable }
  | { kind: "edit"; title: string; index: number; table: FormTable; edit: (index: number) => EditWanted; summary: string }
  | { kind: "text" }
  | null;

export const open = signal<Open>(null);
/** Increases with each reload of the bridge. */
export const reloads = signal(0);
export const saved = signal<SavedState | null>(null);

export function watchRoutes(): () => void {
  listen("routes", (message) => {
    const known = new Map(message.full ? [] : lastMessages.value);
    for (const each of message.routes) known.set(each.id, each);
    lastMessages.value = known;
    reloads.value = message.configuration;
  });
  connection.watch(() => ({ type: "watch_routes" }));
  return () => connection.unwatch("routes");
}

/** A route of the running bridge, and its table in the file, if that is known. */
export interface RouteRow {
  part: RoutePart;
  index: number;
  table: FormTable | null;
}

/** The tables of the routes in the files, in order. */
export function routeTables(): readonly FormTable[] {
  const tables = configuration.value?.tables["route"];
  return Array.isArray(tables) ? (tables as readonly JsonValue[]).map(decodeTable) : [];
}

export function routeRows(): readonly RouteRow[] {
  const tables = routeTables();
  const rows: RouteRow[] = [];
  for (const id of order.value) {
    const part = parts.get(id)?.state;
    if (part?.kind !== "route") continue;
    const index = part.number - 1;
    rows.push({ part, index, table: tables[index] ?? null });
  }
  return rows;
}

/** Whether the file has other routes than those that run: it was changed and not reloaded. */
export function isBehind(): boolean {
  const tables = routeTables();
  const rows = routeRows();
  if (!configuration.value) return false;
  if (tables.length !== rows.length) return true;
  return rows.some(({ part, table }) => (table?.["name"] ?? "") !== part.name);
}

export function titleOf(part: RoutePart): string {
  return part.name || `Route ${part.number}`;
}

/** A name that no other route has. */
export function freeRouteName(wanted: string): string {
  const taken = new Set(routeTables().map((each) => each["name"]));
  for (let number = 2; ; number++) {
    const name = `${cut(wanted, 50)}-${number}`;
    if (!taken.has(name)) return name;
  }
}

/** The index of a route that was opened before the files may have changed; null if it is gone. */
export function indexOf(table: FormTable, index: number): number | null {
  const tables = routeTables();
  const name = table["name"];
  const same = (each: FormTable | undefined) =>
    each !== undefined && (name ? each["name"] === name : JSON.stringify(each) === JSON.stringify(table));
  if (same(tables[index])) return index;
  const found = tables.findIndex(same);
  return found < 0 ? null : found;
}

/** A message without its type tags, and with as many digits as can be read. */
export function short(text: string): string {
  return text.replace(/^(\S+) ,\S* ?/, "$1 ").replace(/(?<= )-?\d+\.\d{7,}(?= |$)/g, (each) => String(Number(Number(each).toPrecision(6))));
}

/** Names of bridges, and of endpoints of which this may be read or sent to. */
export function partNames(side: "from" | "to"): readonly string[] {
  const found: string[] = [];
  for (const { state } of parts.values()) {
    if (state.kind === "bridge") found.push(state.name);
    else if (state.kind === "endpoint" && !state.is_bridge && (side === "from" || state.is_sink)) found.push(state.name);
    else if (state.kind === "endpoint" && state.is_bridge && side === "to" && !found.includes(state.name)) found.push(state.name);
  }
  return side === "to" ? found.filter((name) => parts.has(`endpoint.${name}`)) : [...new Set(found)];
}

/** The names under a key that takes a name or a list of names. */
export function namesOf(table: FormTable, key: string): readonly string[] {
  const value = table[key];
  if (typeof value === "string") return [value];
  return isList(value) ? value.filter((each): each is string => typeof each === "string") : [];
}

export function changed(name: string, isNew: boolean): string {
  return `route ${name || "without a name"} ${isNew ? "added" : "changed"}`;
}
