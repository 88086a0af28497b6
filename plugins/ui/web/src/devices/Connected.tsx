// Bridges and endpoints: their states, test buttons and options.

import { useState } from "preact/hooks";

import { rate, several } from "../format";
import { Icon, StateMark, type Mark } from "../icons";
import type { BridgePart, EndpointPart, Problem } from "../protocol";
import { connection, online, order, parts, partsVersion, problems } from "../store";
import { devices, fits, type SavedProps } from "./devices_store";
import { PartOptions } from "./PartOptions";

export function Connected({ onSaved }: SavedProps) {
  void partsVersion.value;
  const shown = order.value.flatMap((id): (BridgePart | EndpointPart)[] => {
    const state = parts.get(id)?.state;
    if (state?.kind === "bridge") return [state];
    return state?.kind === "endpoint" && !state.is_bridge ? [state] : [];
  });
  const found = shown.filter((each) => fits(each.name, each.kind === "bridge" ? "bridge" : each.endpoint_type));
  return (
    <section class="panel" aria-labelledby="dev-parts">
      <header>
        <h2 id="dev-parts">Bridges and endpoints</h2>
        <span class="faint">{several(shown.length, "part")}</span>
      </header>
      {found.length ? (
        <ul class="dev-list">
          {found.map((each) => (
            <PartRow key={each.id} part={each} onSaved={onSaved} />
          ))}
        </ul>
      ) : (
        <p class="none">{shown.length ? "Nothing matches the search." : "No bridges or endpoints yet."}</p>
      )}
    </section>
  );
}

/** What flows: only ways that carry something. */
function flowText(part: BridgePart | EndpointPart): string {
  const known = parts.get(part.id);
  const ways = [known?.in.rate && `${rate(known.in.rate)} in`, known?.out.rate && `${rate(known.out.rate)} out`].filter(Boolean);
  return ways.join(", ") || "quiet";
}

function stateOf(part: BridgePart | EndpointPart): { mark: Mark; text: string } {
  if (part.problem) return { mark: "bad", text: part.kind === "bridge" ? "cannot receive" : "not connected" };
  if (part.kind === "bridge") return { mark: "live", text: "listening" };
  if (!part.connected) return { mark: "warn", text: "not connected" };
  return { mark: "live", text: "connected" };
}

function PartRow({ part, onSaved }: { part: BridgePart | EndpointPart } & SavedProps) {
  const [isOpen, setOpen] = useState(false);
  const { mark, text } = stateOf(part);
  const type = part.kind === "bridge" ? "bridge" : part.endpoint_type;
  const trouble = problems.value.find((each) => each.part === part.id);
  return (
    <li class={isOpen ? "open" : ""}>
      <div class="dev-row">
        <StateMark mark={mark} />
        <div class="dev-name">
          <p class="dev-title">
            <b>{part.name}</b>
            <span class={mark === "live" ? "faint" : mark === "bad" ? "b" : "w"}>{mark === "live" ? flowText(part) : text}</span>
          </p>
          <small>
            {type}
            {" · "}
            <span class="mono">{part.kind === "bridge" ? part.address : part.where}</span>
          </small>
        </div>
        <div class="dev-acts">
          {part.kind === "endpoint" && <Tests part={part} />}
          <button class="btn" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
            <Icon name="edit" />
            Options
          </button>
        </div>
      </div>
      {trouble && <Trouble problem={trouble} />}
      {isOpen && (
        <PartOptions
          kind={part.kind}
          name={part.name}
          onSaved={(state, what) => {
            setOpen(false);
            onSaved({ name: part.name, text: what, state });
          }}
          onCancel={() => setOpen(false)}
        />
      )}
    </li>
  );
}

function Trouble({ problem }: { problem: Problem }) {
  return (
    <div class={`dev-trouble ${problem.level}`}>
      <p>{problem.text}</p>
      <p class="dim">{problem.fix}</p>
      {problem.code && <pre class="mono">{problem.code}</pre>}
    </div>
  );
}

function Tests({ part }: { part: EndpointPart }) {
  const [result, setResult] = useState<{ text: string; isBad: boolean } | null>(null);
  const kind = devices.value?.kinds.find((each) => each.name === part.endpoint_type);
  if (!kind?.tests.length || !part.is_sink) return null;
  const run = (test: string) =>
    connection.command({ type: "test_endpoint", name: part.name, test }).then(
      (text) => setResult({ text, isBad: false }),
      (error: Error) => setResult({ text: error.message, isBad: true }),
    );
  return (
    <>
      {result && (
        <span class={`dev-result mono ${result.isBad ? "b" : "faint"}`} role="status">
          {result.text}
        </span>
      )}
      {kind.tests.map((each) => (
        <button key={each} class="btn" disabled={!online.value} onClick={() => void run(each)}>
          {each}
        </button>
      ))}
    </>
  );
}
