// Devices: bridges and endpoints with their options, what was found around, profiles and plugins.

import { useEffect, useState } from "preact/hooks";

import { devices, freeName } from "../devices/devices_store";
import { PartForm, type PartKind } from "../devices/PartForm";
import { configuration, readAll, readError, saveEdits, tableAt, undoEdit } from "../editing/client";
import { decodeTable, textOf, type FormTable, type JsonValue } from "../forms/values";
import { count, rate, several } from "../format";
import { Icon, StateMark, type Mark } from "../icons";
import type { BridgePart, DeviceFound, EndpointPart, EndpointKind, Problem, SavedState } from "../protocol";
import { queries } from "../router";
import { connection, may, online, order, parts, partsVersion, problems } from "../store";

const AGAIN = 3_000; // ms within which a second press removes

export function Devices() {
  const allowed = may("configure");
  useEffect(() => {
    if (!allowed) return;
    connection.watch(() => ({ type: "watch_devices" }));
    void readAll();
    return () => {
      connection.unwatch("devices");
      devices.value = null;
    };
  }, [allowed]);
  const [added, setAdded] = useState<Added | null>(null);
  if (!allowed) return <p class="none">Devices are for tokens with the right configure.</p>;
  return (
    <div class="devices">
      {readError.value && (
        <p class="err" role="alert">
          {readError.value}
        </p>
      )}
      {added && <AddedNote {...added} onGone={() => setAdded(null)} />}
      <Connected onSaved={setAdded} />
      <div class="dev-side">
        <Around onSaved={setAdded} />
        <ByHand onSaved={setAdded} />
        <Plugins />
      </div>
    </div>
  );
}

interface Added {
  name: string;
  text: string;
  state: SavedState;
}

