// What the page knows of the bridge. Views read signals; the connection writes them.

import { batch, computed, signal } from "@preact/signals";

import { Counter, Series } from "./history";
import {
  MAX_TOKEN,
  type Denied,
  type LogEvent,
  type NowState,
  type PartState,
  type Problem,
  type Pulse,
  type RoleState,
  type ServerMessage,
  type TotalHistory,
  type Welcome,
} from "./protocol";
import { Connection, type State } from "./socket";
import { basePath, takeToken } from "./router";
import { forgetValues, takeValues } from "./values_store";

const MAX_EVENTS = 2_000; // events of the log that are kept

export const state = signal<State>("connecting");
export const welcome = signal<Welcome | null>(null);
export const denied = signal<Denied | null>(null);
/** When the last data came, in ms of the page's clock. */
export const heard = signal(0);
export const pulse = signal<Pulse | null>(null);

export const online = computed(() => state.value === "open");
/** Whether it was connected before and is not now: what is shown is old. */
export const isAway = computed(() => !online.value && welcome.value !== null);

/** Unix time by the clock of the bridge, when it was heard last: its times are compared with it. */
export const bridgeNow = computed(() => pulse.value?.time ?? welcome.value?.time ?? 0);

const notUnderstood = signal(false);
/** The version of this page; without one in it, that of the bridge which it met first. */
const ownVersion = signal(String(import.meta.env["VITE_OSCBRIDGE_VERSION"] ?? ""));

/** Whether the bridge has another version than this page, or does not understand it. While a bridge
 * of another version is away, that is what matters: the page cannot be loaded again. */
export const isOutdated = computed(() => {
  const version = welcome.value?.process.version ?? ownVersion.value;
  return notUnderstood.value || (online.value && version !== ownVersion.value);
});

/** Whether the token sees only some addresses or endpoints: neither routes nor the log. */
export const isLimited = computed(() => welcome.value !== null && !welcome.value.views.includes("log"));

export function may(right: "send" | "configure"): boolean {
  return welcome.value?.rights.includes(right) ?? false;
}

// --- totals --------------------------------------------------------------------------------------

class Total {
  readonly series = new Series();
  private readonly counter = new Counter();
  readonly rate = signal(0);
  count = 0;

  update(time: number, count: number): void {
    this.count = count;
    this.rate.value = this.counter.update(time, count);
    this.series.add(now(), this.rate.value);
  }

  /** What was counted since the last update. */
  get step(): number {
    return this.counter.step;
  }
}

export const totals = {
  received: new Total(),
  sent: new Total(),
  waiting: new Series(),
  lost: new Total(),
};

/** What was lost in the last minutes, as far as this page knows. */
export const lostSteps = new Series();

export function now(): number {
  return performance.now() / 1_000;
}

function takePulse(message: Pulse): void {
  pulse.value = message;
  totals.received.update(message.time, message.received);
  totals.sent.update(message.time, message.sent);
  totals.lost.update(message.time, message.lost);
  lostSteps.add(now(), totals.lost.step);
  totals.waiting.add(now(), message.waiting);
}

// --- parts ---------------------------------------------------------------------------------------

/** A part with its rates and their histories. */
export class Part {
  readonly in = new Counter();
  readonly out = new Counter();
  readonly lost = new Counter();
  readonly inSeries = new Series();
  readonly outSeries = new Series();

  constructor(public state: PartState) {}

  update(time: number): void {
    const { incoming, outgoing } = flows(this.state);
    this.inSeries.add(now(), this.in.update(time, incoming));
    this.outSeries.add(now(), this.out.update(time, outgoing));
    this.lost.update(time, lostOf(this.state));
  }
}

function flows(part: PartState): { incoming: number; outgoing: number } {
  if (part.kind === "route") return { incoming: part.taken, outgoing: part.passed };
  return { incoming: part.received.messages, outgoing: part.kind === "endpoint" ? part.sent : 0 };
}

export function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((all, each) => all + each, 0);
}

export function lostOf(part: PartState): number {
  if (part.kind === "route") return sum(part.failed);
  const received = sum(part.received.lost);
  return part.kind === "endpoint" ? received + sum(part.lost) : received;
}

