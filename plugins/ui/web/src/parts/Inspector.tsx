// The details of one part.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";

import { ago, count, delay, rateFigure, several } from "../format";
import { markOf } from "../graph";
import { StateMark } from "../icons";
import type { BridgePart, EndpointPart, RoutePart } from "../protocol";
import { go, queries } from "../router";
import { connection, may, online, order, parts, partsVersion, problems, showPart, sum, type Part } from "../store";
import { logPart } from "../views/Log";
import { Sparkline } from "./Sparkline";

export function Inspector({ id }: { id: string }) {
  void partsVersion.value;
  const found = parts.get(id) ?? parts.get(firstPart());
  const shown = found?.state.id ?? "";
  useEffect(() => {
    if (shown) showPart(shown);
  }, [shown]);
  if (!found) return null;
  const { state } = found;
  const level = problems.value.find((each) => each.part === state.id)?.level;
  const rate = Math.max(found.in.rate, found.out.rate);
  const name = state.kind === "route" ? state.name || `Route ${state.number}` : state.name;
  return (
    <aside class="panel insp" aria-label={`Details of ${name}`}>
      <header>
        <StateMark mark={markOf(state, rate, level)} />
        <h2 class="clip">{name}</h2>
        <span class="grow" />
        <span class="faint">{kindOf(state)}</span>
      </header>
      <div class="in">
        {state.kind === "bridge" && <BridgeDetails state={state} />}
        {state.kind === "endpoint" && <EndpointDetails state={state} />}
        {state.kind === "route" && <RouteDetails state={state} />}
        <Rates part={found} />
        <span class="grow" />
        {state.kind === "route" && <MuteButton state={state} />}
        <div class="two">
          {state.kind !== "route" && (
            <button class="btn" onClick={() => go("values", state.name)}>
              Values
            </button>
          )}
          <button class="btn" onClick={() => showLog(state)}>
            Log
          </button>
        </div>
      </div>
    </aside>
  );
}

function firstPart(): string {
  return order.value.find((id) => id.startsWith("endpoint.")) ?? order.value[0] ?? "";
}

function kindOf(state: Part["state"]): string {
  if (state.kind === "bridge") return `Bridge, ${state.address.slice(0, state.address.indexOf(":")).toUpperCase()}`;
  if (state.kind === "route") return "Route";
  return state.is_bridge ? "Clients of a bridge" : `Endpoint, ${state.endpoint_type}`;
}

function showLog(state: Part["state"]): void {
  logPart.value = state.kind === "route" ? `route ${state.name || `${state.number} (${state.match})`}` : state.id;
  queries.log.value = "";
  go("log");
}

function Row({ name, value, tone = "" }: { name: string; value: string; tone?: string }) {
  return (
    <>
      <dt>{name}</dt>
      <dd class={tone}>{breakable(value)}</dd>
    </>
  );
}

/** A long URL breaks after its scheme, and not before its last digit. */
function breakable(text: string) {
  const [scheme, ...rest] = text.split("://");
  return rest.length ? (
    <>
      {scheme}://
      <wbr />
      {rest.join("://")}
    </>
  ) : (
    text
  );
}

function Reasons({ counts, name }: { counts: Readonly<Record<string, number>>; name: string }) {
  return (
    <>
      {Object.entries(counts)
        .filter(([, value]) => value > 0)
        .map(([reason, value]) => (
          <Row key={reason} name={`${name}: ${reason}`} value={count(value)} tone="w" />
        ))}
    </>
  );
}

function silence(seconds: number | null): string {
  return seconds === null ? "never" : ago(seconds);
}

function BridgeDetails({ state }: { state: BridgePart }) {
  const { received } = state;
  return (
    <>
      {state.problem && <p class="say b">{state.problem}</p>}
      <dl class="kv">
        <Row name="Listens on" value={state.address} />
        <Row name="Mode" value={state.mode} />
        <Row name="Last heard" value={silence(received.silence)} />
        {state.connections > 0 && <Row name="Connections" value={count(state.connections)} />}
        <Row name="Messages" value={count(received.messages)} />
        <Row name="Without a route" value={count(received.unmatched)} tone={received.unmatched ? "w" : ""} />
        {received.last_unmatched && <Row name="The last of them" value={received.last_unmatched} tone="mono" />}
        <Reasons counts={received.bad} name="Bad" />
        <Reasons counts={received.lost} name="Lost" />
      </dl>
    </>
  );
}

