// A draft of a table of the configuration. What others change meanwhile is in it.

import { useState } from "preact/hooks";

import { rebased } from "../forms/rebase";
import type { FormTable } from "../forms/values";

/** The draft of a table, which begins as the table is in the file. */
export function useTableDraft(inFile: FormTable): readonly [FormTable, (value: FormTable) => void] {
  const [{ base, mine }, setDraft] = useState({ base: inFile, mine: inFile });
  return [rebased(base, mine, inFile), (value) => setDraft({ base: inFile, mine: value })];
}
