// Every address with its last value, as a tree and as a list.

import { effect } from "@preact/signals";
import { useEffect } from "preact/hooks";

import { count, several } from "../format";
import { Icon } from "../icons";
import { Plot } from "../plot/Plot";
import { connection, online, pulse } from "../store";
import { AddressTree } from "../values/AddressTree";
import {
  choose,
  chosen,
  heldAt,
  hold,
  isHeld,
  openRows,
  selection,
  sort,
  source,
  stateFilter,
  watch,
  type Sort,
} from "../values/selection";
import { ValueList } from "../values/ValueList";
import { isWatched, listCounts, sourceNames, tick } from "../values_store";

export function Values() {
  useEffect(() => {
    const reordered = effect(() => {
      void selection.value;
      openRows.forget();
    });
    const end = effect(() => {
      if (isHeld.value) {
        connection.unwatch("values");
        isWatched.value = false;
      } else watch();
    });
    const resting = window.setInterval(() => {
      if (online.peek() && !isHeld.peek()) tick();
    }, 1_000);
    return () => {
      end();
      reordered();
      window.clearInterval(resting);
      connection.unwatch("values");
      isWatched.value = false;
    };
  }, []);
  return (
    <>
      <Tools />
      {chosen.value.length > 0 && <Plot chosen={chosen} onRemove={choose} />}
      <div class="split">
        <AddressTree />
        <ValueList />
      </div>
    </>
  );
}

/** How many messages have passed since the list was held. */
function Missed() {
  const since = (pulse.value?.received ?? 0) - heldAt.value;
  return <span class="faint">{since > 0 ? `${several(since, "message")} since` : "Held"}</span>;
}

function Tools() {
  const { total, live, stale } = listCounts.value;
  const states = [
    ["all", "All", total],
    ["live", "Live", live],
    ["stale", "Stale", stale],
  ] as const;
  return (
    <div class="tools">
      <div class="seg" role="group" aria-label="Show">
        {states.map(([key, name, number]) => (
          <button key={key} aria-pressed={stateFilter.value === key} onClick={() => (stateFilter.value = key)}>
            {name}
            <small>{online.value || key === "all" ? count(number) : "–"}</small>
          </button>
        ))}
      </div>
      <label class="pick-one">
        <span class="sr">Sender</span>
        <select value={source.value} onChange={(event) => (source.value = event.currentTarget.value)}>
          <option value="">Every source</option>
          {sourceNames.value.map((each) => (
            <option key={each} value={each}>
              {each}
            </option>
          ))}
        </select>
      </label>
      <label class="pick-one">
        <span class="sr">Order</span>
        <select value={sort.value} onChange={(event) => (sort.value = event.currentTarget.value as Sort)}>
          <option value="address">By address</option>
          <option value="rate">Busiest first</option>
          <option value="age">Latest first</option>
        </select>
      </label>
      <span class="grow" />
      {isHeld.value && <Missed />}
      <button class="btn" aria-pressed={isHeld.value} aria-label={isHeld.value ? "Resume" : "Hold"} onClick={hold}>
        <Icon name={isHeld.value ? "play" : "pause"} />
        <span class="desk">{isHeld.value ? "Resume" : "Hold"}</span>
      </button>
    </div>
  );
}
