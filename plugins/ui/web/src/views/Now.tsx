// Is everything well? Problems first, then how messages flow.

import { signal } from "@preact/signals";

import { clock, count, rateFigure, several, span } from "../format";
import { StateMark, type Mark } from "../icons";
import { Flow } from "../parts/Flow";
import { Inspector } from "../parts/Inspector";
import { FirstSteps } from "../parts/FirstSteps";
import { Sparkline } from "../parts/Sparkline";
import type { LogEvent, Problem } from "../protocol";
import { go } from "../router";
import {
  bridgeNow,
  connection,
  events,
  heard,
  isAway,
  isLimited,
  isStateKnown,
  lostSteps,
  may,
  online,
  parts,
  partsVersion,
  problems,
  pulse,
  role,
  totals,
} from "../store";
import { logPart } from "./Log";

/** The id of the part whose details are shown; "" is the one that needs attention most. */
export const chosen = signal("");

export function Now() {
  void partsVersion.value;
  const isNew = pulse.value !== null && pulse.value.received === 0 && !problems.value.length;
  return (
    <>
      <Verdict />
      <Problems />
      {isNew && <FirstSteps />}
      <Vital />
      <div class="room">
        <Flow chosen={chosen} />
        <Inspector id={chosen.value || problems.value[0]?.part || ""} />
      </div>
      {!isLimited.value && <News />}
    </>
  );
}

function Verdict() {
  if (isAway.value) {
    return (
      <section class="verdict">
        <h2>How it was at {clock(heard.value / 1_000)}.</h2>
        <p>The bridge may still be running; this page does not hear it.</p>
      </section>
    );
  }
  if (!isStateKnown.value) {
    return (
      <section class="verdict">
        <h2>Reading the state of the bridge…</h2>
      </section>
    );
  }
  const bad = problems.value.filter((each) => each.level === "bad").length;
  const warn = problems.value.length - bad;
  const title = bad
    ? `${numberWord(bad)} ${bad === 1 ? "part needs" : "parts need"} you.`
    : warn
      ? `Running, with ${several(warn, "warning")}.`
      : "Everything is running.";
  return (
    <section class="verdict" aria-live="polite">
      <h2>{title}</h2>
      <p>{summary()}</p>
      <Role />
    </section>
  );
}

/** Whether this bridge delivers, or its backup does. */
function Role() {
  const known = role.value;
  if (!known) return null;
  if (known.role === "leader") return <span class="role leader">Leader</span>;
  const who = known.holder ? `${known.holder} delivers` : "no known leader";
  return (
    <span class="role" title={who}>
      Standby <small>{who}</small>
    </span>
  );
}

function summary(): string {
  const all = [...parts.values()].map((each) => each.state);
  const ends = all.filter((each) => each.kind === "endpoint");
  const bridges = all.filter((each) => each.kind === "bridge");
  const connected =
    ends.filter((each) => each.connected).length + bridges.filter((each) => !each.problem).length;
  const total = ends.length + bridges.length;
  const first = connected === total ? (total === 1 ? "Connected." : total === 2 ? "Both connected." : `All ${total} connected.`) : `${connected} of ${total} connected.`;
  const lost = pulse.value?.lost ?? 0;
  const second = lost ? `${several(lost, "message")} lost since the start.` : "Nothing is lost.";
  return `${total ? first : "Nothing is configured."} ${second}`;
}

function numberWord(value: number): string {
  return ["No", "One", "Two", "Three", "Four", "Five", "Six"][value] ?? String(value);
}

function Problems() {
  if (!problems.value.length) return null;
  return (
    <section class="problems" aria-label="Problems">
      {problems.value.map((each) => (
        <ProblemCard key={each.id} problem={each} />
      ))}
    </section>
  );
}

const failed = signal("");

