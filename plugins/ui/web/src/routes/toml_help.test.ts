import { describe, expect, it } from "vitest";

import { headerAt, helpOf, keysOf, tableSchema, valuesOf, type SchemaDocument } from "./toml_help";

const DOCUMENT: SchemaDocument = {
  properties: {
    route: { type: "array", items: { $ref: "#/$defs/RouteOptions" } },
    bridge: { patternProperties: { "^x$": { $ref: "#/$defs/BridgeOptions" } } },
    run: { $ref: "#/$defs/RunOptions" },
  },
  definitions: {
    RouteOptions: { properties: { from: { type: "string" }, on_change: { type: "boolean", default: false }, midi: { $ref: "#/$defs/Midi" } } },
    BridgeOptions: { properties: { mode: { enum: ["asyncio", "forking"], description: "Who runs the handlers." } } },
    RunOptions: { properties: { watch: { type: "boolean" } } },
    Midi: { properties: { channel: { type: "integer" } } },
    "endpoint.osc": { properties: { type: { const: "osc" }, to: { type: "string" } } },
  },
};

const LINES = `
[bridge.stage] # here
mode = ""

[[route]]
from = "stage"

[route.midi]
channel = 1

[endpoint.desk]
type = "osc"
to = ""

[run]
[endpoint.new]
`.split("\n");

const keysAt = (line: number) => Object.keys(tableSchema(DOCUMENT, LINES, line)?.properties ?? {});

describe("tableSchema", () => {
  it("finds the table of each line", () => {
    expect(keysAt(0)).toEqual(["route", "bridge", "run"]);
    expect(keysAt(2)).toEqual(["mode"]);
    expect(keysAt(5)).toEqual(["from", "on_change", "midi"]);
    expect(keysAt(8)).toEqual(["channel"]);
    expect(keysAt(11)).toEqual(["type", "to"]);
    expect(keysAt(14)).toEqual(["watch"]);
  });

  it("offers the types of an endpoint without one", () => {
    const schema = tableSchema(DOCUMENT, LINES, 15);
    expect(valuesOf(schema?.properties?.["type"], DOCUMENT.definitions)).toEqual(['"osc"']);
  });

  it("knows nothing of an unknown table", () => {
    expect(tableSchema(DOCUMENT, ["[constructor.x]", ""], 1)).toBeUndefined();
  });
});

describe("help", () => {
  it("has the header of a line", () => {
    expect(headerAt(LINES, 2)).toEqual(["bridge", "stage"]);
  });

  it("names values and defaults", () => {
    const { definitions } = DOCUMENT;
    expect(valuesOf({ type: "boolean" }, definitions)).toEqual(["true", "false"]);
    expect(helpOf("mode", definitions["BridgeOptions"]!.properties!["mode"]!, definitions)).toEqual({
      key: "mode",
      text: "Who runs the handlers.",
      detail: '"asyncio" | "forking"',
    });
    expect(keysOf(definitions["RouteOptions"], definitions).map((each) => each.detail)).toEqual(["string", "default false", ""]);
  });
});
