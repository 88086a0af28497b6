// What a field of a form is, from the JSON Schema of its option.

import { isList, isTable, WholeFloat, type FormValue } from "./values";

/** The keywords that the schema of a configuration has. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly description?: string;
  readonly default?: FormValue;
  readonly const?: FormValue;
  readonly enum?: readonly FormValue[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly patternProperties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: boolean | Schema;
  readonly required?: readonly string[];
  readonly items?: Schema | boolean;
  readonly prefixItems?: readonly Schema[];
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly "x-secret"?: boolean;
  /** Only the file may change it. */
  readonly readOnly?: boolean;
}

export type Definitions = Readonly<Record<string, Schema>>;

/** What a field shows. */
export type FieldKind =
  | { kind: "switch" }
  | { kind: "choice"; choices: readonly FormValue[] }
  | { kind: "number"; whole: boolean }
  | { kind: "text"; numbers: boolean }
  | { kind: "row"; items: readonly Schema[] }
  | { kind: "list"; item: Schema; single: boolean }
  | { kind: "table"; schema: Schema }
  | { kind: "map"; item: Schema }
  | { kind: "either"; options: readonly Schema[] }
  | { kind: "unknown" };

const MAX_DEPTH = 8; // references that follow each other

const REFERENCE = "#/$defs/";

/** The schema that a reference means, with the keywords beside it. */
export function resolved(schema: Schema, definitions: Definitions): Schema {
  let found = schema;
  for (let depth = 0; found.$ref?.startsWith(REFERENCE) && depth < MAX_DEPTH; depth++) {
    const { $ref, ...beside } = found;
    const name = $ref.slice(REFERENCE.length);
    // A name from the network must not find what every object has.
    if (!Object.hasOwn(definitions, name)) return beside;
    found = { ...definitions[name], ...beside };
  }
  return found;
}

export function kindOf(given: Schema, definitions: Definitions): FieldKind {
  const schema = resolved(given, definitions);
  if (schema.const !== undefined) return { kind: "choice", choices: [schema.const] };
  if (schema.enum) return { kind: "choice", choices: schema.enum };
  const options = schema.anyOf ?? schema.oneOf;
  if (options && !schema.type) return kindOfUnion(options, definitions);
  switch (schema.type) {
    case "boolean":
      return { kind: "switch" };
    case "integer":
    case "number":
      return { kind: "number", whole: schema.type === "integer" };
    case "string":
      return { kind: "text", numbers: false };
    case "array":
      return kindOfArray(schema);
    case "object":
      return kindOfObject(schema);
  }
  return { kind: "unknown" };
}

function kindOfArray(schema: Schema): FieldKind {
  if (schema.prefixItems && schema.maxItems === schema.prefixItems.length) return { kind: "row", items: schema.prefixItems };
  const item = typeof schema.items === "object" ? schema.items : {};
  return { kind: "list", item, single: false };
}

function kindOfObject(schema: Schema): FieldKind {
  if (schema.properties) return { kind: "table", schema };
  const items = [...Object.values(schema.patternProperties ?? {})];
  if (typeof schema.additionalProperties === "object") items.push(schema.additionalProperties);
  return items[0] ? { kind: "map", item: items[0] } : { kind: "unknown" };
}

function kindOfUnion(options: readonly Schema[], definitions: Definitions): FieldKind {
  const kinds = options.map((each) => kindOf(each, definitions));
  const names = kinds.map((each) => each.kind);
  if (kinds.length === 1) return kinds[0] ?? { kind: "unknown" };
  // One value, or a list of such values: `to = "web"` or `to = ["web", "desk"]`.
  const list = kinds.find((each) => each.kind === "list");
  if (kinds.length === 2 && list?.kind === "list" && !names.some((each) => each === "table" || each === "map")) {
    return { ...list, single: true };
  }
  // A number, or a text: both are typed.
  if (names.every((each) => each === "number" || each === "text")) {
    return names.includes("text") ? { kind: "text", numbers: names.includes("number") } : { kind: "number", whole: false };
  }
  if (kinds.every((each) => each.kind === "choice")) {
    return { kind: "choice", choices: kinds.flatMap((each) => (each.kind === "choice" ? each.choices : [])) };
  }
  return { kind: "either", options };
}

/** Whether a value has the kind that a schema says; which of several kinds a value has. */
export function fits(value: FormValue | undefined, given: Schema, definitions: Definitions): boolean {
  const found = kindOf(given, definitions);
  switch (found.kind) {
    case "switch":
      return typeof value === "boolean";
    case "choice":
      return found.choices.some((each) => each === value);
    case "number":
      return typeof value === "number" || value instanceof WholeFloat;
    case "text":
      return typeof value === "string" || (found.numbers && (typeof value === "number" || value instanceof WholeFloat));
    case "row":
    case "list":
      return isList(value) || (found.kind === "list" && found.single && value !== undefined && !isTable(value));
    case "table":
    case "map":
      return isTable(value);
    case "either":
      return found.options.some((each) => fits(value, each, definitions));
    case "unknown":
      return false;
  }
}

/** A value to begin with, where a field gets one that has none. */
export function firstValue(given: Schema, definitions: Definitions): FormValue {
  const schema = resolved(given, definitions);
  if (schema.default !== undefined) return schema.default;
  const found = kindOf(schema, definitions);
  switch (found.kind) {
    case "switch":
      return true;
    case "choice":
      return found.choices[0] ?? "";
    case "number":
      return Math.max(schema.minimum ?? 0, schema.exclusiveMinimum === undefined ? 0 : schema.exclusiveMinimum + 1);
    case "row":
      return found.items.map((each) => firstValue(each, definitions));
    case "list":
      return [];
    case "table":
    case "map":
      return {};
    case "either":
      return found.options[0] ? firstValue(found.options[0], definitions) : "";
    default:
      return "";
  }
}

/** What a kind is called where one of several can be chosen. */
export function kindName(given: Schema, definitions: Definitions): string {
  const found = kindOf(given, definitions);
  switch (found.kind) {
    case "switch":
      return "yes or no";
    case "choice":
      return found.choices.map(String).join(", ");
    case "number":
      return "number";
    case "text":
      return "text";
    case "row":
    case "list":
      return "list";
    case "table":
    case "map":
      return "table";
    default:
      return "value";
  }
}

/** The keys of a table in the order of its form: what is shown at once, and what is not. */
export function orderedKeys(
  schema: Schema,
  written: readonly string[],
  first: readonly string[],
): { shown: readonly string[]; more: readonly string[] } {
  const keys = Object.keys(schema.properties ?? {});
  const unknown = written.filter((each) => !keys.includes(each));
  const required = schema.required ?? [];
  const head = first.filter((each) => keys.includes(each));
  const rest = keys.filter((each) => !head.includes(each));
  const shown = rest.filter((each) => required.includes(each) || written.includes(each));
  return { shown: [...head, ...shown, ...unknown], more: rest.filter((each) => !shown.includes(each)) };
}
