// Made by `python -m oscbridge_ui.typescript` from oscbridge_ui/*messages.py. Do not edit.

import type { LookForDevices, TestEndpoint, WatchDevices } from "./devices";
import type { CheckEdit, ReadConfiguration, ReadSchema, RedoEdit, SaveEdit, UndoEdit, WatchRoutes } from "./editing";
import type { FindAddresses, LearnAgain, LearnChoose, LearnOptions, LearnTarget, LearnTest, WatchLearning } from "./learning";
import type { ChangePlayback, DownloadRecording, PlayRecording, RemoveRecording, StartRecording, StopPlayback, StopRecording, UploadRecording, WatchRecordings } from "./recording";
import type { EditSurface, WatchSurface } from "./surface";

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
