// The configuration on disk: read, checked, saved. All edits of the page go through here.

import { effect, signal } from "@preact/signals";
import { useEffect } from "preact/hooks";

import type { Definitions, Schema } from "../forms/schema";
import { cut } from "../format";
import { decodeTable, isTable, type FormTable, type JsonValue } from "../forms/values";
import { MAX_NAME, type CheckedState, type ConfigurationState, type EditWanted, type SavedState, type Trial } from "../protocol";
import { connection, online, welcome } from "../store";

/** The configuration as it was read last. */
export const configuration = signal<ConfigurationState | null>(null);
export const readError = signal("");
/** The start of the process that it was read from. */
let readFrom = 0;

/** The schemas of the tables of the configuration. */
export interface ConfigurationSchema {
  readonly properties: Readonly<Record<string, Schema>>;
  readonly definitions: Definitions;
}

export const schema = signal<ConfigurationSchema | null>(null);

export async function readConfiguration(): Promise<ConfigurationState> {
  const answer = await connection.request({ type: "read_configuration" });
  if (answer.type !== "configuration") throw new Error("The bridge did not answer.");
  if (answer.error) throw new Error(answer.error);
  readFrom = welcome.peek()?.process.since ?? 0;
  configuration.value = answer;
  return answer;
}

export async function readSchema(): Promise<ConfigurationSchema> {
  return schema.value ?? fetchSchema();
}

async function fetchSchema(): Promise<ConfigurationSchema> {
  const answer = await connection.request({ type: "read_schema" });
  if (answer.type !== "schema") throw new Error("The bridge did not answer.");
  if (answer.error) throw new Error(answer.error);
  const document = answer.document as { properties?: Record<string, Schema>; $defs?: Record<string, Schema> } | null;
  schema.value = { properties: document?.properties ?? {}, definitions: document?.$defs ?? {} };
  return schema.value;
}

/** Reads both; what fails is said in `readError`. */
export async function readAll(isNew = false): Promise<void> {
  try {
    await Promise.all([readConfiguration(), isNew ? fetchSchema() : readSchema()]);
    readError.value = "";
  } catch (error) {
    readError.value = (error as Error).message;
  }
}

// Another process may have another file and other plugins, and knows no version of those before.
effect(() => {
  const since = welcome.value?.process.since ?? 0;
  if (online.value && readFrom && since !== readFrom) void readAll(true);
});

/** Reads both while a view needs them, and when the bridge is back. */
export function useConfiguration(isNeeded: boolean): void {
  useEffect(() => {
    if (isNeeded && online.value) void readAll();
  }, [isNeeded, online.value]);
}

/** The check that is made now: of several that wait, the bridge makes only the last one. */
let lastCheck: Promise<unknown> = Promise.resolve();

/** Checks a draft after the others; null if it is not wanted any more by then. */
export function checkEdits(
  base: string,
  edits: readonly EditWanted[],
  trial: Trial | null,
  isWanted: () => boolean,
): Promise<CheckedState | null> {
  const check = lastCheck.then(async () => {
    if (!isWanted()) return null;
    const answer = await connection.request({ type: "check_edit", base, edits, trial });
    if (answer.type !== "checked") throw new Error("The bridge did not answer.");
    return answer;
  });
  lastCheck = check.catch(() => undefined);
  return check;
}

export async function saveEdits(base: string, edits: readonly EditWanted[], summary: string): Promise<SavedState> {
  const answer = await connection.request({ type: "save_edit", base, edits, summary: cut(summary, MAX_NAME) });
  if (answer.type !== "saved") throw new Error("The bridge did not answer.");
  if (!answer.error) await readConfiguration();
  return answer;
}

export async function undoEdit(number: number | null = null, andLater = false): Promise<SavedState> {
  const answer = await connection.request({ type: "undo_edit", number, and_later: andLater });
  if (answer.type !== "saved") throw new Error("The bridge did not answer.");
  if (!answer.error) await readConfiguration();
  return answer;
}

export async function redoEdit(number: number): Promise<SavedState> {
  const answer = await connection.request({ type: "redo_edit", number });
  if (answer.type !== "saved") throw new Error("The bridge did not answer.");
  if (!answer.error) await readConfiguration();
  return answer;
}

/** A table of the configuration as it was read; empty if it has none. */
export function tableAt(path: readonly string[]): FormTable {
  let found: FormTable = decodeTable((configuration.value?.tables ?? {}) as JsonValue);
  for (const key of path) {
    const inner = Object.hasOwn(found, key) ? found[key] : undefined;
    found = isTable(inner) ? inner : {};
  }
  return found;
}
