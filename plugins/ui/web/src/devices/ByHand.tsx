// Bridges and endpoints that are added by hand: a type, or a device with a profile.

import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

import { configuration } from "../editing/client";
import { several } from "../format";
import { devices, fits, type SavedProps } from "./devices_store";
import { begin, beginKind, beginProfile, newPart } from "./new_part";
import { PartForm } from "./PartForm";

export function ByHand({ onSaved }: SavedProps) {
  const ref = useRef<HTMLElement>(null);
  const draft = newPart.value;
  const close = () => (newPart.value = null);
  useEffect(() => {
    if (draft) ref.current?.scrollIntoView({ block: "nearest" }); // another panel may have opened it
  }, [draft]);
  useEffect(() => () => void close(), []);
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
        <PartChoices />
      )}
    </section>
  );
}

/** What can be added: a bridge, an endpoint of a type, or a device that has a profile. */
function PartChoices() {
  const state = devices.value;
  const hasBridge = fits("bridge osc");
  const kinds = (state?.kinds ?? []).filter((each) => fits(each.name, each.text));
  const profiles = (state?.profiles ?? []).filter((each) => fits(each.name, each.title));
  return (
    <div class="dev-hand">
      {(hasBridge || kinds.length > 0) && <h3>Types</h3>}
      <ul class="dev-profiles">
        {hasBridge && (
          <PartChoice onChoose={() => begin("bridge", "stage", { listen: "udp://0.0.0.0:9001" })} title="bridge">
            Receives OSC from anything.
          </PartChoice>
        )}
        {kinds.map((each) => (
          <PartChoice key={each.name} onChoose={() => beginKind(each)} title={each.name}>
            {each.text}
          </PartChoice>
        ))}
      </ul>
      {profiles.length > 0 && <h3>Known devices</h3>}
      <ul class="dev-profiles">
        {profiles.map((each) => (
          <PartChoice key={each.name} onChoose={() => beginProfile(each)} title={each.title}>
            <span class="mono">{each.name}</span>, {several(each.addresses, "address", "addresses")}
          </PartChoice>
        ))}
      </ul>
      {!hasBridge && !kinds.length && !profiles.length && <p class="faint">Nothing matches the search.</p>}
    </div>
  );
}

function PartChoice({ title, children, onChoose }: { title: string; children: ComponentChildren; onChoose(): void }) {
  return (
    <li>
      <button disabled={!configuration.value} onClick={onChoose}>
        <b>{title}</b>
        <small>{children}</small>
      </button>
    </li>
  );
}
