// Installed plugins, and the endpoint types that they offer.

import { configuration } from "../editing/client";
import { count } from "../format";
import { Icon, StateMark } from "../icons";
import type { EndpointKind } from "../protocol";
import { devices, fits } from "./devices_store";
import { beginKind } from "./new_part";

export function PluginList() {
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
              <div class="dev-acts">
                {kindsOf(each.types).map((kind) => (
                  <button key={kind.name} class="btn ghost" aria-label={`Add ${kind.name}`} disabled={!configuration.value} onClick={() => beginKind(kind)}>
                    <Icon name="plus" />
                    {each.types.length > 1 ? kind.name : "Add"}
                  </button>
                ))}
              </div>
            </div>
            {each.error && <p class="err dev-pad">{each.error}</p>}
          </li>
        ))}
      </ul>
      {!found.length && <p class="none">{devices.value ? "Nothing matches the search." : "Reading the list…"}</p>}
    </section>
  );
}

function kindsOf(types: readonly string[]): readonly EndpointKind[] {
  return (devices.value?.kinds ?? []).filter((each) => types.includes(each.name));
}
