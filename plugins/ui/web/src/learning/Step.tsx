// One step: the control or the target is moved, picked, or named.

import { Icon, StateMark } from "../icons";
import { several } from "../format";
import type { LearningCandidate, LearningEnd } from "../protocol";
import { queries } from "../router";
import { online } from "../store";
import { learn, learnError, learning } from "./learning_store";
import { TargetChooser } from "./TargetChooser";

export type Role = "source" | "target";

const ENCODERS: Record<string, string> = {
  twos_complement: "encoder, two's complement",
  signed_bit: "encoder, sign bit",
  offset_64: "encoder, around 64",
};

interface StepProps {
  role: Role;
  number: number;
  title: string;
  hint: string;
}

export function Step({ role, number, title, hint }: StepProps) {
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
            Change
          </button>
        )}
      </header>
      <div class="step-body">
        {end ? (
          <End end={end} />
        ) : isListening ? (
          <p class="ask" role="status">
            <StateMark mark="idle" label={false} />
            Listening for meters and other controls that send by themselves. Do not move anything yet.
          </p>
        ) : isTurn ? (
          <p class="ask now" role="status">
            <span class="ping" aria-hidden="true" />
            <span>
              <b>{title} now, then release it.</b> {hint}
              {role === "target" && " Or choose it below."}
            </span>
          </p>
        ) : (
          <p class="faint">{hint}</p>
        )}
        {isTurn && !isListening && <Candidates role={role} list={state.candidates} ignored={state.ignored} />}
        {role === "target" && isTurn && <TargetChooser />}
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
      <dt>At</dt>
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
