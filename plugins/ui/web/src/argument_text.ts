// Values as text, by their type tags.

import { figure, visible } from "./format";
import type { ValueRow } from "./protocol";

type Argument = ValueRow["args"][number];

/** The values of a message. */
export function argumentTexts({ types, args }: Pick<ValueRow, "types" | "args">): string[] {
  const isFlat = !types.includes("["); // an array is one value
  return args.map((each, i) => (isFlat ? tagged(types.charAt(i), each) : text(each)));
}

function tagged(tag: string, value: Argument): string {
  if (typeof value === "string") {
    if (tag === "r") return colourText(value);
    if (tag === "m") return midi(value);
    if (tag === "t") return timeTag(value);
  }
  return text(value);
}

/** A colour; that it is transparent is shown only where it is. */
export function colourText(hex: string): string {
  return hex.toUpperCase().replace(/FF$/, "");
}

/** A text on one line, which may come from the network. */
export function line(value: string): string {
  return visible(value.replace(/\s+/g, " "));
}

/** A value without its type. */
export function text(value: Argument): string {
  if (value === null) return "nil";
  return typeof value === "number" ? figure(value) : line(String(value));
}

const NOTES = ["C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B"];

/** A MIDI message in words, from its four bytes. */
export function midi(hex: string): string {
  const [, status = 0, one = 0, two = 0] = (hex.match(/../g) ?? []).map((each) => parseInt(each, 16));
  const channel = (status & 15) + 1;
  const note = `${NOTES[one % 12]}${Math.floor(one / 12) - 1}`;
  switch (status >> 4) {
    case 8:
      return `note off ${note} · ch ${channel}`;
    case 9:
      return `${two ? "note" : "note off"} ${note}${two ? ` · ${two}` : ""} · ch ${channel}`;
    case 11:
      return `control ${one} · ${two} · ch ${channel}`;
    case 12:
      return `program ${one} · ch ${channel}`;
    case 14:
      return `pitch bend ${one + 128 * two - 8192} · ch ${channel}`;
    default:
      return hex.replace(/../g, "$& ").trim();
  }
}

const EPOCH = 2_208_988_800; // seconds from 1900 to 1970

/** The time of an OSC time tag. */
export function timeTag(tag: string): string {
  const whole = Number(BigInt(tag) >> 32n);
  if (whole < EPOCH) return "immediately";
  return new Date((whole - EPOCH) * 1_000).toLocaleTimeString("en-GB");
}
