// The last saved edits: what they changed, and the way back.

import { useState } from "preact/hooks";

import { configuration, redoEdit, undoEdit } from "../editing/client";
import { Diff } from "../editing/SaveBox";
import { moment } from "../format";
import type { SavedState, VersionState } from "../protocol";
import { may, online } from "../store";
import { saved } from "./routes_store";

export function Versions() {
  const versions = configuration.value?.versions ?? [];
  const [error, setError] = useState("");
  if (!versions.length) return null;
  const show = (answer: Promise<SavedState>) => {
    setError("");
    answer.then(
      (state) => {
        setError(state.error);
        if (!state.error) saved.value = null;
      },
      (reason: Error) => setError(reason.message),
    );
  };
  const active = versions.filter((each) => !each.undone);
  return (
    <section class="panel" aria-label="Saved versions">
      <header>
        <h2>Saved versions</h2>
        <span class="faint">the last 20 are kept</span>
      </header>
      {error && (
        <p class="say b" role="alert">
          {error}
        </p>
      )}
      <ul class="vers">
        {versions.map((each) => (
          <Version key={each.number} version={each} isLast={each.number === active[0]?.number} onChange={show} />
        ))}
      </ul>
    </section>
  );
}

interface VersionProps {
  version: VersionState;
  isLast: boolean;
  onChange(answer: Promise<SavedState>): void;
}

function Version({ version, isLast, onChange }: VersionProps) {
  const [isOpen, setOpen] = useState(false);
  const disabled = !online.value || !may("configure");
  const { number } = version;
  return (
    <li class={version.undone ? "undone" : ""}>
      <time dateTime={new Date(version.time * 1_000).toISOString()}>{moment(version.time)}</time>
      <span class="clip">
        {version.summary || "changed"}
        {version.undone && <span class="faint"> undone</span>}
      </span>
      <span class="vers-acts">
        <button class="btn ghost" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          Compare
        </button>
        {version.undone ? (
          <button class="btn ghost" disabled={disabled} onClick={() => onChange(redoEdit(number))}>
            Redo
          </button>
        ) : (
          <button class="btn ghost" disabled={disabled} onClick={() => onChange(undoEdit(number, !isLast))}>
            {isLast ? "Undo" : "Go back"}
          </button>
        )}
      </span>
      {isOpen && <Diff text={version.diff} />}
    </li>
  );
}
