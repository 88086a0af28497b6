// Values of a configuration as a form changes them: those of TOML, where 1.0 is not 1.

/** A float without a fraction: JavaScript has only one kind of number. */
export class WholeFloat {
  constructor(readonly value: number) {}
}

export type FormScalar = string | boolean | number | WholeFloat;
export type FormValue = FormScalar | readonly FormValue[] | FormTable;
export interface FormTable {
  readonly [key: string]: FormValue;
}
export type FormPath = readonly (string | number)[];

/** As JSON carries them. */
export type JsonValue = string | boolean | number | null | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/** The key of a value that is written as TOML text. */
const TOML = "$toml";

export function isTable(value: FormValue | undefined): value is FormTable {
  return typeof value === "object" && !Array.isArray(value) && !(value instanceof WholeFloat);
}

export function isList(value: FormValue | undefined): value is readonly FormValue[] {
  return Array.isArray(value);
}

/** A value from the bridge. */
export function decodeValue(json: JsonValue): FormValue {
  if (json === null) return "";
  if (typeof json !== "object") return json;
  if (Array.isArray(json)) return (json as readonly JsonValue[]).map(decodeValue);
  const table = json as Readonly<Record<string, JsonValue>>;
  const text = table[TOML];
  if (typeof text === "string") {
    const number = parseNumber(text);
    return typeof number === "string" ? text : number;
  }
  return Object.fromEntries(Object.entries(table).map(([key, each]) => [key, decodeValue(each)]));
}

export function decodeTable(json: JsonValue): FormTable {
  const value = decodeValue(json);
  return isTable(value) ? value : {};
}

/** A value for the bridge. */
export function encodeValue(value: FormValue): JsonValue {
  if (value instanceof WholeFloat) return { [TOML]: textOf(value) };
  if (isList(value)) return value.map(encodeValue);
  if (isTable(value)) return encodeTable(value);
  return value as string | boolean | number;
}

export function encodeTable(table: FormTable): Readonly<Record<string, JsonValue>> {
  return Object.fromEntries(Object.entries(table).map(([key, each]) => [key, encodeValue(each)]));
}

/** The table with another value; without it where `value` is undefined. */
export function withKey(table: FormTable, key: string, value: FormValue | undefined): FormTable {
  if (value !== undefined) return { ...table, [key]: value };
  return Object.fromEntries(Object.entries(table).filter(([each]) => each !== key));
}

const NUMBER = /^[+-]?(\d[\d_]*)(\.\d+)?(e[+-]?\d+)?$/i;

/** A number as it is typed; the text itself where it is none, so that nothing that is typed is lost. */
export function parseNumber(text: string): number | WholeFloat | string {
  const plain = text.trim().replaceAll("\u2212", "-");
  if (!NUMBER.test(plain)) return text;
  const value = Number(plain.replaceAll("_", ""));
  if (!Number.isFinite(value)) return text;
  return Number.isInteger(value) && /[.e]/i.test(plain) ? new WholeFloat(value) : value;
}

/** A value as it is typed in a field of one line. */
export function textOf(value: FormValue | undefined): string {
  if (value === undefined) return "";
  if (value instanceof WholeFloat) return Math.abs(value.value) < 1e16 ? value.value.toFixed(1) : String(value.value);
  if (typeof value === "string") return value;
  if (isList(value)) return value.map(textOf).join(", ");
  if (isTable(value)) {
    return `{ ${Object.entries(value)
      .map(([key, each]) => `${key} = ${textOf(each)}`)
      .join(", ")} }`;
  }
  return String(value);
}
