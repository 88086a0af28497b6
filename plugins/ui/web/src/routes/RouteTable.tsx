// The routes as they run: activity, rate, losses, last messages, and whether they are on.

import { useSignal } from "@preact/signals";

import { count, rateFigure, several } from "../format";
import { Icon, StateMark, type Mark } from "../icons";
import { Sparkline } from "../parts/Sparkline";
import type { RoutePart } from "../protocol";
import { go, queries } from "../router";
import { connection, lostOf, may, online, parts, partsVersion } from "../store";
import { lastMessages, open, routeRows, short, titleOf, type RouteRow } from "./routes_store";

const BUSY = 0.05; // messages per second from which a route is alive

export function RouteTable() {
  const looked = partsVersion.value; // the figures change with each look
  const words = queries.routes.value.toLowerCase().split(/\s+/).filter(Boolean);
  const rows = routeRows().filter(({ part }) => {
    const last = lastMessages.value.get(part.id);
    const text = `${titleOf(part)} ${part.match} ${part.sources.join(" ")} ${part.to.join(" ")} ${last?.taken ?? ""} ${last?.sent ?? ""}`;
    return words.every((word) => text.toLowerCase().includes(word));
  });
  if (!rows.length) {
    return words.length ? <p class="none">No route matches the search.</p> : <NoRoutes />;
  }
  return (
    <table class="rt" data-looked={looked}>
      <thead>
        <tr>
          <th>
            <span class="sr">State</span>
          </th>
          <th>Route</th>
          <th class="num">Rate</th>
          <th class="num c-d">Dropped</th>
          <th>Last in, last out</th>
          <th>On</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <Row key={row.part.id} row={row} />
        ))}
      </tbody>
    </table>
  );
}

function NoRoutes() {
  return (
    <div class="none">
      <p>No routes yet. Each message goes to every endpoint that takes it by default.</p>
      {may("configure") && (
        <button class="btn" onClick={() => go("learn")}>
          <Icon name="learn" />
          Learn a route
        </button>
      )}
    </div>
  );
}

function markOf(part: RoutePart, speed: number): Mark {
  if (part.muted || !part.enabled) return "mute";
  if (part.failing) return "bad";
  if (lostOf(part) > 0) return "warn";
  return speed > BUSY ? "live" : "idle";
}

function Row({ row }: { row: RouteRow }) {
  const { part, index, table } = row;
  const known = parts.get(part.id);
  const speed = online.value ? (known?.in.rate ?? 0) : 0;
  const lost = lostOf(part);
  const isOff = part.muted || !part.enabled;
  const isOpen = open.value?.kind === "form" && open.value.index === index;
  const show = () => {
    if (table) open.value = { kind: "form", index, table };
  };
  const mark = markOf(part, speed);
  const title = titleOf(part);
  return (
    <tr class={isOff ? "off" : ""} data-open={isOpen}>
      <td class="c-l">
        <StateMark mark={mark} />
      </td>
      <td class="c-n">
        <button class="nm" onClick={show} disabled={!table} aria-expanded={isOpen} aria-controls="route-panel">
          {title}
        </button>
        <span class="sub mono">
          {part.sources.join(", ")} → {part.to.join(", ") || "variables"} <span class="faint mt">{part.match}</span>
        </span>
      </td>
      <td class="num c-r">
        <span class="rate">
          {known && <Sparkline series={known.inSeries} version={partsVersion} length={60} most={5} tone={isOff ? "line-2" : "accent"} />}
          <span>{rateText(part, speed)}</span>
        </span>
        {lost > 0 && <span class="drop w">{count(lost)} dropped</span>}
      </td>
      <td class={`num c-d ${lost ? "w" : "faint"}`}>{count(lost)}</td>
      <td class="io mono">{lastInAndOut(part)}</td>
      <td class="c-m">
        <MuteSwitch part={part} />
      </td>
    </tr>
  );
}

function rateText(part: RoutePart, speed: number): string {
  if (part.muted) return "muted";
  if (!part.enabled) return "disabled";
  return speed > BUSY ? `${rateFigure(speed)}/s` : "quiet";
}

/** The last messages of a route. A plain function, as each look draws all rows: a component costs more. */
function lastInAndOut(part: RoutePart) {
  const last = lastMessages.value.get(part.id);
  if (!last && !part.failing && !part.muted) return <span class="faint">nothing yet</span>;
  return (
    <>
      <span title={last?.taken}>
        <i>in</i>
        {last ? short(last.taken) : "–"}
      </span>
      <span class="dim" title={last?.sent}>
        <i>out</i>
        {part.failing ? <span class="b">{part.last_error}</span> : part.muted ? "muted" : short(last?.sent ?? "–")}
      </span>
    </>
  );
}

function MuteSwitch({ part }: { part: RoutePart }) {
  const error = useSignal("");
  const toggle = () => {
    error.value = "";
    connection
      .command({ type: "mute", routes: [part.id.slice("route.".length)], on: !part.muted })
      .catch((reason: Error) => (error.value = reason.message));
  };
  const note = error.value || (part.muted ? `${several(part.filtered["muted"] ?? 0, "message")} stopped here` : "");
  return (
    <button
      class="sw"
      role="switch"
      aria-checked={!part.muted && part.enabled}
      aria-label={`${titleOf(part)} on`}
      title={part.enabled ? note || "Mute or unmute: until the bridge restarts" : "Disabled in the file"}
      disabled={!online.value || !may("configure") || !part.enabled}
      onClick={toggle}
    >
      <i />
    </button>
  );
}
