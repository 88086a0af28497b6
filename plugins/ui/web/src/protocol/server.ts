// Made by `python -m oscbridge_ui.typescript` from oscbridge_ui/*messages.py. Do not edit.

import type { DevicesState } from "./devices";
import type { CheckedState, ConfigurationState, RoutesState, SavedState, SchemaState } from "./editing";
import type { AddressesAnswer, LearningStatus } from "./learning";
import type { NowState, Pulse } from "./now";
import type { RecordingData, RecordingsState } from "./recording";
import type { SurfaceState } from "./surface";
import type { ValuesState } from "./values";

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
