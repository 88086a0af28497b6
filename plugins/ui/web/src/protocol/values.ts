// Made by `python -m oscbridge_ui.typescript` from oscbridge_ui/*messages.py. Do not edit.

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