export const parts = new Map<string, Part>();
/** Increases with each look at the parts. */
export const partsVersion = signal(0);
export const order = signal<readonly string[]>([]);
/** Whether a state of the bridge has arrived. Until then the page says nothing about it. */
export const isStateKnown = signal(false);
export const links = signal<readonly (readonly string[])[]>([]);
export const problems = signal<readonly Problem[]>([]);
/** Whether this bridge delivers or stands by; null for one without a backup. */
export const role = signal<RoleState | null>(null);

function takeNow(message: NowState): void {
  if (message.full) {
    const kept = new Set(message.parts.map((each) => each.id));
    for (const id of parts.keys()) if (!kept.has(id)) parts.delete(id);
  }
  for (const each of message.parts) {
    const known = parts.get(each.id);
    if (known) known.state = each;
    else parts.set(each.id, new Part(each));
  }
  if (message.order) {
    const kept = new Set(message.order);
    for (const id of parts.keys()) if (!kept.has(id)) parts.delete(id);
    order.value = message.order;
    links.value = message.links;
  }
  for (const part of parts.values()) part.update(message.time);
  if (message.totals) takeTotals(message.totals);
  if (message.part) {
    const found = parts.get(message.part.id);
    found?.inSeries.fill(now(), message.part.incoming);
    found?.outSeries.fill(now(), message.part.outgoing);
  }
  if (message.problems) problems.value = message.problems;
  if (message.role) role.value = message.role.role ? message.role : null;
  isStateKnown.value = true;
  partsVersion.value++;
}

/** What the bridge has counted before this page was open, or while it was not connected. */
function takeTotals({ received, sent, waiting, lost }: TotalHistory): void {
  totals.received.series.fill(now(), received);
  totals.sent.series.fill(now(), sent);
  totals.waiting.fill(now(), waiting);
  lostSteps.fill(now(), lost);
}

const shownPart = signal("");

/** Asks for the history of a part, whose details are shown. */
export function showPart(id: string): void {
  if (shownPart.value === id) return;
  shownPart.value = id;
  watchNow();
}

function watchNow(): void {
  connection.watch(() => ({ type: "watch_now", part: shownPart.value }));
}

// --- the log -------------------------------------------------------------------------------------

export const events = signal<readonly LogEvent[]>([]);
/** Events that did not reach the page, as there were too many. */
export const missed = signal(0);

// --- the connection ------------------------------------------------------------------------------

function receive(message: ServerMessage): void {
  heard.value = Date.now();
  batch(() => {
    switch (message.type) {
      case "welcome":
        if (message.process.since !== welcome.value?.process.since) {
          events.value = [];
          forgetValues();
        }
        ownVersion.value ||= message.process.version;
        welcome.value = message;
        denied.value = null;
        break;
      case "denied":
        denied.value = message;
        break;
      case "pulse":
        takePulse(message);
        break;
      case "now":
        takeNow(message);
        break;
      case "log":
        if (message.full) missed.value = 0;
        missed.value += message.missed;
        events.value = (message.full ? message.events : [...events.value, ...message.events]).slice(-MAX_EVENTS);
        break;
      case "values":
        takeValues(message);
        break;
      case "answer":
      case "refused":
        break;
      default:
        listeners.get(message.type)?.(message as never);
    }
  });
}

type Kind = ServerMessage["type"];
const listeners = new Map<Kind, (message: never) => void>();

/** Messages of a view that is loaded when it is opened. */
export function listen<K extends Kind>(type: K, take: (message: Extract<ServerMessage, { type: K }>) => void): void {
  listeners.set(type, take);
}

function socketUrl(): string {
  const url = new URL(`${basePath}ui`, location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}

let token = "";

export const connection = new Connection(socketUrl(), () => token, {
  state: (value) => (state.value = value),
  message: receive,
  notUnderstood: () => (notUnderstood.value = true),
});

const KEY = "oscbridge token";

export function start(): void {
  const given = takeToken();
  if (given && given.length <= MAX_TOKEN) sessionStorage.setItem(KEY, given);
  token = sessionStorage.getItem(KEY) ?? "";
  watchNow();
  connection.watch(() => ({ type: "watch_log", after: events.value.at(-1)?.number ?? 0 }));
  connection.open();
  window.addEventListener("online", () => connection.hurry());
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) connection.hurry();
  });
}

export function useToken(value: string): void {
  token = value;
  sessionStorage.setItem(KEY, value);
  connection.open();
}
