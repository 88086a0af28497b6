// Devices: bridges and endpoints with their options, what was found around, profiles and plugins.

import { useEffect, useState } from "preact/hooks";

import { Around } from "../devices/Around";
import { ByHand } from "../devices/ByHand";
import { Connected } from "../devices/Connected";
import { devices, type Added } from "../devices/devices_store";
import { PluginList } from "../devices/PluginList";
import { readError, undoEdit, useConfiguration } from "../editing/client";
import { Icon, StateMark } from "../icons";
import { connection, may } from "../store";

export function Devices() {
  const allowed = may("configure");
  useEffect(() => {
    if (!allowed) return;
    connection.watch(() => ({ type: "watch_devices" }));
    return () => {
      connection.unwatch("devices");
      devices.value = null;
    };
  }, [allowed]);
  useConfiguration(allowed);
  const [added, setAdded] = useState<Added | null>(null);
  if (!allowed) return <p class="none">Adding and changing devices needs a token with the right configure.</p>;
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
        <PluginList />
      </div>
    </div>
  );
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
