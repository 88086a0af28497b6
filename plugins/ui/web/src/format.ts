// Figures, times and rates as text.

const MINUS = "\u2212";

const whole = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 0 });

/** A count, with separators: 1,284. */
export function count(value: number): string {
  return whole.format(Math.round(value)).replaceAll("-", MINUS);
}

/** A count that is short: 1,284, 12.8k, 4.1M. */
export function short(value: number): string {
  if (value < 10_000) return count(value);
  if (value < 999_500) return `${trim(value / 1_000)}k`;
  return `${trim(value / 1_000_000)}M`;
}

function trim(value: number): string {
  return value < 100 ? value.toFixed(1).replace(/\.0$/, "") : count(value);
}

/** A rate in messages per second. */
export function rate(value: number): string {
  if (value <= 0) return "quiet";
  return `${rateFigure(value)}/s`;
}

/** The figure of a rate: below 10 with a decimal, if it needs one. */
export function rateFigure(value: number): string {
  if (value <= 0) return "0";
  if (value < 0.1) return "<0.1";
  if (value < 9.95) return value.toFixed(1).replace(/\.0$/, "");
  return short(value);
}

/** A number as a value: 0.482, −0.4, 12. Of a large range, a tiny one is 0.000. */
export function figure(value: number, range = 0): string {
  const text = Number.isInteger(value) && Math.abs(value) < 1e9 ? String(value) : fixed(value, range);
  return text.replaceAll("-", MINUS);
}

const DIGITS = 3;
const SMALL = 0.001;

function fixed(value: number, range: number): string {
  const size = Math.abs(value);
  if (size < SMALL && range < SMALL * 100) return String(Number(value.toPrecision(2)));
  if (size >= 1e7) return value.toExponential(2);
  return value.toFixed(size >= 1_000 ? 1 : size >= 100 ? 2 : DIGITS);
}

const PLAIN = 1e20; // the magnitude up to which numbers are written without an exponent

/** A number that is written without an exponent, as attributes of ARIA need it. */
export function plain(value: number): number {
  return Number(Math.max(-PLAIN, Math.min(PLAIN, value)).toFixed(6));
}

/** A time span: 4 s, 12 min, 3 h 12 min, 5 days. */
export function span(seconds: number): string {
  if (seconds < 1) return "now";
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  const days = Math.floor(hours / 24);
  return days === 1 ? "1 day" : `${days} days`;
}

/** How long ago something was: now, 4 s ago. */
export function ago(seconds: number): string {
  return seconds < 1 ? "now" : `${span(seconds)} ago`;
}

/** A short delay: 0.3 ms, 12 ms, 1.4 s. */
export function delay(seconds: number): string {
  const ms = seconds * 1_000;
  if (ms < 10) return `${ms.toFixed(ms < 1 ? 2 : 1)} ms`;
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  return `${seconds.toFixed(1)} s`;
}

/** The time of day of a Unix time: 20:14:08. */
export function clock(unix: number, withMs = false): string {
  const at = new Date(unix * 1_000);
  const text = [at.getHours(), at.getMinutes(), at.getSeconds()]
    .map((each) => String(each).padStart(2, "0"))
    .join(":");
  return withMs ? `${text}.${String(at.getMilliseconds()).padStart(3, "0")}` : text;
}

/** The time of a Unix time, with its date if it is not today's: 20:14:08, 3 May, 20:14:08. */
export function moment(unix: number, now = Date.now()): string {
  const at = new Date(unix * 1_000);
  if (at.toDateString() === new Date(now).toDateString()) return clock(unix);
  const isThisYear = at.getFullYear() === new Date(now).getFullYear();
  const date = at.toLocaleDateString("en-GB", { day: "numeric", month: "short", ...(!isThisYear && { year: "numeric" }) });
  return `${date}, ${clock(unix)}`;
}

/** The noun with its number: 1 route, 3 routes. */
export function several(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

// Controls, line separators, and marks that change the direction of what follows.
const HIDDEN = /[\p{Cc}\u2028-\u202e\u2066-\u2069]/gu;

/** A text for a file, which may come from the network: a line stays a line, and shows all it has. */
export function visible(text: string): string {
  return text.replace(HIDDEN, (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** The first characters of a text. The bridge counts them so, and refuses halves of them. */
export function cut(text: string, most: number): string {
  return text.length <= most ? text : Array.from(text).slice(0, most).join("");
}

/** Text that begins with a capital letter. */
export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