function EndpointDetails({ state }: { state: EndpointPart }) {
  const { received } = state;
  const filled = state.queue_size ? state.queued / state.queue_size : 0;
  return (
    <>
      {state.problem && <p class="say b">{state.problem}</p>}
      <dl class="kv">
        <Row name="Where" value={state.where} />
        <Row name="Connected" value={state.connected ? "yes" : "no"} tone={state.connected ? "" : "b"} />
        {state.clients !== null && <Row name="Clients" value={count(state.clients)} />}
        {received.messages > 0 && <Row name="Last heard" value={silence(received.silence)} />}
        {received.messages > 0 && <Row name="Received" value={count(received.messages)} />}
        {state.is_sink && <Row name="Sent" value={count(state.sent)} />}
        {state.delay !== null && <Row name="Mean delay" value={delay(state.delay)} />}
        {state.is_sink && <Row name="When full" value={state.policy.replaceAll("_", " ")} />}
        {state.refused > 0 && <Row name="Refused clients" value={count(state.refused)} tone="w" />}
        {state.standby > 0 && <Row name="Left to the other bridge" value={count(state.standby)} />}
        <Reasons counts={state.lost} name="Lost" />
        <Reasons counts={received.bad} name="Bad" />
        <Reasons counts={received.lost} name="Lost" />
      </dl>
      {state.is_sink && (
        <div class="meter">
          <div class="cap">
            <span>{state.policy === "spool" ? "On disk" : "Send queue"}</span>
            <b>
              {count(state.queued)} of {count(state.queue_size)}
            </b>
          </div>
          <span class={`bar ${filled > 0.8 ? "warn" : ""} ${state.connected ? "" : "bad"}`} aria-hidden="true">
            <i style={{ width: `${filled > 0 ? Math.max(filled * 100, 1.5) : 0}%` }} />
          </span>
        </div>
      )}
    </>
  );
}

function RouteDetails({ state }: { state: RoutePart }) {
  const filtered = sum(state.filtered);
  return (
    <>
      {state.failing && <p class="say b">{state.last_error}</p>}
      <dl class="kv">
        <Row name="Match" value={state.match} tone="mono" />
        <Row name="From" value={state.sources.join(", ")} />
        <Row name="To" value={state.to.join(", ")} />
        <Row name="Taken" value={count(state.taken)} />
        <Row name="Passed" value={count(state.passed)} />
        {filtered > 0 && <Row name="Filtered" value={filteredText(state)} />}
        {state.held > 0 && <Row name="Held back" value={count(state.held)} />}
        <Reasons counts={state.failed} name="Failed" />
        {!state.enabled && <Row name="Enabled" value="no" />}
      </dl>
    </>
  );
}

function filteredText(state: RoutePart): string {
  return Object.entries(state.filtered)
    .filter(([, value]) => value)
    .map(([reason, value]) => `${count(value)} by ${reason.replaceAll("_", " ")}`)
    .join(", ");
}

function Rates({ part }: { part: Part }) {
  const { state } = part;
  const isSink = state.kind !== "endpoint" || state.is_sink;
  return (
    <>
      {(state.kind !== "endpoint" || state.received.messages > 0) && (
        <div class="meter">
          <div class="cap">
            <span>In, 5 min</span>
            <b>{online.value ? `${rateFigure(part.in.rate)}/s` : "–"}</b>
          </div>
          <Sparkline series={part.inSeries} version={partsVersion} most={5} />
        </div>
      )}
      {state.kind !== "bridge" && isSink && (
        <div class="meter">
          <div class="cap">
            <span>Out, 5 min</span>
            <b>{online.value ? `${rateFigure(part.out.rate)}/s` : "–"}</b>
          </div>
          <Sparkline series={part.outSeries} version={partsVersion} most={5} />
        </div>
      )}
    </>
  );
}

function MuteButton({ state }: { state: RoutePart }) {
  const error = useSignal("");
  const toggle = () => {
    error.value = "";
    connection
      .command({ type: "mute", routes: [state.id.slice("route.".length)], on: !state.muted })
      .catch((reason: Error) => (error.value = reason.message));
  };
  const allowed = may("configure");
  return (
    <>
      <button class="btn" onClick={toggle} disabled={!online.value || !allowed || !state.enabled} aria-pressed={state.muted}>
        <StateMark mark="mute" label={false} />
        {state.muted ? "Unmute" : "Mute"}
      </button>
      {!allowed && <p class="say">Muting needs a token with the right configure.</p>}
      {error.value && (
        <p class="say b" role="alert">
          {error.value}
        </p>
      )}
      {state.muted && <p class="say">{several(state.filtered["muted"] ?? 0, "message")} stopped here since the start.</p>}
    </>
  );
}
