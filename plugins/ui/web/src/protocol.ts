// Made by `python -m oscbridge_ui.typescript` from oscbridge_ui/protocol.py. Do not edit.

export const SUBPROTOCOL = "oscbridge.ui.1";

/** The first message. */
export interface Hello {
  type: "hello";
  token?: string;
}

/** Watch the state of all parts. */
export interface WatchNow {
  type: "watch_now";
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
  topic: "now" | "log" | "values" | "routes";
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
  tree: Readonly<Record<string, readonly TreeNode[]>> | null;
  sources: readonly string[] | null;
  forgotten: number;
}

/** A new table: ``["route"]``, ``["endpoint", "desk"]``. */
export interface AddEdit {
  kind: "add";
  path: readonly (string | number)[];
  table: Readonly<Record<string, unknown>>;
  position: number | null;
}

/** A table gets this content; a key that is missing is removed. */
export interface ChangeEdit {
  kind: "change";
  path: readonly (string | number)[];
  table: Readonly<Record<string, unknown>>;
}

/** A table is removed. */
export interface RemoveEdit {
  kind: "remove";
  path: readonly (string | number)[];
}

/** A route gets another index. */
export interface MoveEdit {
  kind: "move";
  index: number;
  to: number;
}

/** A file gets this text. */
export interface TextEdit {
  kind: "text";
  file: string;
  text: string;
}

/** What to trace through a draft. */
export interface Trial {
  route: number;
  message: string;
  run_function: boolean;
}

/** Read the configuration. Requires the right ``configure``. */
export interface ReadConfiguration {
  type: "read_configuration";
  id: number;
}

/** Read the JSON Schema of the configuration. Requires the right ``configure``. */
export interface ReadSchema {
  type: "read_schema";
  id: number;
}

/** Check edits; nothing changes. Requires the right ``configure``. */
export interface CheckEdit {
  type: "check_edit";
  id: number;
  base: string;
  edits: readonly (AddEdit | ChangeEdit | RemoveEdit | MoveEdit | TextEdit)[];
  trial?: Trial | null;
}

/** Make edits, and reload. Requires the right ``configure``. */
export interface SaveEdit {
  type: "save_edit";
  id: number;
  base: string;
  edits: readonly (AddEdit | ChangeEdit | RemoveEdit | MoveEdit | TextEdit)[];
  summary: string;
}

/** Undo an edit, and reload. Requires the right ``configure``. */
export interface UndoEdit {
  type: "undo_edit";
  id: number;
  number?: number | null;
  and_later?: boolean;
}

/** Watch the last messages of all routes. */
export interface WatchRoutes {
  type: "watch_routes";
}

/** A file of the configuration. */
export interface FileState {
  name: string;
  text: string;
  read_only: string;
}

/** A saved edit. */
export interface VersionState {
  number: number;
  time: number;
  summary: string;
  undone: boolean;
  diff: string;
}

/** The configuration as it is on disk. */
export interface ConfigurationState {
  type: "configuration";
  id: number;
  error: string;
  version: string;
  files: readonly FileState[];
  tables: Readonly<Record<string, unknown>>;
  places: readonly string[];
  environment: Readonly<Record<string, string>>;
  problem: string;
  built_in: boolean;
  allow_code: boolean;
  versions: readonly VersionState[];
}

/** The JSON Schema of the configuration; ``readOnly`` marks what only the file may set. */
export interface SchemaState {
  type: "schema";
  id: number;
  error: string;
  document: unknown;
}

/** A problem of a draft, in the words of ``oscbridge check``. */
export interface ProblemState {
  file: string;
  path: readonly (string | number)[];
  line: number;
  text: string;
  brief: string;
}

/** A step of a route, and its result. */
export interface TraceStep {
  key: string;
  value: string;
  result: string;
  outcome: "passed" | "stopped" | "sent";
}

/** A message on its way through the draft of a route. */
export interface TracedMessage {
  source: string;
  text: string;
  result: string;
  steps: readonly TraceStep[];
}

/** Edits that are not saved. */
export interface CheckedState {
  type: "checked";
  id: number;
  error: string;
  refused: readonly string[];
  problems: readonly ProblemState[];
  warnings: readonly string[];
  diff: string;
  merged: boolean;
  texts: Readonly<Record<string, string>>;
  traced: readonly TracedMessage[];
  trial_error: string;
}

/** The result of a save or an undo. */
export interface SavedState {
  type: "saved";
  id: number;
  error: string;
  reason: "" | "refused" | "conflict" | "read_only" | "invalid" | "failed";
  text: string;
  problems: readonly string[];
  diff: string;
  version: string;
  merged: boolean;
  number: number;
  texts: Readonly<Record<string, string>>;
}

/** The last message that a route took, and what it made of it. */
export interface LastMessages {
  id: string;
  address: string;
  taken: string;
  time: number;
  sent: string;
}

/** The last messages of all routes, or of those that have changed. */
export interface RoutesState {
  type: "routes";
  full: boolean;
  routes: readonly LastMessages[];
}

export type PartState =
  | BridgePart
  | EndpointPart
  | RoutePart;

export type EditWanted =
  | AddEdit
  | ChangeEdit
  | RemoveEdit
  | MoveEdit
  | TextEdit;

export type ClientMessage =
  | Hello
  | WatchNow
  | WatchLog
  | WatchValues
  | Unwatch
  | Mute
  | ReloadConfiguration
  | SetVariable
  | SendMessage
  | ReadConfiguration
  | ReadSchema
  | CheckEdit
  | SaveEdit
  | UndoEdit
  | WatchRoutes;

export type ServerMessage =
  | Welcome
  | Denied
  | Pulse
  | NowState
  | LogState
  | Answer
  | ValuesState
  | ConfigurationState
  | SchemaState
  | CheckedState
  | SavedState
  | RoutesState;
