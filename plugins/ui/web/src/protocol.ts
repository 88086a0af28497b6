// Made by `python -m oscbridge_ui.typescript` from oscbridge_ui/*_messages.py. Do not edit.

export const SUBPROTOCOL = "oscbridge.ui.1";

/** The first message. */
export interface Hello {
  type: "hello";
  token?: string;
}

/** Watch the state of all parts. A further one asks for the history of another part. */
export interface WatchNow {
  type: "watch_now";
  part?: string;
}

/** Watch the log. */
export interface WatchLog {
  type: "watch_log";
  after?: number;
}

/** Watch a window of the list of addresses. A further one replaces it. */
export interface WatchValues {
  type: "watch_values";
  query?: string;
  source?: string;
  state?: "all" | "live" | "stale";
  prefix?: string;
  sort?: "address" | "rate" | "age";
  first?: number;
  count?: number;
  chosen?: readonly string[];
  open?: readonly string[];
}

/** Watch a topic no longer. */
export interface Unwatch {
  type: "unwatch";
  topic: "now" | "log" | "values";
}

/** Mute routes, or unmute them. Requires the right ``configure``. */
export interface Mute {
  type: "mute";
  id: number;
  routes: readonly string[];
  on: boolean;
}

/** Read the configuration again. Requires the right ``configure``. */
export interface ReloadConfiguration {
  type: "reload";
  id: number;
}

/** Set a variable. Requires the right ``configure``. */
export interface SetVariable {
  type: "set";
  id: number;
  name: string;
  value: boolean | number | string | null;
}

/** Send an OSC message to an endpoint, or into the routes as if a source had received it. */
export interface SendMessage {
  type: "send";
  id: number;
  name: string;
  received?: boolean;
  address: string;
  types: string;
  args?: readonly (boolean | number | string | null)[];
}

/** Sent every second, whatever is watched. */
export interface Pulse {
  type: "pulse";
  time: number;
  received: number;
  sent: number;
  waiting: number;
  lost: number;
  bad: number;
  warn: number;
  addresses: number;
}

/** Counters of a source since it was started. */
export interface ReceivedState {
  packets: number;
  messages: number;
  routed: number;
  unmatched: number;
  held: number;
  bad: Readonly<Record<string, number>>;
  lost: Readonly<Record<string, number>>;
  last_unmatched: string;
  silence: number | null;
}

/** A bridge. */
export interface BridgePart {
  kind: "bridge";
  id: string;
  name: string;
  address: string;
  mode: string;
  problem: string;
  connections: number;
  received: ReceivedState;
}

/** An endpoint, or the clients of a bridge as a sink. */
export interface EndpointPart {
  kind: "endpoint";
  id: string;
  name: string;
  endpoint_type: string;
  where: string;
  connected: boolean;
  problem: string;
  is_sink: boolean;
  is_bridge: boolean;
  policy: string;
  queued: number;
  in_flight: number;
  queue_size: number;
  sent: number;
  lost: Readonly<Record<string, number>>;
  clients: number | null;
  refused: number;
  delay: number | null;
  received: ReceivedState;
}

/** A route. */
export interface RoutePart {
  kind: "route";
  id: string;
  number: number;
  name: string;
  match: string;
  sources: readonly string[];
  to: readonly string[];
  taken: number;
  passed: number;
  filtered: Readonly<Record<string, number>>;
  failed: Readonly<Record<string, number>>;
  held: number;
  enabled: boolean;
  muted: boolean;
  failing: boolean;
  last_error: string;
}

/** Something that needs attention, in plain words. */
export interface Problem {
  id: string;
  level: "bad" | "warn";
  part: string;
  title: string;
  text: string;
  fix: string;
  since: number;
  action: "" | "reload" | "unmute" | "values";
  code: string;
}

/** Rates of the last minutes, one per second, the last that of now; None is not known. */
export interface TotalHistory {
  received: readonly (number | null)[];
  sent: readonly (number | null)[];
  waiting: readonly (number | null)[];
  lost: readonly (number | null)[];
}

/** The same of one part. */
export interface PartHistory {
  id: string;
  incoming: readonly (number | null)[];
  outgoing: readonly (number | null)[];
}

/** The state of all parts, or of those that have changed. */
export interface NowState {
  type: "now";
  full: boolean;
  time: number;
  order: readonly string[] | null;
  links: readonly (readonly string[])[];
  parts: readonly (BridgePart | EndpointPart | RoutePart)[];
  problems: readonly Problem[] | null;
  variables: Readonly<Record<string, boolean | number | string | null>> | null;
  totals: TotalHistory | null;
  part: PartHistory | null;
}

/** The facts about an address beside its values. */
export interface Described {
  text: string;
  unit: string;
  least: number | null;
  most: number | null;
  choices: readonly (boolean | number | string | null)[];
}

/** One address, with its last message. */
export interface ValueRow {
  address: string;
  types: string;
  args: readonly (boolean | number | string | null)[];
  cut: boolean;
  count: number;
  time: number;
  received: boolean;
  sources: readonly string[];
  sinks: readonly string[];
  peer: string;
  described: Described | null;
}

/** A branch of the tree of addresses. */
export interface TreeNode {
  name: string;
  count: number;
  leaf: boolean;
}

/** The first number of an address, one per second, the last that of now; None is not known. */
export interface ValueHistory {
  address: string;
  values: readonly (number | null)[];
}

/** A window of the list of addresses, or the changes in it. */
export interface ValuesState {
  type: "values";
  time: number;
  total: number;
  live: number;
  stale: number;
  found: number;
  first: number;
  order: readonly string[] | null;
  rows: readonly ValueRow[];
  histories: readonly ValueHistory[];
  tree: Readonly<Record<string, readonly TreeNode[]>> | null;
  sources: readonly string[] | null;
  forgotten: number;
}

/** The process and its configuration. */
export interface ProcessState {
  configuration: string;
  version: string;
  pid: number;
  since: number;
  dry: boolean;
  built_in: boolean;
  addresses: readonly string[];
}

/** The client has access. */
export interface Welcome {
  type: "welcome";
  rights: readonly ("listen" | "send" | "configure")[];
  limited: boolean;
  process: ProcessState;
  time: number;
}

/** The client has no access; the connection is closed. */
export interface Denied {
  type: "denied";
  reason: string;
  token_needed: boolean;
  retry_after: number;
}

/** A topic that this client may not watch. */
export interface Refused {
  type: "refused";
  topic: string;
  reason: string;
}

/** An event of the log. */
export interface LogEvent {
  number: number;
  time: number;
  level: "debug" | "info" | "warning" | "error" | "critical";
  part: string;
  text: string;
  error: string;
}

/** Events of the log, oldest first. */
export interface LogState {
  type: "log";
  full: boolean;
  events: readonly LogEvent[];
  missed: number;
}

/** The answer to a command. */
export interface Answer {
  type: "answer";
  id: number;
  error: string;
  text: string;
}

export type PartState =
  | BridgePart
  | EndpointPart
  | RoutePart;

export type ClientMessage =
  | Hello
  | WatchNow
  | WatchLog
  | WatchValues
  | Unwatch
  | Mute
  | ReloadConfiguration
  | SetVariable
  | SendMessage;

export type ServerMessage =
  | Welcome
  | Denied
  | Refused
  | Pulse
  | NowState
  | LogState
  | Answer
  | ValuesState;
