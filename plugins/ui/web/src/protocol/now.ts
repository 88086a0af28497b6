// Made by `python -m oscbridge_ui.typescript` from oscbridge_ui/*messages.py. Do not edit.

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
  standby: number;
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

/** Whether this bridge delivers, or another one with the same lease. */
export interface RoleState {
  role: "leader" | "standby" | "";
  holder: string;
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
  role: RoleState | null;
  totals: TotalHistory | null;
  part: PartHistory | null;
}

export type PartState =
  | BridgePart
  | EndpointPart
  | RoutePart;
