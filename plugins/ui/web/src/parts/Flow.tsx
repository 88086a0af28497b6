// The live diagram: sources, routes, endpoints.

import { signal, useComputed, useSignal, type Signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

import { count, rateFigure, short } from "../format";
import {
  curve,
  edgeWidth,
  layout,
  makeGraph,
  markOf,
  pathThrough,
  pulseSeconds,
  type Box,
  type Graph,
  type GraphEdge,
  type GraphNode,
} from "../graph";
import { StateMark } from "../icons";
import type { PartState, Problem } from "../protocol";
import { queries } from "../router";
import { isStateKnown, links, lostOf, online, order, parts, partsVersion, problems, type Part } from "../store";

const pointed = signal("");

const LOW = 2; // rem below which a node has one line

function rem(): number {
  return parseFloat(getComputedStyle(document.documentElement).fontSize);
}

export function Flow({ chosen }: { chosen: Signal<string> }) {
  const ref = useRef<HTMLDivElement>(null);
  const width = useSignal(0);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => {
      if (entry) width.value = Math.round(entry.contentRect.width);
    });
    if (ref.current) observer.observe(ref.current);
    return () => observer.disconnect();
  }, [width]);
  const known = useComputed(() => {
    void partsVersion.value;
    return order.value.flatMap((id) => parts.get(id)?.state ?? []);
  });
  return (
    <section class="panel flow-panel" aria-labelledby="flow-title">
      <header>
        <h2 id="flow-title">Flow</h2>
        <span class="faint desk">Point at a part to see its path</span>
      </header>
      <div class="flow" ref={ref}>
        {width.value > 0 && known.value.length > 0 && (
          <Diagram states={known.value} width={width.value} chosen={chosen} />
        )}
        {isStateKnown.value && known.value.length === 0 && <p class="none">Neither a bridge nor an endpoint is configured.</p>}
      </div>
    </section>
  );
}

function Diagram({ states, width, chosen }: { states: readonly PartState[]; width: number; chosen: Signal<string> }) {
  const graph = makeGraph(states, links.value);
  const { boxes, heads, height, isSmall } = layout(graph, width, rem());
  const levels = new Map<string, Problem["level"]>();
  for (const each of problems.value) if (levels.get(each.part) !== "bad") levels.set(each.part, each.level);
  const query = queries.now.value.toLowerCase();
  const path = pointed.value && !query ? pathThrough(graph, pointed.value) : null; // the pointer may rest anywhere
  const isFaded = (node: GraphNode) =>
    (path !== null && !path.has(node.key)) || (query !== "" && !textOf(parts.get(node.part)).includes(query));
  return (
    <>
      <div class="flow-heads" aria-hidden="true">
        {["Sources", "Routes", "Endpoints"].map((name, i) => {
          const x = heads[i as 0 | 1 | 2];
          return Number.isNaN(x) ? null : (
            <span key={name} style={{ left: `${x}px` }}>
              {name}
            </span>
          );
        })}
      </div>
      <svg width={width} height={height} viewBox={`0 0 ${width} ${height}`} aria-hidden="true">
        {graph.edges.map((each) => (
          <Edge
            key={`${each.from} ${each.to}`}
            edge={each}
            d={curve(each, graph, boxes)}
            faded={path !== null && !(path.has(each.from) && path.has(each.to))}
            levels={levels}
          />
        ))}
        {!isSmall && graph.columns[1].map((node) => <Rates key={node.key} node={node} box={boxes.get(node.key)} path={path} graph={graph} />)}
      </svg>
      <ul class="nodes" aria-label="Parts">
        {graph.columns.flat().map((node) => (
          <NodeBox
            key={node.key}
            node={node}
            box={boxes.get(node.key)}
            level={levels.get(node.part)}
            isSmall={isSmall}
            faded={isFaded(node)}
            chosen={chosen}
          />
        ))}
      </ul>
      <div class="flow-room" style={{ height: `${height}px` }} />
    </>
  );
}

function textOf(part: Part | undefined): string {
  const state = part?.state;
  if (!state) return "";
  if (state.kind === "route") return `${state.name} ${state.match} ${state.sources.join(" ")} ${state.to.join(" ")}`.toLowerCase();
  return `${state.name} ${state.kind === "endpoint" ? `${state.endpoint_type} ${state.where}` : state.address}`.toLowerCase();
}

interface EdgeProps {
  edge: GraphEdge;
  d: string;
  faded: boolean;
  levels: ReadonlyMap<string, Problem["level"]>;
}

function Edge({ edge, d, faded, levels }: EdgeProps) {
  const rate = rateOf(edge);
  const sink = edge.to.startsWith("sink ") ? parts.get(`endpoint.${edge.to.slice(5)}`)?.state : undefined;
  const isCut = sink?.kind === "endpoint" && !sink.connected;
  const isWarned = !isCut && sink !== undefined && levels.get(sink.id) === "warn";
  const live = rate > 0 && online.value;
  const look = isCut ? "cut" : !live ? "quiet" : isWarned ? "warn" : "";
  const wide = isCut ? 2 : edgeWidth(live ? rate : 0);
  return (
    <g class={faded ? "fade" : ""}>
      <path class={`edge ${look}`} d={d} stroke-width={wide.toFixed(1)} />
      {live && !isCut && (
        <path
          class={`pulse ${look}`}
          d={d}
          pathLength={100}
          stroke-width={Math.max(1.5, wide * 0.6).toFixed(1)}
          style={{ animationDuration: `${pulseSeconds(rate).toFixed(2)}s` }}
        />
      )}
    </g>
  );
}

