// Below a draft: what is wrong with it, what saving changes in the file, and the button.

import { useEffect, useRef, useState } from "preact/hooks";

import { several } from "../format";
import type { FormProblem } from "../forms/form";
import { isBelow } from "../forms/form";
import type { FormPath } from "../forms/values";
import type { CheckedState, EditWanted, SavedState, Trial } from "../protocol";
import { may, online } from "../store";
import { checkEdits, configuration, readConfiguration, saveEdits } from "./client";

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
  useEffect(() => {
    const own = ++number.current;
    if (!edits.length || !base) return;
    if (checkedText.current !== text) setDraft((old) => ({ ...old, isChecking: true }));
    const timer = window.setTimeout(() => {
      checkEdits(base, edits, trial).then(
        (checked) => {
          if (own !== number.current) return;
          checkedText.current = text;
          setDraft({ checked, error: checked.error, isChecking: false });
        },
        (error: Error) => {
          if (own === number.current) setDraft({ checked: null, error: error.message, isChecking: false });
        },
      );
    }, WAIT);
    return () => window.clearTimeout(timer);
  }, [text, base, round]);
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

interface Props {
  edits: readonly EditWanted[];
  draft: Draft;
  summary: string;
  /** Problems that no field shows. */
  problems: readonly string[];
  label?: string;
  onSaved(saved: SavedState): void;
  onCancel?(): void;
}

export function SaveBox({ edits, draft, summary, problems, label = "Save and reload", onSaved, onCancel }: Props) {
  const [failed, setFailed] = useState<SavedState | null>(null);
  const [isSaving, setSaving] = useState(false);
  const text = JSON.stringify(edits);
  useEffect(() => setFailed(null), [text]);
  const { checked } = draft;
  const count = checked?.problems.length ?? 0;
  const isReady = checked !== null && !checked.error && !count && !checked.refused.length && !draft.isChecking;
  const save = async () => {
    setSaving(true);
    try {
      const saved = await saveEdits(configuration.value?.version ?? "", edits, summary);
      if (saved.error) {
        setFailed(saved);
        if (saved.reason === "conflict") await readConfiguration();
      } else onSaved(saved);
    } catch (error) {
      setFailed({ ...NOTHING, error: (error as Error).message });
    } finally {
      setSaving(false);
    }
  };
  const texts = Object.entries(failed?.texts ?? {});
  return (
    <div class="save-box">
      {problems.map((each) => (
        <p key={each} class="err">
          {each}
        </p>
      ))}
      {draft.error && <p class="err">{draft.error}</p>}
      {checked?.conflict && (
        <button type="button" class="btn" onClick={() => void readConfiguration()}>
          Compare with the file as it is now
        </button>
      )}
      {failed && (
        <p class="err" role="alert">
          {failed.error}
          {failed.reason === "conflict" && ". What you see now is checked against the file as it is."}
        </p>
      )}
      {texts.map(([name, content]) => (
        <label key={name} class="copy">
          <span>
            {name} cannot be written from here: copy this text into it.
          </span>
          <textarea class="mono" readOnly rows={8} value={content} onFocus={(event) => event.currentTarget.select()} />
        </label>
      ))}
      {checked?.diff && <Diff text={checked.diff} />}
      {checked?.warnings.map((each) => (
        <p key={each} class="say w">
          {each}
        </p>
      ))}
      <div class="acts">
        <span class="faint grow" role="status">
          {draft.isChecking ? "Checking…" : count ? several(count, "problem") : checked?.merged ? "The file was changed meanwhile; both changes fit." : ""}
          {!may("configure") && " Saving needs a token with the right configure."}
        </span>
        {onCancel && (
          <button type="button" class="btn ghost" onClick={onCancel}>
            Discard
          </button>
        )}
        <button type="button" class="btn go" disabled={!isReady || isSaving || !online.value || !may("configure")} onClick={() => void save()}>
          {isSaving ? "Saving…" : label}
        </button>
      </div>
    </div>
  );
}

const NOTHING: SavedState = {
  type: "saved",
  id: 0,
  error: "",
  reason: "failed",
  text: "",
  problems: [],
  diff: "",
  version: "",
  merged: false,
  number: 0,
  texts: {},
};

/** What saving changes in the files. */
export function Diff({ text }: { text: string }) {
  const lines = text.split("\n").filter((each) => each && !each.startsWith("---") && !each.startsWith("+++"));
  return (
    <pre class="diff mono" aria-label="What saving changes" tabIndex={0}>
      {lines.map((each, index) => (
        <span key={index} class={each.startsWith("+") ? "add" : each.startsWith("-") ? "del" : "eq"}>
          {each.startsWith("@@") ? "…" : each}
          {"\n"}
        </span>
      ))}
    </pre>
  );
}
