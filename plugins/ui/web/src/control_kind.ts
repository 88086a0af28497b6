// Which control a value gets, from its description or else from its type.

import type { Scale } from "./parts/hand";
import type { ValueRow } from "./protocol";

export type ControlKind = "fader" | "toggle" | "trigger" | "text" | "colour" | "xy" | "menu" | "none";

const NUMBERS = /^[fdih]$/;
const WHOLE = /^[ih]$/;

export function controlKind(row: ValueRow): ControlKind {
  const { types, args, described } = row;
  if (row.cut) return "none";
  if (described?.choices.length && args.length === 1) return "menu";
  if (!args.length || types === "I" || types === "N") return "trigger";
  if (args.length === 1) {
    if (typeof args[0] === "boolean") return "toggle";
    if (NUMBERS.test(types) && typeof args[0] === "number") return "fader";
    if (types === "s" || types === "S") return "text";
    if (types === "r") return "colour";
  }
  if (/^[fd][fd]$/.test(types)) return "xy";
  return "none";
}

/** The range of a number: described, or else what was seen, from 0 to 1 at least. */
export function scaleOf(row: ValueRow, index: number, seen: readonly number[]): Scale {
  const value = row.args[index];
  const whole = WHOLE.test(row.types.charAt(index));
  const { least, most } = row.described ?? { least: null, most: null };
  const known = [...seen.filter((each) => !Number.isNaN(each)), typeof value === "number" ? value : 0];
  const low = Math.min(0, ...known);
  const high = Math.max(1, ...known);
  return {
    least: least ?? (low < 0 ? -round(Math.max(-low, high)) : 0),
    most: most ?? round(high),
    whole: whole && (most ?? high) > 1,
  };
}

/** The next round number: 1, 2, 5, 10, 100, 127 for MIDI, 255. */
function round(value: number): number {
  if (value <= 1) return 1;
  for (const each of [2, 5, 10, 20, 50, 100, 127, 255, 500, 1_000]) if (value <= each) return each;
  return Math.min(10 ** Math.ceil(Math.log10(value)), Number.MAX_VALUE / 2);
}
