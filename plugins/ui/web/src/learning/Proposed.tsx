// The proposed route: its name, its direction, a test message, and the button to save it.

import { useState } from "preact/hooks";

import { configuration, readError, tableAt } from "../editing/client";
import { problemsOf, useDraft } from "../editing/draft";
import { SaveBox } from "../editing/SaveBox";
import { encodeTable } from "../forms/values";
import { MAX_NAME, type EditWanted, type LearningProposal, type SavedState } from "../protocol";
import { may, online } from "../store";
import { learn, learning } from "./learning_store";

interface ProposedProps {
  proposal: LearningProposal;
  onSaved(state: SavedState, name: string): void;
}

export function Proposed({ proposal, onSaved }: ProposedProps) {
  const both = learning.value?.both ?? false;
  const [typed, setTyped] = useState<string | null>(null);
  const edits = whole(proposal.edits);
  const draft = useDraft(edits);
  const options = (isBoth: boolean, name: string) => void learn({ type: "learn_options", both: isBoth, name });
  const { others } = problemsOf(draft, []);
  return (
    <>
      <div class="sf">
        <RouteNameField
          name={typed ?? proposal.name}
          isInvalid={proposal.error !== ""}
          onChange={(name) => {
            setTyped(name);
            options(both, name);
          }}
        />
        <DirectionField both={both} onToggle={() => options(!both, typed ?? "")} />
      </div>
      {proposal.error && (
        <p class="err" id="learn-error" role="alert">
          {proposal.error}
        </p>
      )}
      <ul class="notes">
        {proposal.notes.map((each) => (
          <li key={each}>{each}</li>
        ))}
      </ul>
      <TestSend />
      {readError.value && <p class="err">{readError.value}</p>}
      {!proposal.error && configuration.value && (
        <SaveBox
          edits={edits}
          draft={draft}
          summary={`${proposal.name} added by Learn`}
          problems={others}
          onSaved={(state) => onSaved(state, proposal.name)}
        />
      )}
    </>
  );
}

function RouteNameField({ name, isInvalid, onChange }: { name: string; isInvalid: boolean; onChange(name: string): void }) {
  return (
    <div class="sf-field set">
      <div class="sf-name">
        <label for="learn-name">Name</label>
      </div>
      <div class="sf-body">
        <input
          id="learn-name"
          class="in1 mono"
          maxLength={MAX_NAME}
          value={name}
          aria-invalid={isInvalid || undefined}
          aria-describedby="learn-error"
          spellcheck={false}
          autocomplete="off"
          onInput={(event) => onChange(event.currentTarget.value)}
        />
      </div>
    </div>
  );
}

/** Whether the control follows the target, too. */
function DirectionField({ both, onToggle }: { both: boolean; onToggle(): void }) {
  return (
    <div class="sf-field set">
      <div class="sf-name">
        <span id="learn-both">Both directions</span>
      </div>
      <div class="sf-body">
        <div class="sf-line">
          <button class="sw" role="switch" aria-checked={both} aria-labelledby="learn-both" onClick={onToggle}>
            <i />
          </button>
          <span>{both ? "The control follows the target, too." : "From the control to the target."}</span>
        </div>
      </div>
    </div>
  );
}

/** The edits of a proposal; a change of an endpoint gets the keys that it has. */
function whole(edits: readonly EditWanted[]): readonly EditWanted[] {
  return edits.map((each) => {
    if (each.kind !== "change") return each;
    const written = encodeTable(tableAt(each.path.map(String)));
    return { ...each, table: { ...written, ...each.table } };
  });
}

function TestSend() {
  const [sent, setSent] = useState("");
  const send = (share: number) => void learn({ type: "learn_test", share }).then(setSent);
  const disabled = !online.value || !may("send");
  return (
    <div class="test-send" role="group" aria-label="Test message">
      <span class="dim">Try the target</span>
      <button class="btn" disabled={disabled} onClick={() => send(0)}>
        Lowest
      </button>
      <button class="btn" disabled={disabled} onClick={() => send(0.5)}>
        Middle
      </button>
      <button class="btn" disabled={disabled} onClick={() => send(1)}>
        Highest
      </button>
      <span class="mono faint clip" role="status">
        {sent}
      </span>
    </div>
  );
}
