// Devices that were found around, with one click to add them.

import { useState } from "preact/hooks";

import { configuration, saveEdits } from "../editing/client";
import { several } from "../format";
import { Icon, StateMark } from "../icons";
import type { DeviceFound } from "../protocol";
import { connection, online } from "../store";
import { devices, fits, freeName, takenNames, type SavedProps } from "./devices_store";

export function Around({ onSaved }: SavedProps) {
  const state = devices.value;
  const found = (state?.found ?? []).filter((each) => fits(each.name, each.endpoint_type, each.place));
  const look = () => void connection.command({ type: "look_for_devices" }).catch(() => undefined);
  return (
    <section class="panel" aria-labelledby="dev-around">
      <header>
        <h2 id="dev-around">Found nearby</h2>
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
      {!found.length && <p class="none">{state?.is_listing ? "Looking for ports and services…" : "Nothing was found. Is the device switched on, and in this network?"}</p>}
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
  const { isAdding, error, add } = useAddDevice(device, onSaved);
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

/** Adds a device that was found, as an endpoint with a free name. */
function useAddDevice(device: DeviceFound, onSaved: SavedProps["onSaved"]) {
  const [isAdding, setAdding] = useState(false);
  const [error, setError] = useState("");
  const add = async () => {
    setAdding(true);
    setError("");
    const name = freeName(device.proposed_name, takenNames());
    try {
      const edits = [{ kind: "add" as const, path: ["endpoint", name], table: device.table, position: null }];
      const saved = await saveEdits(configuration.value?.version ?? "", edits, `endpoint ${name} added: ${device.name}`);
      if (saved.error) setError(saved.error);
      else onSaved({ name, text: `is added: ${device.name}.`, state: saved });
    } catch (reason) {
      setError((reason as Error).message);
    } finally {
      setAdding(false);
    }
  };
  return { isAdding, error, add };
}
