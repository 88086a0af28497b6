// Made by `python -m oscbridge_ui.typescript` from oscbridge_ui/*messages.py. Do not edit.

import type { AddEdit, ChangeEdit, MoveEdit, RemoveEdit, TextEdit } from "./editing";

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