function rateOf(edge: GraphEdge): number {
  if (edge.kind === "direct") {
    const source = sourcePart(edge.from.slice(7));
    const sink = parts.get(`endpoint.${edge.to.slice(5)}`);
    return Math.min(source?.in.rate ?? 0, sink?.out.rate ?? 0);
  }
  const route = parts.get(edge.rate);
  return (edge.kind === "in" ? route?.in.rate : route?.out.rate) ?? 0;
}

function sourcePart(name: string): Part | undefined {
  return parts.get(`bridge.${name}`) ?? parts.get(`endpoint.${name}`);
}

interface RatesProps {
  node: GraphNode;
  box: Box | undefined;
  path: ReadonlySet<string> | null;
  graph: Graph;
}

/** The rates of a route stand where its edges meet it. */
function Rates({ node, box, path }: RatesProps) {
  const part = parts.get(node.part);
  if (!part || !box || part.state.kind !== "route" || part.state.muted) return null;
  if (box.height < LOW * rem()) return null; // its box has the rate
  if (part.in.rate <= 0 && part.out.rate <= 0) return null;
  const y = box.y + box.height / 2 + 4;
  const faded = path !== null && !path.has(node.key);
  return (
    <g class={faded ? "fade" : ""}>
      <text class="rate" text-anchor="end" x={box.x - 9} y={y}>
        {online.value ? rateFigure(part.in.rate) : "–"}
      </text>
      <text class="rate" x={box.x + box.width + 9} y={y}>
        {online.value ? rateFigure(part.out.rate) : "–"}
      </text>
    </g>
  );
}

interface NodeProps {
  node: GraphNode;
  box: Box | undefined;
  level: Problem["level"] | undefined;
  isSmall: boolean;
  faded: boolean;
  chosen: Signal<string>;
}

function NodeBox({ node, box, level, isSmall, faded, chosen }: NodeProps) {
  const part = parts.get(node.part);
  if (!part || !box) return null;
  const { state } = part;
  const rate = node.column === 2 ? part.out.rate : part.in.rate;
  const mark = markOf(state, rate, level);
  const looks = ["node", mark === "bad" || mark === "warn" ? mark : "", mark === "mute" ? "off" : "", faded ? "fade" : ""];
  if (chosen.value === node.part) looks.push("sel");
  const name = state.kind === "route" ? state.name || state.match : state.name;
  const isLow = !isSmall && box.height < LOW * rem();
  const subline = isLow ? shortOf(part, rate) : sublineOf(part, node, rate, isSmall);
  if (isLow) looks.push("low");
  return (
    <li style={{ left: `${box.x}px`, top: `${box.y}px`, width: `${box.width}px`, height: `${box.height}px` }}>
      <button
        class={looks.filter(Boolean).join(" ")}
        aria-pressed={chosen.value === node.part}
        onClick={() => (chosen.value = node.part)}
        onPointerEnter={(event) => event.pointerType === "mouse" && (pointed.value = node.key)}
        onPointerLeave={() => (pointed.value = "")}
        onFocus={(event) => event.currentTarget.matches(":focus-visible") && (pointed.value = node.key)}
        onBlur={() => (pointed.value = "")}
      >
        <StateMark mark={mark} />
        <span class={`t clip ${state.kind === "route" && !state.name ? "mono" : ""}`}>{name}</span>
        {subline && <span class="s clip">{subline}</span>}
        {node.column === 2 && state.kind === "endpoint" && box.height > 45 && <QueueBar state={state} />}
      </button>
    </li>
  );
}

/** What a node of one line shows beside its name. */
function shortOf({ state }: Part, rate: number): string {
  if (state.kind === "endpoint" && !state.connected) return "not connected";
  return online.value && rate > 0 ? `${rateFigure(rate)}/s` : "";
}

function sublineOf(part: Part, node: GraphNode, rate: number, isSmall: boolean): string {
  const { state } = part;
  const figure = !online.value ? "–" : rate > 0 ? `${rateFigure(rate)}/s` : "quiet";
  if (state.kind === "route") return isSmall ? (state.muted ? "muted" : figure) : "";
  if (state.kind === "bridge") {
    return state.problem ? "not listening" : isSmall ? figure : `${figure}, ${state.address.slice(0, state.address.indexOf(":"))}`;
  }
  if (!state.connected) {
    const waiting = state.queued + state.in_flight;
    return waiting ? `${short(waiting)} waiting` : "not connected";
  }
  if (node.column === 0) return isSmall ? figure : `${figure}, ${state.endpoint_type}`;
  const lost = lostOf(state);
  if (lost) return `${figure}, ${short(lost)} lost`;
  if (state.clients !== null && !isSmall) return `${figure}, ${count(state.clients)} ${state.clients === 1 ? "client" : "clients"}`;
  return isSmall ? figure : `${figure}, ${state.endpoint_type}`;
}

function QueueBar({ state }: { state: Extract<PartState, { kind: "endpoint" }> }) {
  const filled = state.queue_size ? Math.min(state.queued / state.queue_size, 1) : 0;
  const percent = filled > 0 ? Math.max(filled * 100, 3) : 0;
  return (
    <span class="bar" aria-hidden="true">
      <i style={{ width: `${percent}%` }} />
    </span>
  );
}
