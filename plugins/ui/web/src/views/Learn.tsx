// Learn a route: move the control, move the target, save what is proposed.

import { useEffect, useState } from "preact/hooks";

import { configuration, readAll, readError, tableAt, undoEdit } from "../editing/client";
import { problemsOf, SaveBox, useDraft } from "../editing/SaveBox";
import { encodeTable } from "../forms/values";
import { several } from "../format";
import { Icon, StateMark } from "../icons";
import { learn, learnError, learning } from "../learning/learning_store";
import type { EditWanted, LearningCandidate, LearningEnd, LearningProposal, SavedState } from "../protocol";
import { go, queries } from "../router";
import { connection, may, online, parts, partsVersion } from "../store";

type Role = "source" | "target";

const ENCODERS: Record<string, string> = {
  twos_complement: "encoder, two's complement",
  signed_bit: "encoder, sign bit",
  offset_64: "encoder, around 64",
};

export function Learn() {
  const allowed = may("configure");
  useEffect(() => {
    if (!allowed) return;
    connection.watch(() => ({ type: "watch_learning" }));
    void readAll();
    return () => {
      connection.unwatch("learning");
      learning.value = null;
    };
  }, [allowed]);
  if (!allowed) return <p class="none">Learning routes needs a token with the right configure.</p>;
  const state = learning.value;
  if (!state) return null;
  return (
    <div class="learn">
      <Step role="source" number={1} title="Move the control" hint="A fader, a knob, a button: on your controller, phone or desk." />
      <Step role="target" number={2} title="Move the target" hint="What it should control, on the other device; or choose it below." />
      <Result />
    </div>
  );
}

interface StepProps {
  role: Role;
  number: number;
  title: string;
  hint: string;
}

function Step({ role, number, title, hint }: StepProps) {
  const state = learning.value;
  if (!state) return null;
  const end = role === "source" ? state.source : state.target;
  const isTurn = state.waiting_for === role;
  const isListening = isTurn && state.listening > 0;
  return (
    <section class={`panel step-card ${isTurn ? "turn" : end ? "done" : "later"}`} aria-labelledby={`step-${role}`}>
      <header>
        <span class="nr" aria-hidden="true">
          {end ? <Icon name="tick" /> : number}
        </span>
        <h2 id={`step-${role}`}>{title}</h2>
        <span class="grow" />
        {end && (
          <button class="btn ghost" disabled={!online.value} onClick={() => void learn({ type: "learn_again", role })}>
            Another one
          </button>
        )}
      </header>
      <div class="step-body">
        {end ? (
          <End end={end} />
        ) : isListening ? (
          <p class="ask" role="status">
            <StateMark mark="idle" label={false} />
            Listening to what sends by itself. Move nothing yet.
          </p>
        ) : isTurn ? (
          <p class="ask now" role="status">
            <span class="ping" aria-hidden="true" />
            <span>
              <b>{title} now, then release it.</b> {hint}
            </span>
          </p>
        ) : (
          <p class="faint">{hint}</p>
        )}
        {isTurn && !isListening && <Candidates role={role} list={state.candidates} ignored={state.ignored} />}
        {role === "target" && isTurn && <Chooser />}
        {isTurn && learnError.value && (
          <p class="err" role="alert">
            {learnError.value}
          </p>
        )}
      </div>
    </section>
  );
}

function End({ end }: { end: LearningEnd }) {
  return (
    <dl class="kv end">
      <dt>{end.title ? "Control" : "Address"}</dt>
      <dd>
        {end.title && <b>{end.title} </b>}
        <span class="mono">{end.address}</span>
      </dd>
      <dt>Of</dt>
      <dd>{end.part}</dd>
      <dt>Values</dt>
      <dd>{ENCODERS[end.encoder] ?? (end.range || (end.types ? `,${end.types}` : "none"))}</dd>
    </dl>
  );
}

interface CandidatesProps {
  role: Role;
  list: readonly LearningCandidate[];
  ignored: number;
}

function Candidates({ role, list, ignored }: CandidatesProps) {
  const words = queries.learn.value.toLowerCase().split(/\s+/).filter(Boolean);
  const shown = list.filter((each) => words.every((word) => `${each.key} ${each.title}`.toLowerCase().includes(word)));
  const resting = list.length > 1 && list.every((each) => !each.is_moving);
  return (
    <>
      {resting && <p class="say">It is not certain which one you moved. Pick it, or move it again, further.</p>}
      {shown.length > 0 && (
        <ul class="cands" aria-label="What moved">
          {shown.map((each) => (
            <li key={each.key}>
              <button disabled={!online.value} onClick={() => void learn({ type: "learn_choose", role, key: each.key })}>
                <StateMark mark={each.is_moving ? "live" : "idle"} label={false} />
                <span class="who-moved">
                  <span class="mono">{each.address}</span>
                  <small>
                    {each.title && `${each.title}, `}
                    {each.part}
                    {each.encoder && `, ${ENCODERS[each.encoder]}`}
                  </small>
                </span>
                <span class="why">{each.why}</span>
                <Share value={each.share} />
              </button>
            </li>
          ))}
        </ul>
      )}
      {ignored > 0 && (
        <p class="faint small">{several(ignored, "other address", "other addresses")} that send by themselves, such as meters, do not count.</p>
      )}
    </>
  );
}