function fits(...texts: readonly string[]): boolean {
  const text = texts.join(" ").toLowerCase();
  return queries.devices.value
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

function takenNames(): readonly string[] {
  const tables = configuration.value?.tables ?? {};
  const names = (key: string) => Object.keys((tables[key] ?? {}) as object);
  return [...names("bridge"), ...names("endpoint")];
}

/** What was just done, with a way back. */
function AddedNote({ name, text, state, onGone }: Added & { onGone(): void }) {
  const [error, setError] = useState("");
  const undo = () =>
    undoEdit(state.number || null).then(
      (answer) => (answer.error ? setError(answer.error) : onGone()),
      (reason: Error) => setError(reason.message),
    );
  return (
    <div class="panel added" role="status">
      <StateMark mark="live" label={false} />
      <span class="grow">
        <b>{name}</b> {text}
        {state.problems.map((each) => (
          <span key={each} class="b">
            {" "}
            {each}
          </span>
        ))}
        {error && <span class="b"> {error}</span>}
      </span>
      <button class="btn ghost" onClick={() => void undo()}>
        Undo
      </button>
      <button class="btn ghost" aria-label="Hide this note" onClick={onGone}>
        <Icon name="close" />
      </button>
    </div>
  );
}

// --- bridges and endpoints -----------------------------------------------------------------------

interface SavedProps {
  onSaved(added: Added): void;
}

function Connected({ onSaved }: SavedProps) {
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
        <p class="none">{shown.length ? "None fits the search." : "There are none yet."}</p>
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
          <b>{part.name}</b>
          <small>
            {type}
            {" · "}
            <span class="mono">{part.kind === "bridge" ? part.address : part.where}</span>
          </small>
          <small class={mark === "live" ? "" : mark === "bad" ? "b" : "w"}>{mark === "live" ? flowText(part) : text}</small>
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
        <Options
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

interface OptionsProps {
  kind: PartKind;
  name: string;
  onSaved(state: SavedState, what: string): void;
  onCancel(): void;
}

function Options({ kind, name, onSaved, onCancel }: OptionsProps) {
  const written = tableAt([kind, name]);
  const isWritten = takenNames().includes(name);
  if (!configuration.value) return null;
  if (!isWritten) {
    return <p class="say dev-pad">It is not in the configuration file; a plugin or the environment has made it.</p>;
  }
  return (
    <div class="dev-pad">
      <PartForm
        key={configuration.value.version}
        kind={kind}
        name={name}
        isNew={false}
        value={written}
        onSaved={(state) => onSaved(state, "is changed.")}
        onCancel={onCancel}
      />
      <Remove kind={kind} name={name} onSaved={onSaved} />
    </div>
  );
}

/** A second press within three seconds removes it; then there is Undo. */
function Remove({ kind, name, onSaved }: Omit<OptionsProps, "onCancel">) {
  const [isAsked, setAsked] = useState(false);
  const [error, setError] = useState("");
  useEffect(() => {
    if (!isAsked) return;
    const timer = window.setTimeout(() => setAsked(false), AGAIN);
    return () => window.clearTimeout(timer);
  }, [isAsked]);
  const press = async () => {
    if (!isAsked) return setAsked(true);
    try {
      const edits = [{ kind: "remove" as const, path: [kind, name] }];
      const saved = await saveEdits(configuration.value?.version ?? "", edits, `${kind} ${name} removed`);
      if (saved.error) setError(saved.error);
      else onSaved(saved, "is removed.");
    } catch (reason) {
      setError((reason as Error).message);
    }
  };
  return (
    <div class="acts">
      <button class="btn ghost" disabled={!online.value} onClick={() => void press()}>
        <Icon name="trash" />
        {isAsked ? "Press again to remove it" : `Remove ${name}`}
      </button>
      {error && <p class="err">{error}</p>}
    </div>
  );
}

// --- found around --------------------------------------------------------------------------------

function Around({ onSaved }: SavedProps) {
  const state = devices.value;
  const found = (state?.found ?? []).filter((each) => fits(each.name, each.endpoint_type, each.place));
  const look = () => void connection.command({ type: "look_for_devices" }).catch(() => undefined);
  return (
    <section class="panel" aria-labelledby="dev-around">
      <header>
        <h2 id="dev-around">Found around</h2>
        <span class="faint grow" role="status">
          {state?.is_listing ? "looking…" : several(found.length, "device")}
        </span>
        <button class="btn ghost" disabled={!online.value || state?.is_listing} onClick={look}>
          Look again
        </button>
      </header>
      <ul class="dev-list">
        {found.map((each) => (
          <FoundRow key={`${each.endpoint_type} ${each.name} ${each.place}`} device={each} onSaved={onSaved} />
        ))}
      </ul>
      {!found.length && <p class="none">{state?.is_listing ? "Looking for ports and services…" : "Nothing was found."}</p>}
      {Object.entries(state?.problems ?? {}).map(([type, text]) => (
        <p key={type} class="dev-note">
          <StateMark mark="warn" label={false} />
          <span>
            <b>{type}</b>: {text}
          </span>
        </p>
      ))}
    </section>
  );
}

function FoundRow({ device, onSaved }: { device: DeviceFound } & SavedProps) {
  const [isAdding, setAdding] = useState(false);
  const [error, setError] = useState("");
  const add = async () => {
    setAdding(true);
    setError("");
    const name = freeName(device.proposed_name, takenNames());
    try {
      const edits = [{ kind: "add" as const, path: ["endpoint", name], table: device.table, position: null }];
      const saved = await saveEdits(configuration.value?.version ?? "", edits, `endpoint ${name} added: ${device.name}`.slice(0, 200));
      if (saved.error) setError(saved.error);
      else onSaved({ name, text: `is added: ${device.name}.`, state: saved });
    } catch (reason) {
      setError((reason as Error).message);
    } finally {
      setAdding(false);
    }
  };
  return (
    <li>
      <div class="dev-row">
        <StateMark mark={device.endpoint ? "live" : "idle"} label={device.endpoint ? "added" : "found"} />
        <div class="dev-name">
          <b>{device.name}</b>
          <small>
            {device.endpoint_type}
            {device.place && (
              <>
                {" · "}
                <span class="mono">{device.place}</span>
              </>
            )}
          </small>
        </div>
        <div class="dev-acts">
          {device.endpoint ? (
            <span class="faint">is {device.endpoint}</span>
          ) : (
            <button class="btn" disabled={isAdding || !online.value || !configuration.value} onClick={() => void add()} aria-label={`Add ${device.name}`}>
              <Icon name="plus" />
              {isAdding ? "Adding…" : "Add"}
            </button>
          )}
        </div>
      </div>
      {error && (
        <p class="err dev-pad" role="alert">
          {error}
        </p>
      )}
    </li>
  );
}

// --- by hand -------------------------------------------------------------------------------------

interface NewPart {
  kind: PartKind;
  name: string;
  value: FormTable;
}

function ByHand({ onSaved }: SavedProps) {
  const [draft, setDraft] = useState<NewPart | null>(null);
  const state = devices.value;
  const begin = (kind: PartKind, name: string, value: FormTable) =>
    setDraft({ kind, name: freeName(name, takenNames()), value });
  const kinds = (state?.kinds ?? []).filter((each) => fits(each.name, each.text));
  const profiles = (state?.profiles ?? []).filter((each) => fits(each.name, each.title));
  return (
    <section class="panel" aria-labelledby="dev-hand">
      <header>
        <h2 id="dev-hand">Add by hand</h2>
      </header>
      {draft ? (
        <div class="dev-pad">
          <PartForm
            key={`${draft.kind} ${draft.name}`}
            {...draft}
            isNew
            onSaved={(saved, name) => {
              setDraft(null);
              onSaved({ name, text: "is added.", state: saved });
            }}
            onCancel={() => setDraft(null)}
          />
        </div>
      ) : (
        <div class="dev-hand">
          <h3>A type</h3>
          <ul class="dev-profiles">
            {fits("bridge osc") && (
              <li>
                <button disabled={!configuration.value} onClick={() => begin("bridge", "stage", { listen: "udp://0.0.0.0:9001" })}>
                  <b>bridge</b>
                  <small class="clip">Receives OSC from anything.</small>
                </button>
              </li>
            )}
            {kinds.map((each) => (
              <li key={each.name}>
                <button disabled={!configuration.value} onClick={() => begin("endpoint", each.name, example(each))}>
                  <b>{each.name}</b>
                  <small class="clip">{each.text}</small>
                </button>
              </li>
            ))}
          </ul>
          {profiles.length > 0 && <h3>A device that is known</h3>}
          <ul class="dev-profiles">
            {profiles.map((each) => (
              <li key={each.name}>
                <button
                  disabled={!configuration.value}
                  onClick={() => begin("endpoint", each.name, { type: "osc", to: each.to || "udp://192.168.1.20:9000", profile: each.name })}
                >
                  <b>{each.title}</b>
                  <small>
                    <span class="mono">{each.name}</span>, {several(each.addresses, "address", "addresses")}
                  </small>
                </button>
              </li>
            ))}
          </ul>
        </div>
      )}
    </section>
  );
}

function example(kind: EndpointKind): FormTable {
  const table = decodeTable(kind.example as JsonValue);
  const plain = Object.fromEntries(
    Object.entries(table).map(([key, value]) => {
      const text = textOf(value);
      return [key, text.startsWith('"') ? (JSON.parse(text) as string) : value];
    }),
  );
  return { type: kind.name, ...plain };
}

// --- plugins -------------------------------------------------------------------------------------

function Plugins() {
  const found = (devices.value?.plugins ?? []).filter((each) => fits(each.name, ...each.types));
  return (
    <section class="panel" aria-labelledby="dev-plugins">
      <header>
        <h2 id="dev-plugins">Plugins</h2>
        <span class="faint">{count(found.length)}</span>
      </header>
      <ul class="dev-list">
        {found.map((each) => (
          <li key={each.name}>
            <div class="dev-row">
              <StateMark mark={each.error ? "bad" : "live"} label={each.error ? "cannot be used" : "in use"} />
              <div class="dev-name">
                <b>{each.name}</b>
                <small>
                  {each.version}
                  {each.types.length > 0 && ` · ${each.types.join(", ")}`}
                </small>
              </div>
            </div>
            {each.error && <p class="err dev-pad">{each.error}</p>}
          </li>
        ))}
      </ul>
    </section>
  );
}
