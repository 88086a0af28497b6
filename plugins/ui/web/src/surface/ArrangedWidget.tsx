// A control of a page that is arranged: it is moved by pointer and by keyboard.

import type { Signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";

import type { SurfacePage, Widget } from "../protocol";
import { changedPlace, gridArea, moved, type Place } from "./placing";
import { removeWidget } from "./removal";
import { edit } from "./surface_store";
import { WidgetView } from "./WidgetView";

const SETTLE = 500; // ms after an answer within which the pages have come, too

const ARROWS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

interface Props {
  page: SurfacePage;
  widget: Widget;
  rows: number;
  stage: { current: HTMLDivElement | null };
  chosen: Signal<string>;
}

export function ArrangedWidget({ page, widget, rows, stage, chosen }: Props) {
  const { put, target, keep } = usePut(page, widget);
  const cellsOf = (x: number, y: number) => {
    const box = stage.current;
    return box && ([Math.round((x / box.scrollWidth) * page.columns), Math.round((y / box.scrollHeight) * rows)] as const);
  };
  const choose = () => (chosen.value = widget.id);
  const { draft, down, handlers } = useWidgetDrag({ page, target, cellsOf, choose, keep });
  const isChosen = chosen.value === widget.id;
  const key = (event: KeyboardEvent) => {
    const found = ARROWS[event.key];
    if (found && !page.locked) {
      event.preventDefault();
      const [dx, dy] = found;
      keep(moved(target(), page.columns, event.shiftKey ? { w: dx, h: dy } : { x: dx, y: dy }));
    } else if (event.key === "Delete" && !page.locked) {
      removeWidget(page, widget);
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      choose();
    } else if (event.key === "Escape") chosen.value = "";
  };
  return (
    <div class={`wg k-${widget.kind} ${isChosen ? "chosen" : ""}`} style={gridArea(draft ?? put, widget.colour)}>
      <div class="w-inert" inert>
        <WidgetView widget={widget} isArranged={true} />
      </div>
      <button
        class="w-grip"
        aria-pressed={isChosen}
        aria-label={`Arrange ${widget.label || widget.address || "text"}`}
        onPointerDown={down(false)}
        onKeyDown={key}
        {...handlers}
      />
      {isChosen && !page.locked && <span class="w-corner" aria-hidden="true" onPointerDown={down(true)} {...handlers} />}
    </div>
  );
}

/** The place of a control: where it was put, until the bridge has answered. */
function usePut(page: SurfacePage, { id, x, y, w, h }: Widget) {
  const [put, setPut] = useState<Place | null>(null);
  /** The same at once: keys and pointers may be faster. */
  const latest = useRef<Place | null>(null);
  const unanswered = useRef(0);
  const target = (): Place => latest.current ?? { x, y, w, h };
  const release = () => {
    if (unanswered.current) return;
    latest.current = null;
    setPut(null);
  };
  useEffect(release, [x, y, w, h]);
  const keep = (to: Place) => {
    const changes = changedPlace(target(), to);
    if (!Object.keys(changes).length) return;
    latest.current = to;
    setPut(to);
    unanswered.current++;
    const answered = () => void unanswered.current--;
    edit({ op: "change_widget", page: page.id, widget: id, changes })
      .finally(answered)
      .then(() => window.setTimeout(release, SETTLE), release);
  };
  return { put: put ?? { x, y, w, h }, target, keep };
}

interface WidgetDrag {
  pointer: number;
  x: number;
  y: number;
  isSize: boolean;
  /** Where the control was. */
  place: Place;
}

interface WidgetDragOptions {
  page: SurfacePage;
  /** The place from which a drag begins. */
  target(): Place;
  /** A way in px as cells of the grid; null while there is none. */
  cellsOf(x: number, y: number): readonly [number, number] | null;
  choose(): void;
  keep(to: Place): void;
}

/** Moves a control, or changes its size, with a pointer; `draft` is the place until it is released. */
function useWidgetDrag({ page, target, cellsOf, choose, keep }: WidgetDragOptions) {
  const drag = useRef<WidgetDrag | null>(null);
  const [draft, setDraft] = useState<Place | null>(null);
  const down = (isSize: boolean) => (event: PointerEvent) => {
    if (event.button) return;
    event.stopPropagation();
    (event.currentTarget as HTMLElement).setPointerCapture(event.pointerId);
    choose();
    if (page.locked) return;
    drag.current = { pointer: event.pointerId, x: event.clientX, y: event.clientY, isSize, place: target() };
  };
  const drags = (event: PointerEvent) => {
    const from = drag.current;
    if (from?.pointer !== event.pointerId) return;
    const cells = cellsOf(event.clientX - from.x, event.clientY - from.y);
    if (!cells) return;
    const [across, lines] = cells;
    setDraft(moved(from.place, page.columns, from.isSize ? { w: across, h: lines } : { x: across, y: lines }));
  };
  const up = (event: PointerEvent) => {
    if (drag.current?.pointer !== event.pointerId) return;
    drag.current = null;
    if (draft) keep(draft);
    setDraft(null);
  };
  const handlers = { onPointerMove: drags, onPointerUp: up, onPointerCancel: up };
  return { draft, down, handlers };
}
