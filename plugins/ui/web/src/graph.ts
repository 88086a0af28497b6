// The diagram: which parts there are, how they are connected, and where each is drawn.

import type { PartState, Problem } from "./protocol";
import type { Mark } from "./icons";

export type Column = 0 | 1 | 2; // sources, routes, sinks

export interface GraphNode {
  /** The id of the part; one that is source and sink is drawn twice. */
  key: string;
  part: string;
  column: Column;
}

export interface GraphEdge {
  from: string;
  to: string;
  /** The key of the node whose rate it has. */
  rate: string;
  /** The direction of the route that it belongs to: into it, out of it, or past all routes. */
  kind: "in" | "out" | "direct";
}

export interface Graph {
  columns: [GraphNode[], GraphNode[], GraphNode[]];
  edges: GraphEdge[];
}

export const sourceKey = (name: string) => `source ${name}`;
export const sinkKey = (name: string) => `sink ${name}`;

/** The diagram of these parts, in the order of the configuration. */
export function makeGraph(states: readonly PartState[], links: readonly (readonly string[])[]): Graph {
  const columns: Graph["columns"] = [[], [], []];
  const edges: GraphEdge[] = [];
  const reads = new Set(links.map(([source]) => source));
  for (const each of states) if (each.kind === "route") each.sources.forEach((name) => reads.add(name));
  for (const each of states) {
    if (each.kind === "bridge") columns[0].push({ key: sourceKey(each.name), part: each.id, column: 0 });
    else if (each.kind === "endpoint") {
      const isSource = !each.is_bridge && (reads.has(each.name) || each.received.messages > 0 || !each.is_sink);
      if (isSource) columns[0].push({ key: sourceKey(each.name), part: each.id, column: 0 });
      if (each.is_sink) columns[2].push({ key: sinkKey(each.name), part: each.id, column: 2 });
    } else columns[1].push({ key: each.id, part: each.id, column: 1 });
  }
  const known = new Set(columns.flat().map((each) => each.key));
  const add = (edge: GraphEdge) => {
    if (known.has(edge.from) && known.has(edge.to)) edges.push(edge);
  };
  for (const each of states) {
    if (each.kind !== "route") continue;
    for (const name of each.sources) add({ from: sourceKey(name), to: each.id, rate: each.id, kind: "in" });
    for (const name of each.to) add({ from: each.id, to: sinkKey(name), rate: each.id, kind: "out" });
  }
  for (const [source = "", sink = ""] of links) {
    add({ from: sourceKey(source), to: sinkKey(sink), rate: sourceKey(source), kind: "direct" });
  }
  return { columns, edges };
}

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Layout {
  boxes: Map<string, Box>;
  heads: [number, number, number];
  height: number;
  isSmall: boolean;
}

const HEAD = 28; // px above the columns
const CROWD = 18; // nodes of a column above which each has one line
const TALL = 640; // px above which a shorter column begins at the top: it must be on the screen

/** Where each node is drawn in a diagram of this width, at this size of the root font. */
export function layout(graph: Graph, width: number, rem: number): Layout {
  const k = rem / 16;
  const isSmall = width < 560 * k;
  const pad = isSmall ? 10 : 16 * k;
  const room = width - 2 * pad;
  const hasRoutes = graph.columns[1].length > 0;
  const shares = isSmall ? [0.29, 0.29, 0.29] : [0.19, 0.22, 0.21];
  const widths = shares.map((share) => Math.min(Math.max(room * share, isSmall ? 84 : 112 * k), 208 * k));
  const heights = graph.columns.map((column, i) => {
    if (column.length > CROWD) return (isSmall ? 44 : 28) * k;
    if (i === 1) return (isSmall ? 46 : 34) * k;
    return (i === 2 ? 58 : 46) * k;
  });
  const gaps = graph.columns.map((column) => (column.length > CROWD ? 4 : 10) * k);
  const needed = graph.columns.map((column, i) => column.length * ((heights[i] ?? 0) + (gaps[i] ?? 0)));
  const inner = Math.max(...needed, 200 * k);
  const xs: [number, number, number] = [pad, (width - (widths[1] ?? 0)) / 2, width - pad - (widths[2] ?? 0)];
  const boxes = new Map<string, Box>();
  graph.columns.forEach((column, i) => {
    const height = heights[i] ?? 0;
    const step = Math.min(inner / Math.max(column.length, 1), height * 2.2);
    const free = inner - step * column.length;
    const top = HEAD * k + (inner > TALL * k ? Math.min(free, 8 * k) : free / 2);
    column.forEach((node, j) => {
      boxes.set(node.key, {
        x: xs[i as Column],
        y: top + step * j + (step - height) / 2,
        width: widths[i] ?? 0,
        height,
      });
    });
  });
  return { boxes, heads: hasRoutes ? xs : [xs[0], NaN, xs[2]], height: HEAD * k + inner + 8 * k, isSmall };
}

/** The curve of an edge; several at one side of a node are spread out. */
export function curve(edge: GraphEdge, graph: Graph, boxes: ReadonlyMap<string, Box>): string {
  const a = boxes.get(edge.from);
  const b = boxes.get(edge.to);
  if (!a || !b) return "";
  const out = graph.edges.filter((each) => each.from === edge.from);
  const into = graph.edges.filter((each) => each.to === edge.to);
  const y1 = a.y + a.height / 2 + spread(out.indexOf(edge), out.length, a.height);
  const y2 = b.y + b.height / 2 + spread(into.indexOf(edge), into.length, b.height);
  const x1 = a.x + a.width;
  const x2 = b.x;
  const middle = (x1 + x2) / 2;
  return `M${r(x1)} ${r(y1)}C${r(middle)} ${r(y1)} ${r(middle)} ${r(y2)} ${r(x2)} ${r(y2)}`;
}

function spread(index: number, count: number, height: number): number {
  return count < 2 ? 0 : (index - (count - 1) / 2) * Math.min(9, (height - 14) / count);
}

function r(value: number): number {
  return Math.round(value * 10) / 10;
}

/** The keys of all nodes on the paths through one. */
export function pathThrough(graph: Graph, key: string): Set<string> {
  const found = new Set<string>();
  const walk = (at: string, from: "from" | "to", to: "from" | "to") => {
    found.add(at);
    for (const each of graph.edges) if (each[from] === at && !found.has(each[to])) walk(each[to], from, to);
  };
  walk(key, "from", "to");
  found.delete(key);
  walk(key, "to", "from");
  return found;
}

/** The state of a node as a mark. */
export function markOf(part: PartState, rate: number, level: Problem["level"] | undefined): Mark {
  if (part.kind === "route" && (part.muted || !part.enabled)) return "mute";
  if (level) return level === "bad" ? "bad" : "warn";
  if (part.kind === "endpoint" && !part.connected) return "warn";
  return rate > 0 ? "live" : "idle";
}

/** The width of an edge in px: the logarithm of its rate. */
export function edgeWidth(rate: number): number {
  return rate > 0 ? 1 + Math.log10(rate + 1) * 1.5 : 1;
}

/** Seconds in which a dash runs along an edge, in steps, so that it does not jump. */
export function pulseSeconds(rate: number): number {
  return 4 / (1 + Math.round(Math.log10(rate + 1) * 2) / 2);
}
