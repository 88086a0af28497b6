// The grid of a page. Arranging moves controls by pointer and by keyboard.

import type { Signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";

import type { SurfacePage, Widget } from "../protocol";
import { changedPlace, moved, rowsOf, type Place } from "./placing";
import { edit, tryEdit } from "./surface_store";
import { WidgetView } from "./WidgetView";

const LEAST_ROWS = 8;
const SETTLE = 500; // ms after an answer within which the pages have come, too

interface Props {
  page: SurfacePage;
  query: string;
  isArranged: boolean;
  chosen: Signal<string>;
}

export function Stage({ page, query, isArranged, chosen }: Props) {
  const ref = useRef<HTMLDivElement>(null);
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (each: Widget) => words.every((word) => `${each.label} ${each.address}`.toLowerCase().includes(word));
  const rows = rowsOf(page.widgets, LEAST_ROWS) + (isArranged ? 2 : 0);
  return (
    <div class="stage-box">
      <div
        ref={ref}
        class="stage"
        style={{ "--columns": String(page.columns), "--rows": String(rows) }}
        onPointerDown={(event) => event.target === ref.current && (chosen.value = "")}
      >
        {(isArranged ? page.widgets : inOrder(page.widgets)).map((each) =>
          isArranged ? (
            <Arranged key={each.id} page={page} widget={each} rows={rows} stage={ref} chosen={chosen} />
          ) : (
            <div
              key={each.id}
              class={`wg k-${each.kind} ${words.length && fits(each) ? "found" : words.length ? "other" : ""}`}
              role="group"
              aria-label={each.label || each.address || "Text"}
              style={area(each, each.colour)}
            >
              <WidgetView widget={each} isArranged={false} />
            </div>
          ),
        )}
        {!page.widgets.length && <p class="none stage-none">{isArranged ? "Add controls at the side, or pin values in the view Values." : "This page is empty."}</p>}
      </div>
    </div>
  );
}

/** Row by row, as the keyboard goes through them. */
function inOrder(widgets: readonly Widget[]): Widget[] {
  return [...widgets].sort((a, b) => a.y - b.y || a.x - b.x);
}

function area(place: Place, colour: string): Record<string, string> {
  return {
    gridColumn: `${place.x + 1} / span ${place.w}`,
    gridRow: `${place.y + 1} / span ${place.h}`,
    ...(colour && { "--c": colour }),
  };
}

interface ArrangedProps {
  page: SurfacePage;
  widget: Widget;
  rows: number;
  stage: { current: HTMLDivElement | null };
  chosen: Signal<string>;
}

interface Drag {
  pointer: number;
  x: number;
  y: number;
  isSize: boolean;
  /** Where the control was. */
  place: Place;
}

function Arranged({ page, widget, rows, stage, chosen }: ArrangedProps) {
  const drag = useRef<Drag | null>(null);
  const [draft, setDraft] = useState<Place | null>(null);
  const { x, y, w, h } = widget;
  /** Where it was put, until the bridge has answered. */
  const [put, setPut] = useState<Place | null>(null);
  const place = draft ?? put ?? { x, y, w, h };
  const isChosen = chosen.value === widget.id;
  /** The same at once: keys and pointers may be faster. */
  const target = useRef<Place | null>(null);
  const unanswered = useRef(0);
  const release = () => {
    if (unanswered.current) return;
    target.current = null;
    setPut(null);
  };
  useEffect(release, [x, y, w, h]);
  const keep = (to: Place) => {
    const changes = changedPlace(target.current ?? { x, y, w, h }, to);
    if (!Object.keys(changes).length) return;
    target.current = to;
    setPut(to);
    unanswered.current++;
    const answered = () => void unanswered.current--;
    edit({ op: "change_widget", page: page.id, widget: widget.id, changes })
      .finally(answered)
      .then(() => window.setTimeout(release, SETTLE), release);
  };
  const down = (isSize: boolean) => (event: PointerEvent) => {
    if (event.button) return;
    event.stopPropagation();
    (event.currentTarget as HTMLElement).setPointerCapture(event.pointerId);
    chosen.value = widget.id;
    if (page.locked) return;
    drag.current = { pointer: event.pointerId, x: event.clientX, y: event.clientY, isSize, place: target.current ?? { x, y, w, h } };
  };
  const drags = (event: PointerEvent) => {
    const from = drag.current;
    const box = stage.current;
    if (!box || from?.pointer !== event.pointerId) return;
    const columns = Math.round(((event.clientX - from.x) / box.scrollWidth) * page.columns);
    const lines = Math.round(((event.clientY - from.y) / box.scrollHeight) * rows);
    setDraft(moved(from.place, page.columns, from.isSize ? { w: columns, h: lines } : { x: columns, y: lines }));
  };
  const up = (event: PointerEvent) => {
    if (drag.current?.pointer !== event.pointerId) return;
    drag.current = null;
    if (draft) keep(draft);
    setDraft(null);
  };
  const key = (event: KeyboardEvent) => {
    const by: Record<string, [number, number]> = {
      ArrowLeft: [-1, 0],
      ArrowRight: [1, 0],
      ArrowUp: [0, -1],
      ArrowDown: [0, 1],
    };
    const found = by[event.key];
    if (found && !page.locked) {
      event.preventDefault();
      const [dx, dy] = found;
      keep(moved(target.current ?? { x, y, w, h }, page.columns, event.shiftKey ? { w: dx, h: dy } : { x: dx, y: dy }));
    } else if (event.key === "Delete" && !page.locked) {
      tryEdit({ op: "remove_widget", page: page.id, widget: widget.id });
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      chosen.value = widget.id;
    } else if (event.key === "Escape") chosen.value = "";
  };
  return (
    <div class={`wg k-${widget.kind} ${isChosen ? "chosen" : ""}`} style={area(place, widget.colour)}>
      <div class="w-inert" inert>
        <WidgetView widget={widget} isArranged={true} />
      </div>
      <button
        class="w-grip"
        aria-pressed={isChosen}
        aria-label={`Arrange ${widget.label || widget.address || "text"}`}
        onPointerDown={down(false)}
        onPointerMove={drags}
        onPointerUp={up}
        onPointerCancel={up}
        onKeyDown={key}
      />
      {isChosen && !page.locked && (
        <span class="w-corner" aria-hidden="true" onPointerDown={down(true)} onPointerMove={drags} onPointerUp={up} onPointerCancel={up} />
      )}
    </div>
  );
}