function ProblemCard({ problem }: { problem: Problem }) {
  const seconds = bridgeNow.value - problem.since;
  const reload = () => {
    failed.value = "";
    connection.command({ type: "reload" }).catch((error: Error) => (failed.value = error.message));
  };
  return (
    <article class={`problem ${problem.level}`}>
      <StateMark mark={problem.level === "bad" ? "bad" : "warn"} label={problem.level === "bad" ? "Problem" : "Warning"} />
      <div>
        <h3>{problem.title}</h3>
        <p>{problem.text}</p>
        <p class="fix">{problem.fix}</p>
        {problem.code && <pre class="mono">{problem.code}</pre>}
        {failed.value && problem.action === "reload" && (
          <p class="b" role="alert">
            {failed.value}
          </p>
        )}
        <div class="acts">
          {!problem.part.startsWith("plugin.") && (
            <button class="btn do" onClick={() => (chosen.value = problem.part)}>
              Show {problem.part.slice(problem.part.indexOf(".") + 1)}
            </button>
          )}
          {problem.action === "reload" && (
            <button class="btn" onClick={reload} disabled={!online.value || !may("configure")}>
              Reload the file
            </button>
          )}
          <span class="aside">{seconds < 2 ? "just now" : `for ${span(seconds)}`}</span>
        </div>
      </div>
    </article>
  );
}

function Vital() {
  const waiting = pulse.value?.waiting ?? 0;
  const lost = lostSteps.sum();
  return (
    <dl class="panel vital">
      <div>
        <dt>
          Messages in<span>5 min</span>
        </dt>
        <dd>
          <b>{rateFigure(totals.received.rate.value)}</b> <small>/s</small>
        </dd>
        <Sparkline series={totals.received.series} version={pulse} most={5} />
      </div>
      <div>
        <dt>
          Messages out<span>5 min</span>
        </dt>
        <dd>
          <b>{rateFigure(totals.sent.rate.value)}</b> <small>/s</small>
        </dd>
        <Sparkline series={totals.sent.series} version={pulse} most={5} />
      </div>
      <div>
        <dt>
          Waiting<span>{busiest()}</span>
        </dt>
        <dd>
          <b>{count(waiting)}</b> <small>{waiting === 1 ? "message" : "messages"}</small>
        </dd>
        <Sparkline series={totals.waiting} version={pulse} most={20} />
      </div>
      <div>
        <dt>
          Lost<span>5 min</span>
        </dt>
        <dd class={lost ? "w" : ""}>
          <b>{count(lost)}</b> <small>{lost === 1 ? "message" : "messages"}</small>
        </dd>
        <Sparkline series={lostSteps} version={pulse} most={5} tone={lost ? "warn" : "line-2"} />
      </div>
    </dl>
  );
}

/** The endpoint where most messages wait. */
function busiest(): string {
  let most = 0;
  let name = "";
  for (const { state } of parts.values()) {
    if (state.kind === "endpoint" && state.queued > most) {
      most = state.queued;
      name = state.name;
    }
  }
  return name;
}

const MARK: Record<LogEvent["level"], Mark> = { debug: "idle", info: "live", warning: "warn", error: "bad", critical: "bad" };

function News() {
  const latest = events.value.filter((each) => each.level !== "debug").slice(-6).reverse();
  const open = () => {
    logPart.value = "";
    go("log");
  };
  return (
    <section class="panel" aria-labelledby="news">
      <header>
        <h2 id="news">Recent events</h2>
        <span class="grow" />
        <button class="btn ghost" onClick={open}>
          Open the log
        </button>
      </header>
      {latest.length ? (
        <ul class="news">
          {latest.map((each) => (
            <li key={each.number}>
              <time>{clock(each.time)}</time>
              <StateMark mark={MARK[each.level]} label={each.level} />
              <b class="nm clip">{each.part.startsWith("oscbridge.") ? "" : each.part}</b>
              <span class="tx">{each.text}</span>
            </li>
          ))}
        </ul>
      ) : (
        <p class="none">Nothing has happened since the start.</p>
      )}
    </section>
  );
}
