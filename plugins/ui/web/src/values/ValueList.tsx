// The values as a list, of which only the rows on the screen are drawn.

import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

import { several } from "../format";
import { NoValues } from "../parts/NoValues";
import { controlHeight } from "../parts/ValueControl";
import { ValueLine } from "../parts/ValueLine";
import { listCounts, listing, values } from "../values_store";
import { choose, chosen, openRows, openVersion, range } from "./selection";

const OVERSCAN = 8; // rows above and below the screen
const CHUNK = 16; // the window moves in steps of so many rows
const MAX_ROWS = 380; // rows that are asked for at once

/** The height of a row in px, which depends on the size of the screen. */
const rowHeight = signal(40);

export function ValueList() {
  const ref = useVisibleRange();
  const { first, order } = listing.value;
  const { found, forgotten, total } = listCounts.value;
  const height = rowHeight.value;
  void openVersion.value;
  openRows.move(order, first);
  return (
    <section class="list" aria-label="Values">
      <ColumnNames />
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

function ColumnNames() {
  return (
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
  );
}

/** Asks for the rows that the element shows of the list, while it is scrolled and resized. */
function useVisibleRange() {
  const ref = useRef<HTMLDivElement>(null);
  useEffect(() => {
    let asked = 0;
    const look = () => {
      asked = 0;
      if (ref.current) measureRows(ref.current);
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
  return ref;
}

/** Measures a row, and finds the range of those on the screen. */
function measureRows(rows: HTMLElement): void {
  rowHeight.value = rows.querySelector<HTMLElement>(".probe")?.offsetHeight || 40;
  const top = -rows.getBoundingClientRect().top;
  const first = Math.max(0, openRows.at(Math.max(0, top), rowHeight.value) - OVERSCAN);
  const start = Math.floor(first / CHUNK) * CHUNK;
  const count = Math.ceil(window.innerHeight / rowHeight.value) + 2 * OVERSCAN + CHUNK;
  const wanted = { first: start, count: Math.min(Math.ceil(count / CHUNK) * CHUNK, MAX_ROWS) };
  if (wanted.first !== range.value.first || wanted.count !== range.value.count) range.value = wanted;
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
