// Below a draft: what is wrong with it, what saving changes in the file, and the button.

import { useEffect, useState } from "preact/hooks";

import { several } from "../format";
import type { EditWanted, SavedState } from "../protocol";
import { may, online } from "../store";
import { configuration, readConfiguration, saveEdits } from "./client";
import type { Draft } from "./draft";

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
  const { failed, isSaving, save } = useSave(edits, summary, onSaved);
  const { checked } = draft;
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
      {failed && <Failure failed={failed} />}
      {checked?.diff && <Diff text={checked.diff} />}
      {checked?.warnings.map((each) => (
        <p key={each} class="say w">
          {each}
        </p>
      ))}
      <div class="acts">
        <span class="faint grow" role="status">
          {statusOf(draft)}
          {!may("configure") && " Saving needs a token with the right configure."}
        </span>
        {onCancel && (
          <button type="button" class="btn ghost" onClick={onCancel}>
            Discard
          </button>
        )}
        <button type="button" class="btn go" disabled={!isReady(draft) || isSaving || !online.value || !may("configure")} onClick={() => void save()}>
          {isSaving ? "Saving…" : label}
        </button>
      </div>
    </div>
  );
}

function isReady({ checked, isChecking }: Draft): boolean {
  return checked !== null && !checked.error && !checked.problems.length && !checked.refused.length && !isChecking;
}

function statusOf({ checked, isChecking }: Draft): string {
  if (isChecking) return "Checking…";
  const count = checked?.problems.length ?? 0;
  if (count) return several(count, "problem");
  return checked?.merged ? "The file was changed meanwhile; both changes fit." : "";
}

/** Why edits were not saved, and the texts of files that only a person can write. */
function Failure({ failed }: { failed: SavedState }) {
  return (
    <>
      <p class="err" role="alert">
        {failed.error}
        {failed.reason === "conflict" && ". What you see now is checked against the file as it is."}
      </p>
      {Object.entries(failed.texts).map(([name, content]) => (
        <label key={name} class="copy">
          <span>
            {name} cannot be written from here: copy this text into it.
          </span>
          <textarea class="mono" readOnly rows={8} value={content} onFocus={(event) => event.currentTarget.select()} />
        </label>
      ))}
    </>
  );
}

/** Saves edits; a failure is kept until they change. */
function useSave(edits: readonly EditWanted[], summary: string, onSaved: (saved: SavedState) => void) {
  const [failed, setFailed] = useState<SavedState | null>(null);
  const [isSaving, setSaving] = useState(false);
  const text = JSON.stringify(edits);
  useEffect(() => setFailed(null), [text]);
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
  return { failed, isSaving, save };
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
