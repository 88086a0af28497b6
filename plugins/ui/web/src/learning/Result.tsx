// The last step: the route that was learned.

import { useEffect, useState } from "preact/hooks";

import { undoEdit } from "../editing/client";
import { Icon, StateMark } from "../icons";
import type { SavedState } from "../protocol";
import { go } from "../router";
import { learn, learning } from "./learning_store";
import { Proposed } from "./Proposed";

export function Result() {
  const [saved, setSaved] = useState<{ state: SavedState; name: string } | null>(null);
  const proposal = learning.value?.proposal;
  const isOver = Boolean(proposal);
  useEffect(() => {
    if (isOver) setSaved(null);
  }, [isOver]);
  return (
    <section class={`panel step-card ${proposal ? "turn" : "later"}`} aria-labelledby="step-route">
      <header>
        <span class="nr" aria-hidden="true">
          {saved ? <Icon name="tick" /> : 3}
        </span>
        <h2 id="step-route">The route</h2>
      </header>
      <div class="step-body">
        {saved ? (
          <Saved {...saved} onUndone={() => setSaved(null)} />
        ) : proposal ? (
          <Proposed proposal={proposal} onSaved={(state, name) => setSaved({ state, name })} />
        ) : (
          <p class="faint">Proposed once both are known, with a scale between their ranges, a name and a test message.</p>
        )}
      </div>
    </section>
  );
}

function Saved({ state, name, onUndone }: { state: SavedState; name: string; onUndone(): void }) {
  const [error, setError] = useState("");
  const undo = () =>
    undoEdit(state.number || null).then(
      (answer) => (answer.error ? setError(answer.error) : onUndone()),
      (reason: Error) => setError(reason.message),
    );
  return (
    <>
      <p class="ask" role="status">
        <StateMark mark="live" label={false} />
        <span>
          <b>{name} is saved and runs.</b> Move the control: the target follows.
        </span>
      </p>
      {state.problems.map((each) => (
        <p key={each} class="err">
          {each}
        </p>
      ))}
      {error && <p class="err">{error}</p>}
      <div class="acts">
        <button class="btn ghost" onClick={() => void undo()}>
          Undo
        </button>
        <button class="btn ghost" onClick={() => go("routes")}>
          Open Routes
        </button>
        <button
          class="btn go"
          onClick={() => {
            void learn({ type: "learn_again", role: "target" }).then(() => learn({ type: "learn_again", role: "source" }));
            onUndone();
          }}
        >
          Learn the next one
        </button>
      </div>
    </>
  );
}
