import { describe, expect, it } from "vitest";

import { firstValue, fits, kindOf, orderedKeys, resolved, type Schema } from "./schema";

const DEFS = { Kind: { enum: ["a", "b"] }, Table: { type: "object", properties: { x: { type: "integer" } } } } as const;

describe("the kind of a field", () => {
  const cases: [Schema, string][] = [
    [{ type: "boolean" }, "switch"],
    [{ $ref: "#/$defs/Kind" }, "choice"],
    [{ const: "osc" }, "choice"],
    [{ type: "integer" }, "number"],
    [{ type: "string" }, "text"],
    [{ type: "array", prefixItems: [{ type: "number" }, { type: "number" }], minItems: 2, maxItems: 2 }, "row"],
    [{ type: "array", items: { type: "string" } }, "list"],
    [{ anyOf: [{ type: "string" }, { type: "array", items: { type: "string" } }] }, "list"],
    [{ anyOf: [{ type: "number" }, { type: "string" }] }, "text"],
    [{ anyOf: [{ type: "boolean" }, { type: "string" }] }, "either"],
    [{ $ref: "#/$defs/Table" }, "table"],
    [{ type: "object", additionalProperties: { type: "string" } }, "map"],
    [{ $ref: "#/$defs/constructor" }, "unknown"],
    [{}, "unknown"],
  ];
  it.each(cases)("of %j is %s", (schema, kind) => {
    expect(kindOf(schema, DEFS).kind).toBe(kind);
  });

  it("keeps the keywords beside a reference", () => {
    expect(resolved({ $ref: "#/$defs/Kind", default: "b" }, DEFS)).toEqual({ enum: ["a", "b"], default: "b" });
  });

  it("ends with references that go round", () => {
    expect(kindOf({ $ref: "#/$defs/A" }, { A: { $ref: "#/$defs/A" } }).kind).toBe("unknown");
  });
});

describe("a value", () => {
  it("fits one of several kinds", () => {
    const either: Schema = { anyOf: [{ type: "boolean" }, { type: "string" }] };
    expect(fits(true, either, {})).toBe(true);
    expect(fits("Stage", either, {})).toBe(true);
    expect(fits([], either, {})).toBe(false);
  });

  it("begins within its limits", () => {
    expect(firstValue({ type: "integer", minimum: 5 }, {})).toBe(5);
    expect(firstValue({ type: "integer", default: 30 }, {})).toBe(30);
  });
});

describe("the keys of a form", () => {
  it("begin with the wanted, the required and the written ones", () => {
    const schema: Schema = { properties: { a: {}, b: {}, c: {}, d: {}, e: {} }, required: ["d"] };
    expect(orderedKeys(schema, ["b", "other"], ["c"])).toEqual({ shown: ["c", "b", "d", "other"], more: ["a", "e"] });
  });
});
