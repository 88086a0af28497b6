// Made by `python -m oscbridge_ui.typescript` from oscbridge_ui/*messages.py. Do not edit.

export const SUBPROTOCOL = "oscbridge.ui.1";
/** Characters of a name, and of an address. A message with more ends the connection. */
export const MAX_NAME = 256;
export const MAX_TEXT = 4096;

/** The first message. */
export interface Hello {
  type: "hello";
  token?: string;
}

/** A part of a message that is too large for one frame. Requires the right ``configure``. */
export interface MessagePart {
  type: "part";
  text: string;
  is_last?: boolean;
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
  topic: "now" | "log" | "values" | "routes" | "surface" | "recordings" | "download" | "learning" | "devices";
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

/** What a held button sends when it is released. */
export interface Release {
  types: string;
  args: readonly (boolean | number | string | null)[];
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
  release?: Release | null;
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
  views: readonly string[];
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
  receivers: readonly string[];
  peer: string;
  described: Described | null;
}

/** A control, a display, or a text on a page. */
export interface Widget {
  kind: "fader" | "button" | "xy" | "menu" | "colour" | "meter" | "text" | "label";
  label: string;
  address: string;
  types: string;
  target: string;
  received: boolean;
  x: number;
  y: number;
  w: number;
  h: number;
  colour: string;
  unit: string;
  least: number;
  most: number;
  choices: readonly (boolean | number | string | null)[];
  mode: "momentary" | "toggle" | "trigger";
  confirm: boolean;
  on: boolean | number | string | null;
  off: boolean | number | string | null;
  args: readonly (boolean | number | string | null)[];
  id: string;
}

/** A page of the surface. */
export interface SurfacePage {
  id: string;
  name: string;
  columns: number;
  locked: boolean;
  tokens: readonly string[];
  widgets: readonly Widget[];
}

/** The file of a surface. */
export interface SurfaceDocument {
  format: "oscbridge surface";
  version: "1";
  revision: number;
  pages: readonly SurfacePage[];
}

/** New values for a control; those that are left out stay. */
export interface WidgetChange {
  kind?: "fader" | "button" | "xy" | "menu" | "colour" | "meter" | "text" | "label";
  label?: string;
  address?: string;
  types?: string;
  target?: string;
  received?: boolean;
  x?: number;
  y?: number;
  w?: number;
  h?: number;
  colour?: string;
  unit?: string;
  least?: number;
  most?: number;
  choices?: readonly (boolean | number | string | null)[];
  mode?: "momentary" | "toggle" | "trigger";
  confirm?: boolean;
  on?: boolean | number | string | null;
  off?: boolean | number | string | null;
  args?: readonly (boolean | number | string | null)[];
}

/** New values for a page; those that are left out stay. */
export interface PageChange {
  name?: string;
  columns?: number;
  locked?: boolean;
  tokens?: readonly string[];
  position?: number;
}

/** Add a page after the others. */
export interface AddPage {
  op: "add_page";
  page: SurfacePage;
}

/** Change a page, but not its controls. */
export interface ChangePage {
  op: "change_page";
  page: string;
  changes: PageChange;
}

/** Remove a page. */
export interface RemovePage {
  op: "remove_page";
  page: string;
}

/** Put a control onto a page. */
export interface AddWidget {
  op: "add_widget";
  page: string;
  widget: Widget;
}

/** Change a control. */
export interface ChangeWidget {
  op: "change_widget";
  page: string;
  widget: string;
  changes: WidgetChange;
}

/** Remove a control. */
export interface RemoveWidget {
  op: "remove_widget";
  page: string;
  widget: string;
}

/** Watch the pages, and the values of one of them. A further one shows another page. */
export interface WatchSurface {
  type: "watch_surface";
  page?: string;
}

/** Edit pages and controls: all of the edits, or none. Requires the right ``configure``. */
export interface EditSurface {
  type: "edit_surface";
  id: number;
  edits: string;
}

/** The pages that this token shows, and the values of one, or their changes. */
export interface SurfaceState {
  type: "surface";
  time: number;
  revision: number;
  order: readonly string[] | null;
  pages: readonly SurfacePage[];
  rows: readonly ValueRow[];
  file: string;
  problem: string;
  token_names: readonly string[];
}

/** Watch the recordings, the recorder and the player. */
export interface WatchRecordings {
  type: "watch_recordings";
}

/** Record the messages that pass. Requires the right ``configure``, as all of these. */
export interface StartRecording {
  type: "start_recording";
  id: number;
  name?: string;
}

/** End the recording. */
export interface StopRecording {
  type: "stop_recording";
  id: number;
}

/** Remove a recording from the disk. */
export interface RemoveRecording {
  type: "remove_recording";
  id: number;
  name: string;
}

/** Play a recording; it replaces the one that is being played. */
export interface PlayRecording {
  type: "play_recording";
  id: number;
  name: string;
  direction?: "in" | "out";
  source?: string;
  speed?: number;
  loop?: boolean;
  position?: number;
}

/** Change how it is played; values that are left out stay. */
export interface ChangePlayback {
  type: "change_playback";
  id: number;
  paused?: boolean | null;
  speed?: number | null;
  loop?: boolean | null;
  position?: number | null;
}

/** Play it no longer. */
export interface StopPlayback {
  type: "stop_playback";
  id: number;
}

/** Send a recording, as ``recording_data``; another one, or ``unwatch``, ends it. */
export interface DownloadRecording {
  type: "download_recording";
  id: number;
  name: string;
}

/** A piece of a recording; it is kept once all pieces are there and it is valid. */
export interface UploadRecording {
  type: "upload_recording";
  id: number;
  name: string;
  size: number;
  offset: number;
  data: string;
}

/** A recording on the disk. */
export interface RecordingEntry {
  name: string;
  size: number;
  started: number | null;
  seconds: number | null;
}

/** The recording in progress. */
export interface RecorderState {
  name: string;
  seconds: number;
  size: number;
  packets: number;
  dropped: Readonly<Record<string, number>>;
}

/** The playback in progress. */
export interface PlaybackState {
  name: string;
  position: number;
  seconds: number | null;
  speed: number;
  loop: boolean;
  paused: boolean;
  direction: "in" | "out";
  source: string;
  delivered: number;
  left_out: number;
  rounds: number;
}

/** The recordings, the recorder and the player. */
export interface RecordingsState {
  type: "recordings";
  entries: readonly RecordingEntry[] | null;
  recorder: RecorderState | null;
  playback: PlaybackState | null;
  sources: readonly string[];
  folder: string;
  free: number;
  notice: string;
  failed: boolean;
}

/** A piece of a recording that is being downloaded. */
export interface RecordingData {
  type: "recording_data";
  id: number;
  offset: number;
  size: number;
  data: string;
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

/** Make an undone edit again, and reload. Requires the right ``configure``. */
export interface RedoEdit {
  type: "redo_edit";
  id: number;
  number?: number | null;
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
  conflict: boolean;
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
  configuration: number;
  routes: readonly LastMessages[];
}

/** Begin to learn a route. Requires the right ``configure``, as all of this view. */
export interface WatchLearning {
  type: "watch_learning";
}

/** Take a candidate as the control that was moved. */
export interface LearnChoose {
  type: "learn_choose";
  id: number;
  role: "source" | "target";
  key: string;
}

/** Take an address as the target, without moving it. */
export interface LearnTarget {
  type: "learn_target";
  id: number;
  part: string;
  address: string;
}

/** Move the control, or the target, again. */
export interface LearnAgain {
  type: "learn_again";
  id: number;
  role: "source" | "target";
}

/** Change the proposal. */
export interface LearnOptions {
  type: "learn_options";
  id: number;
  both?: boolean;
  name?: string;
}

/** Send a value to the target. */
export interface LearnTest {
  type: "learn_test";
  id: number;
  share: number;
}

/** Find known addresses of a target. */
export interface FindAddresses {
  type: "find_addresses";
  id: number;
  part: string;
  query?: string;
}

/** A control that may have been moved. */
export interface LearningCandidate {
  key: string;
  part: string;
  address: string;
  title: string;
  types: string;
  why: string;
  share: number;
  is_moving: boolean;
  encoder: string;
}

/** The control, or the target. */
export interface LearningEnd {
  part: string;
  address: string;
  title: string;
  types: string;
  range: string;
  encoder: string;
}

/** What would be added to the configuration. */
export interface LearningProposal {
  name: string;
  error: string;
  notes: readonly string[];
  toml: string;
  edits: readonly (AddEdit | ChangeEdit | RemoveEdit | MoveEdit | TextEdit)[];
}

/** The state of learning, and the route that is proposed. */
export interface LearningStatus {
  type: "learning";
  waiting_for: "source" | "target" | null;
  listening: number;
  candidates: readonly LearningCandidate[];
  ignored: number;
  source: LearningEnd | null;
  target: LearningEnd | null;
  both: boolean;
  proposal: LearningProposal | null;
}

/** An address that a target understands. */
export interface OfferedAddress {
  address: string;
  text: string;
}

/** Known addresses of a target. */
export interface AddressesAnswer {
  type: "known_addresses";
  id: number;
  addresses: readonly OfferedAddress[];
  total: number;
}

/** Look for devices. Requires the right ``configure``, as all of this view. */
export interface WatchDevices {
  type: "watch_devices";
}

/** List the ports of the machine again. */
export interface LookForDevices {
  type: "look_for_devices";
  id: number;
}

/** Send the test messages of an endpoint. */
export interface TestEndpoint {
  type: "test_endpoint";
  id: number;
  name: string;
  test: string;
}

/** A device that could be added, or is an endpoint already. */
export interface DeviceFound {
  endpoint_type: string;
  name: string;
  place: string;
  origin: "network" | "machine";
  endpoint: string;
  proposed_name: string;
  table: Readonly<Record<string, unknown>>;
}

/** A type of endpoints. */
export interface EndpointKind {
  name: string;
  text: string;
  tests: readonly string[];
  example: Readonly<Record<string, unknown>>;
  error: string;
}

/** A device profile. */
export interface ProfileState {
  name: string;
  title: string;
  addresses: number;
  to: string;
}

/** An installed plugin. */
export interface PluginState {
  name: string;
  version: string;
  types: readonly string[];
  error: string;
}

/** The devices that are found, and the types and profiles that can be added. */
export interface DevicesState {
  type: "devices";
  is_listing: boolean;
  found: readonly DeviceFound[];
  problems: Readonly<Record<string, string>>;
  kinds: readonly EndpointKind[];
  profiles: readonly ProfileState[];
  plugins: readonly PluginState[];
}

export type PartState =
  | BridgePart
  | EndpointPart
  | RoutePart;

export type SurfaceEdit =
  | AddPage
  | ChangePage
  | RemovePage
  | AddWidget
  | ChangeWidget
  | RemoveWidget;

export type EditWanted =
  | AddEdit
  | ChangeEdit
  | RemoveEdit
  | MoveEdit
  | TextEdit;

export type ClientMessage =
  | Hello
  | MessagePart
  | WatchNow
  | WatchLog
  | WatchValues
  | Unwatch
  | Mute
  | ReloadConfiguration
  | SetVariable
  | SendMessage
  | WatchSurface
  | EditSurface
  | WatchRecordings
  | StartRecording
  | StopRecording
  | RemoveRecording
  | PlayRecording
  | ChangePlayback
  | StopPlayback
  | DownloadRecording
  | UploadRecording
  | ReadConfiguration
  | ReadSchema
  | CheckEdit
  | SaveEdit
  | UndoEdit
  | RedoEdit
  | WatchRoutes
  | WatchLearning
  | LearnChoose
  | LearnTarget
  | LearnAgain
  | LearnOptions
  | LearnTest
  | FindAddresses
  | WatchDevices
  | LookForDevices
  | TestEndpoint;

export type ServerMessage =
  | Welcome
  | Denied
  | Refused
  | Pulse
  | NowState
  | LogState
  | Answer
  | ValuesState
  | SurfaceState
  | RecordingsState
  | RecordingData
  | ConfigurationState
  | SchemaState
  | CheckedState
  | SavedState
  | RoutesState
  | LearningStatus
  | AddressesAnswer
  | DevicesState;
