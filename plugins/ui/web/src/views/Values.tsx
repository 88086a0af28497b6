// Every address with its last value, as a tree and as a list.

import { computed, effect, signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

import { count, cut, several, visible } from "../format";
import { Icon } from "../icons";
import { OpenRows } from "../open_rows";
import { NoValues } from "../parts/NoValues";
import { Plot } from "../parts/Plot";
import { controlHeight } from "../parts/ValueControl";
import { ValueLine } from "../parts/ValueLine";
import { MAX_NAME } from "../protocol";
import { queries } from "../router";
import { connection, online, pulse } from "../store";
import { branches, isWatched, listCounts, listing, sourceNames, tick, values } from "../values_store";

const OVERSCAN = 8; // rows above and below the screen
const CHUNK = 16; // the window moves in steps of so many rows
const MAX_ROWS = 380; // rows that are asked for at once

type Sort = "address" | "rate" | "age";

const stateFilter = signal<"all" | "live" | "stale">("all");
const source = signal("");
const prefix = signal("");
const sort = signal<Sort>("address");
const openBranches = signal<readonly string[]>([""]);
const range = signal({ first: 0, count: 60 });
/** Whether the list is held: nothing moves, and nothing is new. */
const isHeld = signal(false);
/** Messages that the bridge had received when the list was held. */
const heldAt = signal(0);

/** Addresses that are plotted. */
const chosen = signal<readonly string[]>([]);
const MAX_CHOSEN = 6;
/** Addresses whose control is open. */
const openRows = new OpenRows();
const openVersion = signal(0);

const query = computed(() => queries.values.value);

function watch(): void {
  connection.watch(() => ({
    type: "watch_values",
    query: cut(query.value, MAX_NAME),
    source: source.value,
    state: stateFilter.value,
    prefix: prefix.value,
    sort: sort.value,
    ...range.value,
    chosen: chosen.value,
    open: openBranches.value,
  }));
}

/** What makes another list of it. */
const selection = computed(() => [query.value, source.value, stateFilter.value, prefix.value, sort.value].join("\n"));

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
        <Tree />
        <List />
      </div>
    </>
  );
}

/** Plots an address, or no longer. */
function choose(address: string): void {
  const isChosen = chosen.value.includes(address);
  chosen.value = isChosen ? chosen.value.filter((each) => each !== address) : [...chosen.value, address].slice(-MAX_CHOSEN);
}

function toggleOpen(address: string, index: number): void {
  const row = values.get(address)?.row;
  if (openRows.has(address)) openRows.close(address);
  else if (row) openRows.open(address, index, controlHeight(row, window.innerWidth < 768) * rem());
  openVersion.value++;
}

function rem(): number {
  return parseFloat(getComputedStyle(document.documentElement).fontSize);
}

function hold(): void {
  heldAt.value = pulse.value?.received ?? 0;
  isHeld.value = !isHeld.value;
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

// --- the tree ------------------------------------------------------------------------------------

function Tree() {
  return (
    <nav class="tree" aria-label="Tree of addresses">
      <ul>
        <li>
          <button aria-current={prefix.value === "" ? "true" : undefined} onClick={() => (prefix.value = "")}>
            <span class="tw" />
            <span>All addresses</span>
            <span class="c">{count(listCounts.value.total)}</span>
          </button>
        </li>
        <Branch path="" depth={0} />
      </ul>
    </nav>
  );
}

function Branch({ path, depth }: { path: string; depth: number }) {
  const nodes = branches.value[path] ?? [];
  return (
    <>
      {nodes.map((node) => {
        const here = `${path}/${node.name}`;
        const isOpen = openBranches.value.includes(here);
        return (
          <li key={here}>
            <button
              class={isOpen ? "open" : ""}
              style={{ paddingLeft: `calc(.5rem + ${depth} * .875rem)` }}
              aria-current={prefix.value === here ? "true" : undefined}
              aria-expanded={node.leaf ? undefined : isOpen}
              onClick={() => openBranch(here, node.leaf, isOpen)}
            >
              {node.leaf ? <span class="tw" /> : <Icon name="chevron" />}
              <span class="mono clip">{visible(depth ? node.name : `/${node.name}`)}</span>
              <span class="c">{count(node.count)}</span>
            </button>
            {isOpen && !node.leaf && (
              <ul>
                <Branch path={here} depth={depth + 1} />
              </ul>
            )}
          </li>
        );
      })}
    </>
  );
}

const MAX_OPEN = 190;

function openBranch(path: string, isLeaf: boolean, isOpen: boolean): void {
  const wasChosen = prefix.value === path;
  prefix.value = path;
  if (isLeaf) return;
  if (isOpen && wasChosen) {
    openBranches.value = openBranches.value.filter((each) => each !== path && !each.startsWith(`${path}/`));
  } else if (!isOpen && openBranches.value.length < MAX_OPEN) {
    openBranches.value = [...openBranches.value, path];
  }
}

// --- the list ------------------------------------------------------------------------------------

/** The height of a row in px, which depends on the size of the screen. */
const rowHeight = signal(40);

function List() {
  const ref = useRef<HTMLDivElement>(null);
  useEffect(() => {
    let asked = 0;
    const look = () => {
      asked = 0;
      const box = ref.current;
      if (!box) return;
      rowHeight.value = box.querySelector<HTMLElement>(".probe")?.offsetHeight || 40;
      const top = -box.getBoundingClientRect().top;
      const first = Math.max(0, openRows.at(Math.max(0, top), rowHeight.value) - OVERSCAN);
      const start = Math.floor(first / CHUNK) * CHUNK;
      const rows = Math.ceil(window.innerHeight / rowHeight.value) + 2 * OVERSCAN + CHUNK;
      const wanted = { first: start, count: Math.min(Math.ceil(rows / CHUNK) * CHUNK, MAX_ROWS) };
      if (wanted.first !== range.value.first || wanted.count !== range.value.count) range.value = wanted;
    };
    const ask = () => {
      asked ||= requestAnimationFrame(look);
    };
    look();
    window.addEventListener("scroll", ask, { passive: true });
    window.addEventListener("resize", ask);
    return () => {
      cancelAnimationFrame(asked);
      window.removeEventListener("scroll", ask);
      window.removeEventListener("resize", ask);
    };
  }, []);
  const { first, order } = listing.value;
  const { found, forgotten, total } = listCounts.value;
  const height = rowHeight.value;
  void openVersion.value;
  openRows.move(order, first);
  return (
    <section class="list" aria-label="Values">
      <div class="cols" aria-hidden="true">
        <span />
        <span>Address</span>
        <span>Value</span>
        <span>Last minute</span>
        <span class="num">Rate</span>
        <span class="num">Age</span>
        <span>From</span>
        <span>Goes to</span>
      </div>
      <div class="rows" ref={ref} role="list" style={{ height: `${found * height + openRows.total}px` }}>
        <div class="probe" aria-hidden="true" />
        {order.map((address, i) => {
          const value = values.get(address);
          const index = first + i;
          return (
            value && (
              <ValueLine
                key={address}
                value={value}
                top={index * height + openRows.above(index)}
                index={index}
                total={found}
                isChosen={chosen.value.includes(address)}
                isOpen={openRows.has(address)}
                onChoose={choose}
                onOpen={toggleOpen}
              />
            )
          );
        })}
      </div>
      {found === 0 && <NoValues total={total} />}
      {forgotten > 0 && (
        <p class="none">{several(forgotten, "message")} to further addresses are not shown: these are too many, or too long.</p>
      )}
    </section>
  );
}
