// A draft: edits that are not saved yet, and what the bridge says of them.

import { useEffect, useRef, useState } from "preact/hooks";

import { isBelow, type FormProblem } from "../forms/form";
import type { FormPath } from "../forms/values";
import type { CheckedState, EditWanted, Trial } from "../protocol";
import { online } from "../store";
import { checkEdits, configuration } from "./client";

const AGAIN = 3_000; // ms after which the last messages are traced again
const WAIT = 250; // ms after an input before the draft is checked

export interface Draft {
  checked: CheckedState | null;
  error: string;
  isChecking: boolean;
}

/** Checks a draft whenever it changes; the last one wins. A trial is made again while it is shown. */
export function useDraft(edits: readonly EditWanted[], trial: Trial | null = null): Draft {
  const [draft, setDraft] = useState<Draft>({ checked: null, error: "", isChecking: true });
  const text = JSON.stringify([edits, trial]);
  const [round, setRound] = useState(0);
  const number = useRef(0);
  const checkedText = useRef("");
  useEffect(() => {
    if (!trial || trial.message || trial.run_function) return;
    const timer = window.setInterval(() => {
      if (!document.hidden && online.value) setRound((old) => old + 1);
    }, AGAIN);
    return () => window.clearInterval(timer);
  }, [text]);
  const base = configuration.value?.version ?? "";
  const isOnline = online.value; // a check that failed without a connection is repeated with it
  useEffect(() => {
    const own = ++number.current;
    if (!edits.length || !base || !isOnline) return;
    if (checkedText.current !== text) setDraft((old) => ({ ...old, isChecking: true }));
    const isWanted = () => own === number.current;
    const timer = window.setTimeout(() => {
      checkEdits(base, edits, trial, isWanted).then(
        (checked) => {
          if (!checked || !isWanted()) return;
          checkedText.current = text;
          setDraft({ checked, error: checked.error, isChecking: false });
        },
        (error: Error) => {
          if (isWanted()) setDraft({ checked: null, error: error.message, isChecking: false });
        },
      );
    }, WAIT);
    return () => window.clearTimeout(timer);
  }, [text, base, round, isOnline]);
  useEffect(() => () => void number.current++, []);
  return draft;
}

/** The problems of a draft that belong to a table, with paths in it; and the others. */
export function problemsOf(draft: Draft, path: FormPath): { own: FormProblem[]; others: string[] } {
  const own: FormProblem[] = [];
  const others: string[] = [];
  for (const each of draft.checked?.problems ?? []) {
    if (path.length && isBelow(each.path, path)) own.push({ path: each.path.slice(path.length), text: each.brief });
    else others.push(each.text);
  }
  return { own, others: [...others, ...(draft.checked?.refused ?? [])] };
}
