import { describe, expect, it } from "vitest";

import { layout, makeGraph, markOf, pathThrough } from "./graph";
import type { BridgePart, EndpointPart, PartState, ReceivedState, RoutePart } from "./protocol";

const received: ReceivedState = {
  packets: 0,
  messages: 0,
  routed: 0,
  unmatched: 0,
  held: 0,
  bad: {},
  lost: {},
  last_unmatched: "",
  silence: null,
};

function bridge(name: string): BridgePart {
  return { kind: "bridge", id: `bridge.${name}`, name, address: "udp://:9000", mode: "asyncio", problem: "", connections: 0, received };
}

function endpoint(name: string, over: Partial<EndpointPart> = {}): EndpointPart {
  return {
    kind: "endpoint",
    id: `endpoint.${name}`,
    name,
    endpoint_type: "osc",
    where: "",
    connected: true,
    problem: "",
    is_sink: true,
    is_bridge: false,
    policy: "drop_oldest",
    queued: 0,
    in_flight: 0,
    queue_size: 100,
    sent: 0,
    standby: 0,
    lost: {},
    clients: null,
    refused: 0,
    delay: null,
    received,
    ...over,
  };
}

function route(name: string, sources: string[], to: string[]): RoutePart {
  return {
    kind: "route",
    id: `route.${name}`,
    number: 1,
    name,
    match: "*",
    sources,
    to,
    taken: 0,
    passed: 0,
    filtered: {},
    failed: {},
    held: 0,
    enabled: true,
    muted: false,
    failing: false,
    last_error: "",
  };
}

const SHOW: PartState[] = [
  bridge("stage"),
  endpoint("desk"),
  endpoint("web"),
  route("faders", ["stage"], ["desk"]),
  route("back", ["desk"], ["web"]),
];

describe("the diagram", () => {
  it("shows an endpoint that is read from as a source too", () => {
    const graph = makeGraph(SHOW, []);
    expect(graph.columns.map((each) => each.map((node) => node.key))).toEqual([
      ["source stage", "source desk"],
      ["route.faders", "route.back"],
      ["sink desk", "sink web"],
    ]);
    expect(graph.edges).toHaveLength(4);
  });

  it("connects default routes without a box", () => {
    const graph = makeGraph([bridge("osc"), endpoint("web")], [["osc", "web"]]);
    expect(graph.edges).toEqual([{ from: "source osc", to: "sink web", rate: "source osc", kind: "direct" }]);
    expect(layout(graph, 900, 16).heads[1]).toBeNaN();
  });

  it("leaves out edges to parts that are not there", () => {
    expect(makeGraph([bridge("osc"), route("a", ["gone"], ["web"])], [["osc", "web"]]).edges).toEqual([]);
  });

  it("finds the path through a part, both ways", () => {
    const graph = makeGraph(SHOW, []);
    expect([...pathThrough(graph, "route.faders")].sort()).toEqual(["route.faders", "sink desk", "source stage"]);
  });

  it.each([320, 700, 2_400])("fits into %d px, with 60 parts", (width) => {
    const many = Array.from({ length: 60 }, (_, i) => endpoint(`e${i}`, { received: { ...received, messages: 1 } }));
    const routes = many.map((each, i) => route(`r${i}`, [each.name], [each.name]));
    const graph = makeGraph([...many, ...routes], []);
    const { boxes, height } = layout(graph, width, 16);
    for (const box of boxes.values()) {
      expect(box.x).toBeGreaterThanOrEqual(0);
      expect(box.x + box.width).toBeLessThanOrEqual(width);
      expect(box.y + box.height).toBeLessThanOrEqual(height + 1);
    }
    const columns = graph.columns.map((column) => column.map((node) => boxes.get(node.key)!));
    for (const column of columns) {
      column.slice(1).forEach((box, i) => expect(box.y).toBeGreaterThanOrEqual(column[i]!.y + column[i]!.height));
    }
    columns[0]!.forEach((box, i) => expect(box.x + box.width).toBeLessThan(columns[1]![i]!.x));
  });
});

describe("the mark of a part", () => {
  it("is that of its problem", () => {
    expect(markOf(endpoint("a", { connected: false }), 0, "bad")).toBe("bad");
    expect(markOf(endpoint("a", { connected: false }), 0, undefined)).toBe("warn");
  });
  it("shows whether messages pass", () => {
    expect(markOf(endpoint("a"), 3, undefined)).toBe("live");
    expect(markOf(endpoint("a"), 0, undefined)).toBe("idle");
  });
  it("shows a muted route as muted, whatever else", () => {
    expect(markOf({ ...route("a", [], []), muted: true }, 3, "bad")).toBe("mute");
  });
});
