// What may be written where in a configuration, from its JSON Schema: for completion and help.

import { resolved, type Definitions, type Schema } from "../forms/schema";

export interface SchemaDocument {
  readonly properties: Readonly<Record<string, Schema>>;
  readonly definitions: Definitions;
}

export interface KeyHelp {
  key: string;
  text: string;
  /** The default or the allowed values, as they are written. */
  detail: string;
}

/** A header such as `[endpoint.desk]`, as its steps; empty before the first one. */
export function headerAt(lines: readonly string[], line: number): readonly string[] {
  for (let index = Math.min(line, lines.length - 1); index >= 0; index--) {
    const found = /^\s*\[\[?\s*([^\]]+?)\s*\]\]?\s*(#.*)?$/.exec(lines[index] ?? "");
    if (found) return found[1]!.split(".").map((each) => each.trim().replace(/^["']|["']$/g, ""));
  }
  return [];
}

/** The type of an endpoint, as the lines around its header have it. */
function typeAt(lines: readonly string[], line: number): string {
  let start = Math.min(line, lines.length - 1);
  while (start > 0 && !/^\s*\[/.test(lines[start] ?? "")) start--;
  for (let index = start + 1; index < lines.length && !/^\s*\[/.test(lines[index] ?? ""); index++) {
    const found = /^\s*type\s*=\s*["']([^"']+)["']/.exec(lines[index] ?? "");
    if (found) return found[1]!;
  }
  return "";
}

/** The schema of the table at a line; undefined where nothing is known of it. */
export function tableSchema(document: SchemaDocument, lines: readonly string[], line: number): Schema | undefined {
  const { definitions, properties } = document;
  const header = headerAt(lines, line);
  const [kind, , ...rest] = header;
  if (kind === undefined) return { properties };
  let found: Schema | undefined;
  let steps = header.slice(1);
  if (kind === "endpoint") {
    found = definitions[`endpoint.${typeAt(lines, line)}`];
    if (!found) return { properties: { type: { enum: endpointTypes(definitions) } as Schema } };
    steps = rest;
  } else if (kind === "bridge") {
    const tables = properties["bridge"];
    found = Object.values(tables?.patternProperties ?? {})[0];
    steps = rest;
  } else {
    const section = properties[kind] && resolved(properties[kind], definitions);
    found = typeof section?.items === "object" ? section.items : section;
  }
  for (const step of ["", ...steps]) {
    if (step) found = found?.properties?.[step];
    found = found && resolved(found, definitions);
  }
  return found;
}

export function endpointTypes(definitions: Definitions): string[] {
  return Object.keys(definitions)
    .filter((name) => name.startsWith("endpoint."))
    .map((name) => name.slice("endpoint.".length));
}

/** The keys of a table. */
export function keysOf(schema: Schema | undefined, definitions: Definitions): KeyHelp[] {
  return Object.entries(schema?.properties ?? {}).map(([key, each]) => helpOf(key, each, definitions));
}

export function helpOf(key: string, schema: Schema, definitions: Definitions): KeyHelp {
  const inner = resolved(schema, definitions);
  const values = valuesOf(inner, definitions);
  const detail =
    schema.default !== undefined ? `default ${JSON.stringify(schema.default)}` : values.length ? values.join(" | ") : String(inner.type ?? "");
  return { key, text: (schema.description ?? inner.description ?? "").replaceAll("`", ""), detail };
}

/** The values that a key may have, as they are written. */
export function valuesOf(schema: Schema | undefined, definitions: Definitions): string[] {
  if (!schema) return [];
  const found = resolved(schema, definitions);
  if (found.enum) return found.enum.map((each) => JSON.stringify(each));
  if (found.const !== undefined) return [JSON.stringify(found.const)];
  if (found.type === "boolean") return ["true", "false"];
  return (found.anyOf ?? []).flatMap((each) => valuesOf(each, definitions));
}
