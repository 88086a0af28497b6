// Bridges and endpoints that are added by hand: a type, or a device with a profile.

import { useEffect, useRef } from "preact/hooks";

import { configuration } from "../editing/client";
import { several } from "../format";
import { devices, fits, type SavedProps } from "./devices_store";
import { begin, beginKind, newPart } from "./new_part";
import { PartForm } from "./PartForm";

export function ByHand({ onSaved }: SavedProps) {
  const ref = useRef<HTMLElement>(null);
  const draft = newPart.value;
  const close = () => (newPart.value = null);
  useEffect(() => {
    if (draft) ref.current?.scrollIntoView({ block: "nearest" }); // another panel may have opened it
  }, [draft]);
  useEffect(() => () => void close(), []);
  const state = devices.value;
  const hasBridge = fits("bridge osc");
  const kinds = (state?.kinds ?? []).filter((each) => fits(each.name, each.text));
  const profiles = (state?.profiles ?? []).filter((each) => fits(each.name, each.title));
  return (
    <section ref={ref} class="panel" aria-labelledby="dev-hand">
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
              close();
              onSaved({ name, text: "is added.", state: saved });
            }}
            onCancel={close}
          />
        </div>
      ) : (
        <div class="dev-hand">
          {(hasBridge || kinds.length > 0) && <h3>Types</h3>}
          <ul class="dev-profiles">
            {hasBridge && (
              <li>
                <button disabled={!configuration.value} onClick={() => begin("bridge", "stage", { listen: "udp://0.0.0.0:9001" })}>
                  <b>bridge</b>
                  <small>Receives OSC from anything.</small>
                </button>
              </li>
            )}
            {kinds.map((each) => (
              <li key={each.name}>
                <button disabled={!configuration.value} onClick={() => beginKind(each)}>
                  <b>{each.name}</b>
                  <small>{each.text}</small>
                </button>
              </li>
            ))}
          </ul>
          {profiles.length > 0 && <h3>Known devices</h3>}
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
          {!hasBridge && !kinds.length && !profiles.length && <p class="faint">Nothing matches the search.</p>}
        </div>
      )}
    </section>
  );
}
