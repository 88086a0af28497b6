// Made by `python -m oscbridge_ui.typescript` from oscbridge_ui/*messages.py. Do not edit.

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

/** A file gets this text, made from ``base``, by default from the text of the version. */
export interface TextEdit {
  kind: "text";
  file: string;
  text: string;
  base: string | null;
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

export type EditWanted =
  | AddEdit
  | ChangeEdit
  | RemoveEdit
  | MoveEdit
  | TextEdit;