/** How likely it is. */
function Share({ value }: { value: number }) {
  return (
    <svg class="share" viewBox="0 0 40 4" preserveAspectRatio="none" aria-hidden="true">
      <rect width="40" height="4" rx="2" class="of" />
      <rect width={Math.max(2, 40 * value)} height="4" rx="2" class="is" />
    </svg>
  );
}

interface Offered {
  address: string;
  text: string;
}

/** The target by its address, without moving it. */
function Chooser() {
  void partsVersion.value;
  const sinks = [...parts.values()].flatMap(({ state }) => (state.kind === "endpoint" && state.is_sink ? [state.name] : []));
  const [part, setPart] = useState("");
  const [address, setAddress] = useState("");
  const [offered, setOffered] = useState<readonly Offered[]>([]);
  const chosen = part || (sinks[0] ?? "");
  useEffect(() => {
    if (!chosen) return;
    let isCurrent = true;
    connection.request({ type: "find_addresses", part: chosen, query: address }).then(
      (answer) => {
        if (isCurrent && answer.type === "known_addresses") setOffered(answer.addresses);
      },
      () => setOffered([]),
    );
    return () => {
      isCurrent = false;
    };
  }, [chosen, address]);
  if (!sinks.length) return <p class="say">There is no endpoint to send to yet. Add one under Devices.</p>;
  return (
    <form
      class="chooser"
      onSubmit={(event) => {
        event.preventDefault();
        void learn({ type: "learn_target", part: chosen, address: address.trim() });
      }}
    >
      <label>
        <span>Or choose: to</span>
        <select class="in1" value={chosen} onChange={(event) => setPart(event.currentTarget.value)}>
          {sinks.map((each) => (
            <option key={each} value={each}>
              {each}
            </option>
          ))}
        </select>
      </label>
      <label class="grow">
        <span>Address</span>
        <input
          class="in1 mono"
          list="learn-addresses"
          placeholder={offered[0]?.address ?? "/address"}
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
          value={address}
          onInput={(event) => setAddress(event.currentTarget.value)}
        />
      </label>
      <datalist id="learn-addresses">
        {offered.map((each) => (
          <option key={each.address} value={each.address}>
            {each.text}
          </option>
        ))}
      </datalist>
      <button class="btn" disabled={!address.trim().startsWith("/") || !online.value}>
        Take it
      </button>
    </form>
  );
}

function Result() {
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
          <p class="faint">It is proposed when both are known: with the scale between their ranges, a name, and a test message.</p>
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

interface ProposedProps {
  proposal: LearningProposal;
  onSaved(state: SavedState, name: string): void;
}

function Proposed({ proposal, onSaved }: ProposedProps) {
  const both = learning.value?.both ?? false;
  const [typed, setTyped] = useState<string | null>(null);
  const edits = whole(proposal.edits);
  const draft = useDraft(edits);
  const options = (isBoth: boolean, name: string) => void learn({ type: "learn_options", both: isBoth, name });
  const { others } = problemsOf(draft, []);
  return (
    <>
      <div class="sf">
        <div class="sf-field set">
          <div class="sf-name">
            <label for="learn-name">Name</label>
          </div>
          <div class="sf-body">
            <input
              id="learn-name"
              class="in1 mono"
              value={typed ?? proposal.name}
              aria-invalid={proposal.error !== "" || undefined}
              aria-describedby="learn-error"
              spellcheck={false}
              autocomplete="off"
              onInput={(event) => {
                setTyped(event.currentTarget.value);
                options(both, event.currentTarget.value);
              }}
            />
          </div>
        </div>
        <div class="sf-field set">
          <div class="sf-name">
            <span id="learn-both">Both directions</span>
          </div>
          <div class="sf-body">
            <div class="sf-line">
              <button class="sw" role="switch" aria-checked={both} aria-labelledby="learn-both" onClick={() => options(!both, typed ?? "")}>
                <i />
              </button>
              <span>{both ? "The control follows the target, too." : "From the control to the target."}</span>
            </div>
          </div>
        </div>
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
