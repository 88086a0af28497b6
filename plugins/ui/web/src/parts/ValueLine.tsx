// One address: its value in the display that fits its type, its last minute, and where it goes.
// Only the cells that show a value are drawn again with each message.

import { useComputed } from "@preact/signals";

import { argumentTexts, colourText, line, midi, text, timeTag } from "../argument_text";
import { figure, rate, span, visible } from "../format";
import type { ValueRow } from "../protocol";
import { online } from "../store";
import { bridgeTime, numberOf, type Value } from "../values_store";
import { Icon } from "../icons";
import { Sparkline } from "./Sparkline";
import { ValueControl, controlHeight } from "./ValueControl";

const STALE = 300; // seconds without a message after which a value is stale
const MINUTE = 60; // samples of the sparkline

interface Props {
  value: Value;
  top: number;
  index: number;
  total: number;
  isChosen: boolean;
  isOpen: boolean;
  onChoose(address: string): void;
  onOpen(address: string, index: number): void;
}

/** Seconds since the last message; NaN if there was none. */
function ageOf({ row }: Value): number {
  return row.time ? Math.max(bridgeTime.value - row.time, 0) : NaN;
}

/** Where its messages go, with its address or another one. */
function goals({ sinks, receivers }: ValueRow): string {
  return [...new Set([...sinks, ...receivers])].join(", ");
}

export function ValueLine({ value, top, index, total, isChosen, isOpen, onChoose, onOpen }: Props) {
  useRareChanges(value);
  const isStale = useStale(value);
  const { row } = value;
  const cut = row.address.lastIndexOf("/") + 1;
  return (
    <div
      class={`rowbox ${isStale ? "stale" : ""} ${isOpen ? "open" : ""}`}
      role="listitem"
      aria-setsize={total}
      aria-posinset={index + 1}
      style={{ transform: `translateY(${top}px)` }}
      onKeyDown={(event) => event.key === "Escape" && isOpen && onOpen(row.address, index)}
    >
      <div class="v">
        {plotCheckbox(row, isChosen, onChoose)}
        <button
          class="nm mono clip"
          title={row.address}
          aria-label={visible(row.address)}
          aria-expanded={isOpen}
          onClick={(event) => {
            onOpen(row.address, index);
            if (!isOpen) showWhole(event.currentTarget.closest(".rowbox"));
          }}
        >
          <span class="path">{visible(row.address.slice(0, cut))}</span>
          <span class="leaf">{visible(row.address.slice(cut))}</span>
        </button>
        <Shown value={value} />
        {lastMinute(value, isStale)}
        <Rate value={value} />
        <Age value={value} />
        <span class="src dim clip">{row.sources.join(", ") || row.peer || "–"}</span>
        <span class="to dim clip" title={goals(row)}>
          {goals(row) || "–"}
        </span>
      </div>
      {isOpen && (
        <div class="room-of" style={{ height: `${controlHeight(row, window.innerWidth < 768)}rem` }}>
          <ValueControl value={value} />
        </div>
      )}
    </div>
  );
}

/** Scrolls to a row whose control was opened just now: it may be under the lower edge of the screen. */
function showWhole(box: Element | null): void {
  requestAnimationFrame(() => box?.scrollIntoView({ block: "nearest" }));
}

/** Draws a row again when something changes in it that changes rarely. */
function useRareChanges(value: Value): void {
  void useComputed(() => {
    void value.version.value;
    const { types, sources, peer } = value.row;
    return `${numberOf(value.row) !== null} ${types} ${sources.join()} ${goals(value.row)} ${peer}`;
  }).value;
}

function useStale(value: Value): boolean {
  return useComputed(() => {
    void value.version.value;
    return !online.value || !(ageOf(value) < STALE);
  }).value;
}

// Cells that change only with their row are plain functions: a component costs more in each row.

function plotCheckbox(row: ValueRow, isChosen: boolean, onChoose: Props["onChoose"]) {
  if (numberOf(row) === null) return <span class="no-chk" />;
  return (
    <button
      class="chk"
      role="checkbox"
      aria-checked={isChosen}
      aria-label={`Plot ${row.address}`}
      onClick={() => onChoose(row.address)}
    >
      <Icon name="tick" />
    </button>
  );
}

function lastMinute(value: Value, isStale: boolean) {
  if (numberOf(value.row) === null) return <span class="no-line" />;
  return (
    <Sparkline
      series={value.series}
      version={value.slow}
      length={MINUTE}
      zero={false}
      tone={isStale ? "line-2" : "accent"}
      area={!isStale}
    />
  );
}

function Rate({ value }: { value: Value }) {
  void value.version.value;
  return <span class="num rt1 dim">{online.value && value.rate > 0.05 ? rate(value.rate) : "–"}</span>;
}

/** The age grows by itself; what a bridge that is away knows has none. */
function Age({ value }: { value: Value }) {
  void value.version.value;
  const age = online.value ? ageOf(value) : NaN;
  return <span class="num age dim">{Number.isNaN(age) ? "–" : age < 2 ? "now" : span(age)}</span>;
}

/** The value in the display that fits its type. */
function Shown({ value }: { value: Value }) {
  void value.version.value;
  const { row } = value;
  const [first] = row.args;
  if (!row.args.length) return <span class="val wide dim">trigger</span>;
  if (row.args.length > 1) return argumentList(row);
  if (typeof first === "boolean") return booleanChip(first);
  const tag = row.types.charAt(0);
  if (tag === "r" && typeof first === "string") return colourChip(first);
  if (typeof first === "number") return <NumberShown number={first} value={value} />;
  if (tag === "b") return blobBytes(String(first), row.cut);
  if (tag === "m" && typeof first === "string") return <span class="val wide">{midi(first)}</span>;
  if (tag === "t" && typeof first === "string") return <span class="val wide mono">{timeTag(first)}</span>;
  return (
    <span class="val wide clip" title={String(first)}>
      {tag === "s" || tag === "S" || tag === "c" ? `“${line(String(first))}”` : text(first ?? null)}
    </span>
  );
}

function argumentList(row: ValueRow) {
  const shown = argumentTexts(row);
  return (
    <span class="val wide mono clip" title={shown.join(" ")}>
      {shown.join(", ")}
      {row.cut && " …"}
    </span>
  );
}

function booleanChip(isTrue: boolean) {
  return (
    <span class="val wide">
      <span class="chip">
        <i class={`pill ${isTrue ? "t" : ""}`} />
        {String(isTrue)}
      </span>
    </span>
  );
}

function colourChip(colour: string) {
  return (
    <span class="val wide">
      <span class="chip">
        <i class="sw2" style={{ background: colour.slice(0, 7) }} />
        <span class="mono">{colourText(colour)}</span>
      </span>
    </span>
  );
}

function blobBytes(bytes: string, isCut: boolean) {
  return (
    <span class="val wide mono clip dim">
      {bytes.replace(/../g, "$& ") || "empty"}
      {isCut ? "…" : ""}
    </span>
  );
}

function NumberShown({ number, value }: { number: number; value: Value }) {
  const { least, most } = value.range;
  const isSigned = least < 0;
  const low = isSigned ? Math.min(least, -most) : 0;
  const at = (number - low) / (most - low || 1);
  const from = isSigned ? -low / (most - low || 1) : 0;
  const left = Math.min(from, at);
  return (
    <span class="val">
      <span class="bar" aria-hidden="true">
        <i style={{ left: `${(left * 100).toFixed(1)}%`, width: `${(Math.abs(at - from) * 100).toFixed(1)}%` }} />
      </span>
      <span class="n">{figure(number, most - least)}</span>
    </span>
  );
}
