// Values to put onto a page: found by address, one or all at once.

import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";

import { cut, several } from "../format";
import { Icon } from "../icons";
import { MAX_NAME, type SurfaceEdit, type SurfacePage, type Widget } from "../protocol";
import { targetsOf } from "../sending";
import { connection } from "../store";
import { isWatched, listCounts, listing, values, type Value } from "../values_store";
import { empty, pinned, SIZES } from "./pinning";
import { freePlace, type Place } from "./placing";
import { tryEdit } from "./surface_store";

const SHOWN = 40; // values that are offered at once

const query = signal("");

export function AddControls({ page }: { page: SurfacePage }) {
  useFoundValues();
  const used = new Set(page.widgets.map((each) => each.address));
  const found = listing.value.order.flatMap((address) => values.get(address) ?? []).slice(0, SHOWN);
  const missing = found.filter((each) => !used.has(each.row.address));
  return (
    <section class="in add" aria-label="Add controls">
      <h2>Add controls</h2>
      <ValueSearch />
      {missing.length > 1 && (
        <button class="btn" onClick={() => put(page, missing)}>
          <Icon name="plus" />
          Add {missing.length === listCounts.value.found ? "all" : "these"} {missing.length}
        </button>
      )}
      <ul class="offers" aria-label="Values">
        {found.map((each) => (
          <Offer key={each.row.address} address={each.row.address} isUsed={used.has(each.row.address)} onAdd={() => put(page, [each])} />
        ))}
      </ul>
      {!found.length && isWatched.value && (
        <p class="faint">
          {query.value ? "No value fits." : "No message has passed yet. Move a control on a device: its value appears here."}
        </p>
      )}
      {listCounts.value.found > SHOWN && <p class="faint">{several(listCounts.value.found - SHOWN, "more value")}: narrow the search.</p>}
      <button class="btn ghost" onClick={() => putLabel(page)}>
        <Icon name="plus" />
        Add a text
      </button>
    </section>
  );
}

/** Watches the values that the search finds. */
function useFoundValues(): void {
  useEffect(() => {
    connection.watch(() => ({
      type: "watch_values",
      query: cut(query.value, MAX_NAME),
      first: 0,
      count: SHOWN,
    }));
  }, [query.value]);
  useEffect(
    () => () => {
      connection.unwatch("values");
      isWatched.value = false;
    },
    [],
  );
}

function ValueSearch() {
  return (
    <label class="find">
      <Icon name="search" />
      <span class="sr">Find a value to add</span>
      <input
        type="search"
        autocomplete="off"
        spellcheck={false}
        placeholder="Address, value or sender"
        value={query.value}
        onInput={(event) => (query.value = event.currentTarget.value)}
      />
    </label>
  );
}

function Offer({ address, isUsed, onAdd }: { address: string; isUsed: boolean; onAdd(): void }) {
  return (
    <li>
      <button class="offer" onClick={onAdd} aria-label={`Add ${address}`}>
        <Icon name={isUsed ? "tick" : "plus"} />
        <span class="mono clip">{address}</span>
      </button>
    </li>
  );
}

/** Puts controls for values onto free places. */
export function put(page: SurfacePage, chosen: readonly Value[]): void {
  tryEdit(...edits(page, chosen));
}

export function edits(page: SurfacePage, chosen: readonly Value[]): SurfaceEdit[] {
  const taken: Place[] = [...page.widgets];
  return chosen.map((each) => {
    const [target] = targetsOf(each.row);
    const widget = pinned(each.row, each.series.values(), target, taken, page.columns);
    taken.push(widget);
    return { op: "add_widget", page: page.id, widget };
  });
}

function putLabel(page: SurfacePage): void {
  const [w, h] = SIZES.label;
  const widget: Widget = { ...empty("label", freePlace(page.widgets, page.columns, w, h)), label: "Text" };
  tryEdit({ op: "add_widget", page: page.id, widget });
}
