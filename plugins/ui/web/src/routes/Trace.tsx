// Real messages on their way through the draft of a route.

import { useState } from "preact/hooks";

import type { Draft } from "../editing/draft";
import { several } from "../format";
import { StateMark } from "../icons";
import { MAX_TEXT, type TracedMessage } from "../protocol";
import { short } from "./routes_store";

export interface TrialWanted {
  message: string;
  run_function: boolean;
}

interface Props {
  draft: Draft;
  trial: TrialWanted;
  onTrial(trial: TrialWanted): void;
  hasFunction: boolean;
}

export function Trace({ draft, trial, onTrial, hasFunction }: Props) {
  const traced = draft.checked?.traced ?? [];
  const error = draft.checked?.trial_error ?? "";
  const sent = traced.filter(isSent).length;
  return (
    <section class="trace" aria-label="Live trace of this draft">
      <h3>
        Live trace of this draft
        <span>{traced.length ? `${sent} of ${traced.length} pass` : ""}</span>
      </h3>
      {traced.length > 0 && (
        <ul>
          {traced.map((each, index) => (
            <Traced key={index} message={each} />
          ))}
        </ul>
      )}
      {!traced.length && (
        <p class="say">
          {error || (draft.checked?.problems.length ? "The draft has a problem; see above." : "No message from its sources yet. Move a control, or type one below.")}
        </p>
      )}
      <label class="try">
        <span class="faint">Try</span>
        <input
          class="in1 mono"
          placeholder="/1/fader3 0.5"
          maxLength={MAX_TEXT}
          value={trial.message}
          spellcheck={false}
          autocomplete="off"
          onInput={(event) => onTrial({ ...trial, message: event.currentTarget.value })}
        />
        {hasFunction && (
          <button type="button" class="btn" aria-pressed={trial.run_function} onClick={() => onTrial({ ...trial, run_function: !trial.run_function })}>
            Run its function
          </button>
        )}
      </label>
    </section>
  );
}

function isSent(message: TracedMessage): boolean {
  return message.steps.some((each) => each.outcome === "sent");
}

function Traced({ message }: { message: TracedMessage }) {
  const [isOpen, setOpen] = useState(false);
  const passes = isSent(message);
  return (
    <li class={passes ? "" : "no"}>
      <button type="button" class="way" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        <span class="mono clip" title={message.text}>
          {short(message.text)}
        </span>
        {passes ? <Arrow /> : <StateMark mark="mute" label="does not pass" />}
        <span class="mono clip" title={message.result}>
          {short(message.result)}
        </span>
      </button>
      {isOpen && (
        <dl class="mono" aria-label={several(message.steps.length, "step")}>
          {message.steps.map((step, index) => (
            <div key={index} class={step.outcome}>
              <dt>
                {step.key} <span class="faint">{step.value}</span>
              </dt>
              <dd>{step.result}</dd>
            </div>
          ))}
        </dl>
      )}
    </li>
  );
}

function Arrow() {
  return (
    <svg class="arr" viewBox="0 0 16 12" role="img" aria-label="becomes">
      <path d="M1 6h13M10 2l4 4-4 4" fill="none" stroke="currentColor" stroke-width="1.5" />
    </svg>
  );
}
