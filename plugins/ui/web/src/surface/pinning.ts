// A control for the surface, made from a value.

import { controlKind, scaleOf, type ControlKind } from "../control_kind";
import { cut } from "../format";
import type { ValueRow, Widget } from "../protocol";
import type { Target } from "../sending";
import { freePlace, type Place } from "./placing";

type Kind = Widget["kind"];

/** One value of a message. */
export type Scalar = Widget["args"][number];

/** The cells of a new control. */
export const SIZES: Readonly<Record<Kind, readonly [number, number]>> = {
  fader: [1, 6],
  meter: [1, 6],
  button: [2, 2],
  xy: [3, 6],
  menu: [2, 2],
  colour: [2, 2],
  text: [3, 2],
  label: [3, 1],
};

const KINDS: Readonly<Record<ControlKind, Kind>> = {
  fader: "fader",
  toggle: "button",
  trigger: "button",
  text: "text",
  colour: "colour",
  xy: "xy",
  menu: "menu",
  none: "text",
};

const IDS = "abcdefghijklmnopqrstuvwxyz0123456789";

/** An id that no other browser makes. */
export function newId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (each) => IDS[each % IDS.length]).join("");
}

const MAX_PAGE_NAME = 40; // characters

/** A name for a page that no other one has. */
export function pageName(wanted: string, taken: readonly string[]): string {
  const names = new Set(taken);
  let name = cut(wanted, MAX_PAGE_NAME);
  for (let i = 2; names.has(name); i++) name = `${cut(wanted, MAX_PAGE_NAME - ` ${i}`.length)} ${i}`;
  return name;
}

/** The words of an address that tell it from others: "ch 3 level" of /ch/3/level. */
export function labelOf(address: string): string {
  const parts = address.split("/").filter(Boolean);
  const leaf = parts.at(-1) ?? address;
  const numbered = parts.slice(0, -1).findLastIndex((each) => /\d/.test(each));
  if (/\d/.test(leaf) || numbered < 0) return cut(leaf, 64);
  const number = parts[numbered]!;
  const before = /^\d+$/.test(number) && numbered > 0 ? `${parts[numbered - 1]!} ` : "";
  return cut(`${before}${number} ${leaf}`, 64);
}

/** Whether the surface takes an address. */
export function isPinnable(address: string): boolean {
  return address.startsWith("/") && ![...address].some((each) => each <= " ");
}

export function empty(kind: Kind, place: Place): Widget {
  return {
    id: newId(),
    kind,
    label: "",
    address: "",
    types: "",
    target: "",
    received: false,
    ...place,
    colour: "",
    unit: "",
    least: 0,
    most: 1,
    choices: [],
    mode: "toggle",
    confirm: false,
    on: true,
    off: false,
    args: [],
  };
}

/** A control for a value, on a free place of a page. */
export function pinned(
  row: ValueRow,
  seen: readonly number[],
  target: Target | undefined,
  taken: readonly Place[],
  columns: number,
): Widget {
  const control = controlKind(row);
  const kind = target ? KINDS[control] : control === "fader" ? "meter" : "text";
  const [w, h] = SIZES[kind];
  const scale = scaleOf(row, 0, seen);
  const values = row.args.slice(0, 16);
  return {
    ...empty(kind, freePlace(taken, columns, w, h)),
    label: labelOf(row.address),
    address: row.address,
    types: row.types.replace(/[[\]]/g, "").slice(0, 16),
    target: target?.name ?? "",
    received: target?.received ?? false,
    unit: cut(row.described?.unit ?? "", 16),
    least: scale.least,
    most: scale.most,
    choices: (row.described?.choices ?? []).slice(0, 64),
    mode: control === "trigger" ? "trigger" : "toggle",
    args: control === "trigger" ? values : [],
  };
}

/** What a button sends with the type tags of its value. */
export function pressed(widget: Widget, isOn: boolean): { types: string; args: Widget["args"] } {
  if (widget.mode === "trigger") return { types: widget.types, args: widget.args };
  const value = isOn ? widget.on : widget.off;
  if (typeof value === "boolean") return { types: value ? "T" : "F", args: [value] };
  if (value === null) return { types: "N", args: [null] };
  if (typeof value === "string") return { types: "s", args: [value] };
  const tag = widget.types.charAt(0);
  return { types: /[ihfd]/.test(tag) ? tag : Number.isInteger(value) ? "i" : "f", args: [value] };
}

/** Whether a value means that a button is on. */
export function isOn(widget: Widget, value: Scalar | undefined): boolean {
  if (typeof value === "number" && typeof widget.on === "number" && typeof widget.off === "number") {
    return Math.abs(value - widget.on) < Math.abs(value - widget.off);
  }
  return value !== undefined && value === widget.on;
}
